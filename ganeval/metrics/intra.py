"""Metrics inside each class: intra-FID, intra-KID, intra-recall (cGANs with projection, arXiv:1802.05637, section 6).

A conditional generator may mix up its classes and keep an excellent FID (ContraGAN on CIFAR-10: FID 6.0, intra-FID
120). Each class is measured alone, real rows of a class against fakes that were asked for it, and the mean is reported.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from ganeval.errors import GanevalError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS, Metric, metric
from ganeval.records.scores import Score

_SAME = "both sets need the same classes. Take the others out, or ask for every class of the real set"
NEEDS = ("real", "labels", "real_labels")


@metric(
    "intra_fid",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:1802.05637",
    question="label",
    within=(0, math.inf),
    needs=NEEDS,
    biased_in_n=True,
)
def intra_fid(pair: Pair) -> Score:
    """Mean over classes of the Frechet distance between real and fake rows of one class.

    `details["by_class"]` has value, error and n of each class, or why a class has none; the mean needs them all.

    Returns: [0, inf).
    Standard error: the classes' errors in quadrature (they share no fake row). Measured on two real embeddings with
    50 fakes a class: right within 15 % away from 0, up to 1.3 times too wide near it.
    Bias: upwards, about d / n of a class: 1,000 rows of 64-d embeddings a class are few; compare at equal n only.
    """
    return over_classes(pair, METRICS["fid"])


@metric("intra_kid", better="lower", perfect=0.0, version=1, paper="arXiv:1802.05637", question="label", needs=NEEDS)
def intra_kid(pair: Pair) -> Score:
    """Mean over classes of the kernel distance between real and fake rows of one class; unbiased, so for small classes.

    Returns: [-small, inf). Bias: none in n. Standard error: the classes' errors in quadrature. `details["by_class"]` as
    `intra_fid`.
    """
    return over_classes(pair, METRICS["kid"])


@metric(
    "intra_recall",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:1904.06991",
    question="diversity",
    within=(0, 1),
    needs=NEEDS,
    biased_in_n=True,
)
def intra_recall(pair: Pair) -> Score:
    """Mean over classes of the share of a class's real rows inside the manifold of the fakes asked for it.

    Returns: [0, 1]. Standard error: the classes' errors in quadrature; 0.9 to 1.2 times the truth, as for `recall`.
    `details["by_class"]` as `intra_fid`.
    Bias: rises with n of a class; compare at equal n only.
    """
    return over_classes(pair, METRICS["recall"])


def over_classes(pair: Pair, inner: Metric) -> Score:
    """The mean of a metric over the classes, each class alone; raises when one class has no value."""
    by_class: dict[str, Any] = {}
    scores: list[Score] = []
    for label, part in class_pairs(pair).items():
        try:
            scores.append(inner(part))
            by_class[label] = {"value": float(scores[-1]), "se": scores[-1].se, "n": len(part.fake)}
        except GanevalError as error:
            by_class[label] = {"value": None, "why": str(error), "n": len(part.fake)}
    lacking = [label for label, entry in by_class.items() if entry["value"] is None]
    if lacking:
        raise UndefinedError(f"{inner.name} has no value in class {lacking[0]}: {by_class[lacking[0]]['why']}")
    value = math.fsum(scores) / len(scores)
    errors = [s.se for s in scores]
    se = None if None in errors else math.sqrt(math.fsum(e * e for e in errors if e is not None)) / len(scores)
    worst = (max if inner.better == "lower" else min)(by_class, key=lambda label: by_class[label]["value"])
    return Score(value, se=se, n=len(pair.fake), details={"by_class": by_class, "worst": worst})


def class_pairs(pair: Pair) -> dict[str, Pair]:
    """One pair for each class of the real set; a class without fakes is an error, for its distance would be
    infinite.
    """
    assert pair.real is not None
    assert pair.real.labels is not None
    assert pair.fake.labels is not None
    names = pair.real.label_names or pair.real.passport.class_names
    parts: dict[str, Pair] = {}
    extra = sorted(set(pair.fake.labels.unique().tolist()) - set(pair.real.labels.unique().tolist()))
    if extra:
        raise UndefinedError(
            f"{int(torch.isin(pair.fake.labels, pair.fake.labels.new_tensor(extra)).sum())} fakes were asked for "
            f"{', '.join(_name(names, label) for label in extra)}, of which there are no real images: {_SAME}."
        )
    for label in torch.unique(pair.real.labels).tolist():
        name = names[label] if label < len(names) else str(label)
        rows = [
            (side.labels == label).nonzero().flatten() for side in (pair.real, pair.fake) if side.labels is not None
        ]
        if len(rows[1]) == 0:
            raise UndefinedError(f"No fake was asked for class {name}: {_SAME}.")
        parts[name] = pair.part(_rows(pair.real, rows[0]), _rows(pair.fake, rows[1]))
    return parts


def _name(names: tuple[str, ...], label: int) -> str:
    return f"class {names[label] if label < len(names) else label}"


def _rows(features: Features, rows: torch.Tensor) -> Features:
    return features.take(rows.cpu().numpy())
