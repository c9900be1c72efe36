"""Rules for people who have none yet: margins that are wide for a first week ("default") or narrow ("strict"), and
limits for one generator exported, quantised or compiled ("paired").

A preset names only metrics that every generator of small images has. What needs a classifier is left out without one,
and what is about copies without training images (`train`): nothing else says what was copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError
from ganeval.gate.rules import Rule

_COUNT: Mapping[str, Any] = {"metric": "missing_classes", "max": 0.0, "hard": True}
_ALIKE: tuple[Mapping[str, Any], ...] = (  # measured in docs/results/paired.md
    {"metric": "mse.of_shuffled", "max": 0.0003},
    {"metric": "ssim", "min": 0.99, "image_min": 0.9},
    {"metric": "agreement", "min": 0.98},
)
PRESETS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "default": (
        {"metric": "fid", "margin_rel": 0.10},
        {"metric": "precision", "margin_abs": 0.05},
        {"metric": "changed_copies", "margin_abs": 0.02},
        {"metric": "classifier_score", "margin_abs": 0.02},
        _COUNT,
    ),
    "strict": (
        {"metric": "fid", "margin_rel": 0.03},
        {"metric": "precision", "margin_abs": 0.02},
        {"metric": "changed_copies", "margin_abs": 0.01},
        {"metric": "classifier_score", "margin_abs": 0.01, "per_class_margin_abs": 0.05},
        _COUNT,
    ),
    "paired": _ALIKE,
}
NEED_A_CLASSIFIER = ("classifier_score", "missing_classes", "agreement")
NEED_TRAINING_IMAGES = ("changed_copies",)


def preset(name: str, *, judged: bool = True, trained: bool = True) -> tuple[Rule, ...]:
    """
    >>> [rule.metric for rule in preset("strict", judged=False)]
    ['fid', 'precision', 'changed_copies']
    """
    if name not in PRESETS:
        raise UnknownNameError(unknown_name("preset of rules", name, PRESETS))
    without = {*(() if judged else NEED_A_CLASSIFIER), *(() if trained else NEED_TRAINING_IMAGES)}
    return tuple(Rule(**line) for line in PRESETS[name] if line["metric"] not in without)
