"""Evidence: the pictures and points behind the numbers of one evaluation, in safetensors beside its result.

An evaluation stores it, a report shows it; nothing in it is a score. Keys are `group.field`; a group is there whole or
not at all. Tiles are uint8 (n, h, w) for grey and (n, h, w, 3) for colour.

    map.real, map.fake               (n, 2) float32: principal components fitted on the real embeddings
    map.real_labels, map.fake_labels (n,) int64, -1 unknown (the fake's: the class that was asked for)
    map.explained                    (2,) share of the real variance on each axis
    neighbours.fake                  (n, h, w[, 3]) fakes; neighbours.real (n, k, h, w[, 3]) their nearest reals
    neighbours.distance              (n, k); neighbours.quantile (n,) of the nearest among real-to-real distances
    distances.edges                  (b + 1,); distances.fake, distances.real, distances.heldout (b,) shares of rows
                                     whose nearest (other) real lies in that bin; heldout only where it was given
    worst.tiles, worst.values        least realistic fakes first; likewise best, influential (of FID), unsure (of
                                     the classifier); worst.near (n, 3, h, w[, 3]) the reals nearest to each
    cells.tiles, cells.asked, cells.judged   examples for the cells of the confusion matrix
    diversity.edges, diversity.real, diversity.fake   shares of pairs of one class by distance
    modes.real, modes.fake           (k, 8, h, w[, 3]) images of k modes that one set has more of, black where there are
                                     fewer; modes.counts, modes.of (k, 2) how many rows of real and fake, of how many;
                                     modes.invented (k,) 1 where the fakes are too many; modes.p (k,) corrected
                                     p-values; modes.class (k,) the class inside which it was found, -1 for all
    interpolation.tiles              (rows, columns, h, w[, 3]) interpolations between two latents of one class
    judge.confusion                  (k, k) int64: the classifier on its real test split, rows true, columns judged
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from numpy.typing import NDArray

from ganeval.core.vectors import load_arrays, read_arrays
from ganeval.runs import layout

FILE = "evidence.safetensors"  # beside a result that names no file of its own
Evidence = Mapping[str, NDArray]


def evidence_of(run: Path, step: int | None) -> dict[str, NDArray]:
    """The evidence of the evaluation at `step` of a run directory: {} where it has none, an error where it is
    another's.
    """
    result = layout.result_path(run, step or 0)
    if not result.is_file():
        return {}
    return read_arrays(result, "evidence") or read_evidence(result.with_name(FILE))


def read_evidence(path: str | Path) -> dict[str, NDArray]:
    """All arrays of one file by `group.field`; empty where there is no such file."""
    path = Path(path)
    return load_arrays(path, "evidence") if path.is_file() else {}


def group(evidence: Evidence, name: str) -> dict[str, NDArray]:
    """The fields of one group, {} where it is absent.

    >>> import numpy as np
    >>> group({"map.real": np.zeros((1, 2)), "judge.confusion": np.eye(2)}, "judge")["confusion"].shape
    (2, 2)
    """
    return {key.partition(".")[2]: value for key, value in evidence.items() if key.partition(".")[0] == name}
