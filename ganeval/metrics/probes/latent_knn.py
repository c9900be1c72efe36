"""Is a representation useful? k-nearest-neighbour accuracy in a latent space (Fournier and Aloise 2021,
arXiv:2103.04874).

A plain function of three labelled sets, not a metric of (real, fake): k is chosen on `select`, the number is of
`report`, and nothing of `report` is looked at before k is fixed. Choosing k on the test set, as is often done, reports
the maximum of as many noisy numbers as there are candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.rows import Features
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Score

CANDIDATES = (1, 5, 10, 15, 25, 35, 50)
TILE = 1024


def latent_knn(fit: Features, select: Features, report: Features, *, ks: Sequence[int] = CANDIDATES) -> Score:
    """Accuracy on `report` of a majority vote among the k nearest rows of `fit`, k chosen on `select`.

    All three need labels. Ties of the vote go to the class of the nearer neighbour. With one candidate nothing is
    chosen, and `select` is not looked at. `details`: k, the accuracy on the selection split for each candidate,
    per-class recall.
    `per_sample`: `correct`.

    Returns: [0, 1] with a Wilson interval. Bias: none in the number of report rows; rises with the rows of `fit`.
    Raises: TooFewSamplesError when `fit` has fewer rows than the largest k.

    >>> two = Features.given(torch.tensor([[0.0], [0.1], [5.0], [5.1]]), labels=[0, 0, 1, 1])
    >>> float(latent_knn(two, two, two, ks=(1,)))
    1.0
    """
    _require(fit, {"fit": fit, "select": select, "report": report}, ks)
    chosen_on = selection_accuracy(fit, select, ks=ks) if len(ks) > 1 else {}
    best = max(ks, key=lambda k: (chosen_on.get(k, 0.0), -k))
    correct = _hits(fit, report, [best])[best]
    labels = _labels(report)
    recall = {str(c): float(correct[labels == c].mean()) for c in np.unique(labels)}
    p, n = float(correct.mean()), len(correct)
    return Score(
        p,
        se=float(np.sqrt(p * (1 - p) / n)),
        interval=wilson(int(correct.sum()), n),
        n=n,
        name="latent_knn",
        better="higher",
        perfect=1.0,
        question="representation",
        per_sample={"correct": correct.astype(np.float32)},
        linear="correct",
        details={"k": best, "selection_accuracy": {str(k): a for k, a in chosen_on.items()}, "recall": recall},
        signature=f"latent_knn|k:{best}|n:{len(fit)}/{n}",
    )


def selection_accuracy(fit: Features, select: Features, *, ks: Sequence[int] = CANDIDATES) -> dict[int, float]:
    """The vote's accuracy on `select` for each k: what k, or a representation, may be chosen by before a report.

    >>> two = Features.given(torch.tensor([[0.0], [0.1], [5.0], [5.1]]), labels=[0, 0, 1, 1])
    >>> selection_accuracy(two, two, ks=(1, 2))
    {1: 1.0, 2: 1.0}
    """
    _require(fit, {"fit": fit, "select": select}, ks)
    return {k: float(np.mean(hit)) for k, hit in _hits(fit, select, ks).items()}


def _require(fit: Features, parts: Mapping[str, Features], ks: Sequence[int]) -> None:
    if not ks:
        raise WrongInputError(
            "ks must name at least one number of neighbours; got none. Leave it out for the usual ones."
        )
    for name, part in parts.items():
        if part.labels is None:
            raise UndefinedError(f"Nearest neighbours vote with labels; the {name} set has none. Pass labels.")
        part.passport.require_comparable(fit.passport)
    if len(fit) < max(ks):
        raise TooFewSamplesError(
            f"{max(ks)} neighbours were asked for; the fit set has {len(fit)} rows. Pass smaller ks."
        )


def _hits(fit: Features, asked: Features, ks: Sequence[int]) -> dict[int, np.ndarray]:
    """For each k, whether the vote is right, (n,) bool; neighbours are found once for the largest k."""
    known, truth = _labels(fit), _labels(asked)
    classes = int(max(known.max(), truth.max())) + 1
    right: dict[int, list[np.ndarray]] = {k: [] for k in ks}
    rows = fit.embeddings.double()
    middle = rows.mean(dim=0)  # far from the origin the distances would lose their digits
    rows = rows - middle
    for start in range(0, len(asked), TILE):
        distances = torch.cdist(asked.embeddings[start : start + TILE].double() - middle, rows)
        near = known[distances.topk(max(ks), largest=False).indices.cpu().numpy()]
        for k in ks:
            votes = np.stack([(near[:, :k] == c).sum(axis=1) for c in range(classes)], axis=1).astype(np.float64)
            first = np.argmax(
                near[:, :k, None] == np.arange(classes), axis=1
            )  # place of each class's nearest neighbour
            votes -= first / (k + 1) * 0.5
            right[k].append(votes.argmax(axis=1) == truth[start : start + TILE])
    return {k: np.concatenate(parts) for k, parts in right.items()}


def _labels(features: Features) -> np.ndarray:
    assert features.labels is not None
    return features.labels.cpu().numpy()
