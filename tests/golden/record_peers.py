"""Record what other libraries say about the same features: python tests/golden/record_peers.py (needs the extra
`bench`).

The features come from NumPy's legacy generator, whose stream is frozen, so that the tests can make them again.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg

Rows = NDArray[np.float64]


def features(n: int, m: int, d: int) -> tuple[Rows, Rows]:
    """Real (n, d) and fake (m, d), correlated, a little apart."""
    random = np.random.RandomState(2020)
    mix = random.standard_normal((d, d)) / np.sqrt(d) + np.eye(d)
    real, fake = random.standard_normal((n, d)) @ mix, 1.2 * random.standard_normal((m, d)) @ mix.T + 0.1
    return real, fake


def repeated() -> Rows:
    """40 rows of whole numbers, ten times each, so that the distance between copies is exactly 0."""
    return np.repeat(np.arange(120.0).reshape(40, 3), 10, axis=0)


def statistics(rows: Rows, ddof: int = 1) -> tuple[Rows, Rows]:
    return rows.mean(axis=0), np.cov(rows, rowvar=False, ddof=ddof)


def pytorch_fid(real: Rows, fake: Rows) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it calls sqrtm(disp=)
        return float(calculate_frechet_distance(*statistics(real), *statistics(fake)))


def clean_fid(real: Rows, fake: Rows) -> float:
    from cleanfid.fid import fid_from_feats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return float(fid_from_feats(real, fake))


def torchmetrics_fid(real: Rows, fake: Rows) -> float:
    from torchmetrics.image.fid import _compute_fid

    parts = [torch.from_numpy(part) for rows in (real, fake) for part in statistics(rows)]
    return float(_compute_fid(*parts))


def torch_fidelity_fid(real: Rows, fake: Rows) -> float:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    first, second = (fid_features_to_statistics(torch.from_numpy(rows)) for rows in (real, fake))
    return fid_statistics_to_metric(first, second, verbose=False)["frechet_inception_distance"]


def stylegan3(real: Rows, fake: Rows) -> float:
    """Its formula (metrics/frechet_inception_distance.py): raw moments divided by n, the real part of sqrtm."""
    (mu, sigma), (mu_r, sigma_r) = statistics(fake, ddof=0), statistics(real, ddof=0)
    root = linalg.sqrtm(sigma @ sigma_r)
    return float(np.real(np.square(mu - mu_r).sum() + np.trace(sigma + sigma_r - root * 2)))


def torch_fidelity_kid(real: Rows, fake: Rows, subsets: int, size: int) -> float:
    from torch_fidelity.metric_kid import kid_features_to_metric

    settings = {"kid_subsets": subsets, "kid_subset_size": size, "rng_seed": 2020, "verbose": False}
    both = [torch.from_numpy(rows) for rows in (real, fake)]
    return kid_features_to_metric(*both, **settings)["kernel_inception_distance_mean"]


def torchmetrics_kid(real: Rows, fake: Rows) -> float:
    from torchmetrics.image.kid import poly_mmd

    return float(poly_mmd(torch.from_numpy(real), torch.from_numpy(fake)))


def clean_fid_kid(real: Rows, fake: Rows) -> float:
    from cleanfid.fid import kernel_distance

    return kernel_distance(real, fake, num_subsets=1, max_subset_size=len(real))


def logits(n: int, k: int) -> Rows:
    """(n, k), sorted by their largest entry's class, so that a protocol without a shuffle would show."""
    rows = 4 * np.random.RandomState(2021).standard_normal((n, k))
    return rows[np.argsort(rows.argmax(axis=1), kind="stable")]


def torch_fidelity_is(rows: Rows, splits: int) -> dict[str, float]:
    from torch_fidelity.metric_isc import isc_features_to_metric

    found = isc_features_to_metric(torch.from_numpy(rows), splits=splits)
    return {"mean": found["inception_score_mean"], "sd": found["inception_score_std"]}


def torchmetrics_is(rows: Rows) -> float:
    """Its `compute` on logits, with one split: with more, its unseeded shuffle gives another number each time."""
    from torchmetrics.image.inception import InceptionScore

    compute: Callable[..., Any] = InceptionScore.compute  # called without building its network
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the standard deviation of one number
        return float(compute(SimpleNamespace(features=[torch.from_numpy(rows)], splits=1))[0])


def torch_fidelity_pr(real: Rows, fake: Rows, k: int) -> dict[str, float]:
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    found = calculate_precision_recall_full(torch.from_numpy(fake), torch.from_numpy(real), k)
    return {"precision": float(found[0]), "recall": float(found[1])}


def prdc(real: Rows, fake: Rows, k: int) -> dict[str, float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        return {name: float(value) for name, value in compute_prdc(real, fake, nearest_k=k).items()}


FRECHET: dict[str, Callable[[Rows, Rows], float]] = {
    "pytorch-fid": pytorch_fid,
    "clean-fid": clean_fid,
    "torchmetrics": torchmetrics_fid,
    "torch-fidelity": torch_fidelity_fid,
    "stylegan3": stylegan3,
}


def record() -> dict[str, object]:
    real, fake = features(400, 300, 24)
    square, other = features(200, 200, 16)
    judged = logits(503, 12)
    packages = ("pytorch-fid", "clean-fid", "torchmetrics", "torch-fidelity", "prdc", "scipy", "numpy", "torch")
    return {
        "versions": {name: version(name) for name in packages},
        "fid": {"shape": [400, 300, 24], "values": {name: call(real, fake) for name, call in FRECHET.items()}},
        "kid": {
            "shape": [200, 200, 16],
            "torch-fidelity, 20 subsets of 50": torch_fidelity_kid(square, other, 20, 50),
            "torchmetrics, one full subset": torchmetrics_kid(square, other),
            "clean-fid, one full subset": clean_fid_kid(square, other),
        },
        "inception score": {
            "shape": [503, 12],
            "torch-fidelity, 10 splits": torch_fidelity_is(judged, 10),
            "torch-fidelity, 1 split": torch_fidelity_is(judged, 1)["mean"],
            "torchmetrics, 1 split": torchmetrics_is(judged),
        },
        "precision and recall": {
            "shape": [400, 300, 24],
            "torch-fidelity, k = 3": torch_fidelity_pr(real, fake, 3),
            "torch-fidelity, k = 5": torch_fidelity_pr(real, fake, 5),
            "prdc, k = 5": prdc(real, fake, 5),
            "prdc, k = 3": prdc(real, fake, 3),
            "prdc, k = 5, each of 40 rows ten times, against itself": prdc(repeated(), repeated(), 5),
        },
    }


if __name__ == "__main__":
    path = Path(__file__).with_name("peers.json")
    path.write_text(json.dumps(record(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
