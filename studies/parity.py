"""How far our numbers are from those of other implementations on the same features.

Needs torch-fidelity (installed with the package); peers of the extra `bench` are left
out of the table where they are missing. One core and about a minute are enough.
"""

from __future__ import annotations

import runpy
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full

from ganeval.core.files import write_atomic
from ganeval.core.machine import versions
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS
from studies.page import RESULTS, markdown_table, render_document

PEERS = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "golden" / "record_peers.py"))
Row = tuple[str, str, str, float, float]  # work, peer, shape, theirs, ours
PACKAGES = ("torch-fidelity", "pytorch-fid", "clean-fid", "torchmetrics", "scipy", "numpy", "torch")


def main(*, out: Path = RESULTS) -> Path:
    """Write `out/parity.md`."""
    warnings.simplefilter("ignore")  # the peers' own
    rows = [row for part in (frechet, kernel, inception, neighbours) for row in part()]
    return write_atomic(out / "parity.md", render_page(rows))


def frechet() -> Iterator[Row]:
    fid = METRICS["fid"]
    for shape in ((2000, 1800, 64), (3000, 3000, 512), (300, 250, 512), (2000, 300, 512)):
        real, fake = PEERS["features"](*shape)
        for name, peer in PEERS["FRECHET"].items():
            theirs = attempt(lambda peer=peer, real=real, fake=fake: peer(real, fake))
            if theirs is not None:
                yield "FID", name, regime(shape), theirs, float(fid(pair(real, fake), convention=name))


def kernel() -> Iterator[Row]:
    kid = METRICS["kid"]
    for shape in ((1200, 1200, 64), (1200, 1200, 2048)):
        real, fake = PEERS["features"](*shape)
        ours = float(kid(pair(real, fake), subsets=10, subset_size=500))
        yield (
            "KID, 10 subsets of 500",
            "torch-fidelity",
            regime(shape),
            PEERS["torch_fidelity_kid"](real, fake, 10, 500),
            ours,
        )
        for name in ("torchmetrics_kid", "clean_fid_kid"):
            theirs = attempt(lambda name=name, real=real, fake=fake: PEERS[name](real, fake))
            if theirs is not None:
                yield (
                    "KID, all rows",
                    name.removesuffix("_kid").replace("_", "-"),
                    regime(shape),
                    theirs,
                    float(kid(pair(real, fake))),
                )


def inception() -> Iterator[Row]:
    for spread in (1.0, 100.0):
        logits = torch.from_numpy(spread * np.random.RandomState(0).standard_normal((5000, 10)))
        theirs = isc_features_to_metric(logits, splits=10)["inception_score_mean"]
        alone = Pair(None, Features.given(torch.zeros(5000, 1), logits=logits))
        ours = float(METRICS["inception_score"](alone, splits=10))
        yield f"Inception score, 10 splits, logits x {spread:g}", "torch-fidelity", "n = 5000, k = 10", theirs, ours


def neighbours() -> Iterator[Row]:
    for shape in ((1500, 1400, 64), (300, 250, 512)):
        real, fake = PEERS["features"](*shape)
        theirs = calculate_precision_recall_full(torch.from_numpy(fake), torch.from_numpy(real), neighborhood=3)
        for name, value in zip(("precision", "recall"), theirs, strict=True):
            yield name, "torch-fidelity", regime(shape), float(value), float(METRICS[name](pair(real, fake), k=3))
        for name, value in brute_force(real, fake).items():
            yield name, "brute force", regime(shape), value, float(METRICS[name](pair(real, fake), k=5))


def brute_force(real: np.ndarray, fake: np.ndarray, k: int = 5) -> dict[str, float]:
    """Precision, recall, density, coverage by their definitions with closed balls, all distances at once."""

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.stack([np.linalg.norm(b - row, axis=1) for row in a])

    real_radius, fake_radius = (np.sort(distances(x, x), axis=1)[:, k] for x in (real, fake))
    cross = distances(real, fake)
    in_real, in_fake = cross <= real_radius[:, None], cross <= fake_radius[None, :]
    return {
        "precision": in_real.any(axis=0).mean(),
        "recall": in_fake.any(axis=1).mean(),
        "density": in_real.sum() / (k * len(fake)),
        "coverage": in_real.any(axis=1).mean(),
    }


def pair(real: np.ndarray, fake: np.ndarray) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def regime(shape: tuple[int, int, int]) -> str:
    n, m, d = shape
    return f"n = {n}, m = {m}, d = {d}" + (" (n < d)" if min(n, m) < d else "")


def attempt(work: Callable[[], float]) -> float | None:
    try:
        return work()
    except ImportError:
        return None


def render_page(rows: Sequence[Row]) -> str:
    singular = (
        "Where n < d the covariances are singular: the peers take roots of eigenvalues of a product that is not "
        "symmetric, and rounding noise of about 1e-16 becomes 1e-8 under the root, once for every empty direction. Our "
        "route through the rows has no such directions; the difference there is theirs."
    )
    heads = ("work", "peer", "features", "theirs", "ours", "relative difference")
    cells = [
        (work, peer, shape, f"{theirs:.12g}", f"{ours:.12g}", f"{difference(theirs, ours):.1e}")
        for work, peer, shape, theirs, ours in rows
    ]
    title, said = "Parity: our numbers and theirs on the same features", f"With {versions(PACKAGES)}."
    return render_document(title, "parity", [singular, markdown_table(heads, cells)], said=said)


def difference(theirs: float, ours: float) -> float:
    return abs(ours - theirs) / (abs(theirs) or 1.0)
