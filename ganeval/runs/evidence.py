"""Evidence: the pictures and points behind the numbers of one evaluation, in `evidence.safetensors` beside its result.

An evaluation stores it, a report shows it; nothing in it is a score. Keys are `group.field`; a group is there whole or
not at all. Tiles are uint8 (n, h, w) for grey and (n, h, w, 3) for colour.

    map.real, map.fake               (n, 2) float32: principal components fitted on the real embeddings
    map.real_labels, map.fake_labels (n,) int64, -1 unknown (the fake's: the class that was asked for)
    map.explained                    (2,) share of the real variance on each axis
    neighbours.fake                  (n, h, w[, 3]) fakes; neighbours.real (n, k, h, w[, 3]) their nearest reals
    neighbours.distance              (n, k); neighbours.quantile (n,) of the nearest among real-to-real distances
    distances.edges                  (b + 1,); distances.fake, distances.real, distances.heldout (b,) shares of rows
                                     whose nearest (other) real lies in that bin; heldout only where it was given
    worst.tiles, worst.values        least realistic fakes first; likewise best, influential (of FID), unsure (judge)
    cells.tiles, cells.asked, cells.judged   examples for the cells of the confusion matrix
    diversity.edges, diversity.real, diversity.fake   shares of pairs of one class by distance
    interpolation.tiles              (rows, columns, h, w[, 3]) walks between two latents of one class
    judge.confusion                  (k, k) int64: the judge on its real test split, rows true, columns judged
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import BrokenRunError
from ganeval.files import open_regular, write_atomic
from ganeval.runs import layout

FILE = "evidence.safetensors"
MAX_BYTES = 256 * 2**20
GROUPS = (
    "map", "neighbours", "distances", "worst", "best", "influential", "unsure", "cells", "diversity",
    "interpolation", "judge",
)  # fmt: skip

Evidence = Mapping[str, NDArray]


def evidence_path(run: Path, step: int | None) -> Path:
    """Where the evidence of the evaluation at `step` lies inside a run directory."""
    return layout.result_path(run, step or 0).with_name(FILE)


def write_evidence(path: str | Path, evidence: Evidence) -> Path:
    """Write arrays by `group.field`, atomically; equal arrays give equal bytes."""
    from safetensors.numpy import save

    return write_atomic(path, save({key: np.ascontiguousarray(evidence[key]) for key in sorted(evidence)}))


def read_evidence(path: str | Path) -> dict[str, NDArray]:
    """All arrays by `group.field`; empty where there is no such file."""
    path = Path(path)
    if not path.is_file():
        return {}
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if path.stat().st_size > MAX_BYTES:
        raise BrokenRunError(f"{path} is larger than {MAX_BYTES // 2**20} MiB. Evaluate that run again.")
    try:
        with open_regular(path) as file:
            return load(file.read())
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise BrokenRunError(f"Expected the evidence of an evaluation in {path}; {error}. Evaluate again.") from error


def group(evidence: Evidence, name: str) -> dict[str, NDArray]:
    """The fields of one group, {} where it is absent.

    >>> group({"map.real": np.zeros((1, 2)), "judge.confusion": np.eye(2)}, "judge")["confusion"].shape
    (2, 2)
    """
    return {key.partition(".")[2]: value for key, value in evidence.items() if key.partition(".")[0] == name}
