"""Do generated images show the class that was asked for? GAN-test (Shmelkov et al. 2018, arXiv:1807.09499, section
3.2).

A classifier trained on real images judges fakes that carry the label they were asked for. Widths of proportions are
Wilson intervals throughout: near 100 %, where good generators live, the textbook interval has no width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.confusion import corrected_rate
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Z95, Score


@metric(
    "classifier_score",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1807.09499",
    question="label",
    within=(0, 1),
    needs=("logits", "labels"),
)
def classifier_score(pair: Pair) -> Score:
    """GAN-test: the share of generated images that the classifier puts into the class that was asked for.

    Returns: [0, 1], a proportion. What real images get is the classifier's own
    accuracy, so that no single value is perfect; a collapsed generator (one good image per class) scores high, too.
    Bias: none in n; the classifier's own errors lower it, which `details["corrected"]` takes out.
    Standard error: binomial, with a Wilson interval.
    details: `confusion` (rows asked for, columns judged), `classes` (n, recall, precision, F1, each with a 95 %
    interval), `worst` (the class of lowest recall), and, where the classifier's own confusion on real test images is
    known, `corrected`: the rate with the classifier's errors taken out, its interval covering both samples.
    per_sample["correct"]: 1 where the classifier agrees; per_sample["label"]: the class that was asked for.

    >>> from ganeval.features.rows import Features
    >>> fakes = Features.given(np.zeros((4, 1)), logits=9 * np.eye(2)[[0, 1, 1, 1]], labels=[0, 0, 1, 1])
    >>> score = classifier_score(Pair(None, fakes))
    >>> float(score), score.details["confusion"], score.details["worst"]
    (0.75, [[1, 1], [0, 2]], '0')
    """
    labels, judged, k = _verdicts(pair)
    counts = confusion_counts(labels, judged, k)
    hits = int(counts.trace())
    n, rate = len(labels), hits / len(labels)
    classes = _class_table(counts, pair.fake.passport.class_names)
    details = {
        "confusion": counts.tolist(),
        "classes": classes,
        "worst": min((c for c in classes if c["n"]), key=lambda c: c["recall"])["name"],
        **_corrected(counts, pair.fake.confusion),
    }
    correct = (labels == judged).astype(np.float32)
    se = float(np.sqrt(rate * (1 - rate) / n))
    return Score(
        rate,
        se=se,
        interval=wilson(hits, n),
        n=n,
        per_sample={"correct": correct, "label": labels.astype(np.float32)},
        linear="correct",
        details=details,
    )


def confusion_counts(labels: NDArray[np.int64], judged: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """(k, k) counts: rows asked for, columns judged.

    >>> confusion_counts(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(labels * k + judged, minlength=k * k).reshape(k, k)


def _verdicts(pair: Pair) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    logits, labels = pair.fake.logits, pair.fake.labels
    if logits is None or labels is None:
        raise UndefinedError("classifier_score needs logits and labels of the fakes.")
    k = logits.shape[1]
    asked = labels.cpu().numpy().astype(np.int64)
    if len(asked) == 0:
        raise UndefinedError("classifier_score needs at least one labelled fake image; got none.")
    if asked.min() < 0 or asked.max() >= k:
        raise WrongInputError(
            f"Labels must lie in 0..{k - 1}, one per class of the classifier; got {asked.min()} to {asked.max()}. "
            "Renumber the labels or choose the classifier they belong to."
        )
    return asked, logits.argmax(dim=1).cpu().numpy(), k


def _class_table(counts: NDArray[np.int64], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_class_row(counts, c, names[c] if c < len(names) else str(c)) for c in range(len(counts))]


def _class_row(counts: NDArray[np.int64], c: int, name: str) -> dict[str, Any]:
    hits, asked, judged = int(counts[c, c]), int(counts[c].sum()), int(counts[:, c].sum())
    either = asked + judged - hits
    recall, precision, jaccard = (_proportion(hits, total) for total in (asked, judged, either))
    f1 = [None if x is None else 2 * x / (1 + x) for x in jaccard]  # F1 = 2 J / (1 + J), monotone in a proportion
    return {
        "name": name,
        "n": asked,
        "judged": judged,
        "recall": recall[0],
        "recall_interval": recall[1:],
        "precision": precision[0],
        "precision_interval": precision[1:],
        "f1": f1[0],
        "f1_interval": f1[1:],
    }


def _proportion(hits: int, total: int) -> list[float | None]:
    return [None, None, None] if total == 0 else [hits / total, *wilson(hits, total)]


def _corrected(counts: NDArray[np.int64], confusion: NDArray[np.int64] | None) -> dict[str, Any]:
    if confusion is None:
        return {"corrected": None, "corrected_why": "the classifier's own confusion matrix is not known"}
    if confusion.shape != counts.shape:
        raise WrongInputError(
            f"The classifier's confusion matrix must be {counts.shape}, one row per class; got {confusion.shape}."
        )
    try:
        rate = corrected_rate(counts, confusion)
    except UndefinedError as error:
        return {"corrected": None, "corrected_why": str(error)}
    low, high = max(0.0, rate.value - Z95 * rate.se), min(1.0, rate.value + Z95 * rate.se)
    return {"corrected": rate.value, "corrected_se": rate.se, "corrected_interval": [low, high]}
