"""GAN-train, or classification accuracy score (CAS): a classifier trained on fakes, tested on real images.

Ravuri and Vinyals 2019 (arXiv:1905.10887), Shmelkov et al. 2018 (arXiv:1807.09499, section 3.1). It sees missing
variety, which GAN-test cannot; it does not see copies of the training set, nor noise added to them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch

from ganeval.classifiers.train_own import train_classifier
from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import metric
from ganeval.records.scores import Z95, Score

NEEDS = ("real", "labels", "pixels")


@metric(
    "gan_train",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1905.10887",
    question="label",
    within=(0, 1),
    needs=NEEDS,
    wants=("heldout",),
    biased_in_n=True,
    slow=True,
)
def gan_train(
    pair: Pair,
    *,
    repeats: Annotated[int, Within(1, 100)] = 1,
    epochs: Annotated[float, Within(0, 1000, open=True)] = 5.0,
) -> Score:
    """Accuracy on real test images of a small classifier that was trained on the fakes and the labels they were asked
    for.

    Tests on the held-out set where there is one, else on the real set. `repeats` classifiers differ by their seed
    alone.
    `details`: accuracy of each repeat, per-class recall, and the ceiling: the same classifier trained on as many real
    images (only where a held-out set leaves the real one free to train on).

    Returns: [0, 1]. Interval: binomial error of the test images and, from two repeats on, the spread of the seeds,
    added in quadrature (Student's t). Bias: rises with the number of fakes; compare at equal n only, beside the
    ceiling.
    Needs: images and labels on both sides. Trains `repeats` networks: minutes, not seconds, so it only runs when asked.
    """
    test = pair.heldout or pair.real
    assert test is not None
    x, y = _labelled(test, "real test")
    fakes = _labelled(pair.fake, "fake")
    classes = int(max(int(y.max()), int(fakes[1].max()))) + 1
    hits = np.stack(list(_trained_hits(fakes, (x, y), classes, repeats, epochs, pair.seed)))
    by_seed = hits.mean(axis=1)
    value, se, interval = _with_seeds(by_seed, hits.shape[1])
    details = {
        "by_seed": by_seed.tolist(),
        "recall": {str(c): float(hits[:, y.numpy() == c].mean()) for c in np.unique(y.numpy())},
        "tested_on": len(y),
    }
    if pair.heldout is not None and pair.real is not None and None not in (pair.real.images, pair.real.labels):
        details |= _ceiling(pair, (x, y), classes, repeats, epochs)
    return Score(value, se=se, interval=interval, n=len(pair.fake), details=details)


def _trained_hits(
    train: tuple[torch.Tensor, torch.Tensor],
    test: tuple[torch.Tensor, torch.Tensor],
    classes: int,
    repeats: int,
    epochs: float,
    seed: int,
) -> Iterator[np.ndarray]:
    """For each repeat, whether each test image is recognised, (n,)."""
    for repeat in range(repeats):
        judge = train_classifier(*train, classes, seed=seed + repeat, epochs=epochs, progress="GAN-train")
        yield (judge.logits(test[0]).argmax(dim=1).cpu() == test[1]).numpy().astype(np.float64)


def _with_seeds(by_seed: np.ndarray, n: int) -> tuple[float, float, tuple[float, float]]:
    """(mean, standard error, 95 % interval): sampling of the test images, and of the training seeds when there are
    two.
    """
    p, repeats = float(by_seed.mean()), len(by_seed)
    sampling = p * (1 - p) / n
    if repeats == 1:
        half, se = Z95 * math.sqrt(sampling), math.sqrt(sampling)
    else:
        from scipy.stats import t as student

        seeds = float(by_seed.var(ddof=1)) / repeats
        se = math.sqrt(sampling + seeds)
        half = math.hypot(Z95 * math.sqrt(sampling), float(student.ppf(0.975, repeats - 1)) * math.sqrt(seeds))
    return p, se, (max(0.0, p - half), min(1.0, p + half))


def _ceiling(
    pair: Pair, test: tuple[torch.Tensor, torch.Tensor], classes: int, repeats: int, epochs: float
) -> dict[str, float | int]:
    assert pair.real is not None
    x, y = _labelled(pair.real, "real")
    classes = max(classes, int(y.max()) + 1)
    rows = torch.from_numpy(np.random.default_rng(pair.seed).permutation(len(x))[: len(pair.fake)])
    hits = list(_trained_hits((x[rows], y[rows]), test, classes, repeats, epochs, pair.seed))
    return {"ceiling": float(np.mean(hits)), "ceiling_n": len(rows)}


def _labelled(features: Features, which: str) -> tuple[torch.Tensor, torch.Tensor]:
    if features.images is None or features.labels is None:
        why = features.images.unlabelled if features.images is not None else ""
        raise UndefinedError(f"GAN-train needs {which} images with labels. {why or 'Pass images, and one label each.'}")
    if len(features) < 2:
        raise TooFewSamplesError(f"GAN-train needs at least 2 {which} images; got {len(features)}.")
    return torch.from_numpy(np.require(features.images.array(), requirements=["C", "W"])), features.labels.cpu()
