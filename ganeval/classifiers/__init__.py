"""The zoo: small classifiers whose penultimate layer is an extractor, and whose logits judge generated images.

Importing this package costs nothing; torch is loaded with the first name that is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganeval.core.extras import MEASURING, require

if TYPE_CHECKING:
    from ganeval.classifiers.card import Card
    from ganeval.classifiers.catalog import CLASSIFIERS
    from ganeval.classifiers.classifier import Classifier
    from ganeval.classifiers.sklearn_member import wrap_sklearn
    from ganeval.classifiers.train_own import train_classifier
    from ganeval.classifiers.wrapping import wrap

require(*MEASURING, what="A classifier")

_HOMES = {
    "CLASSIFIERS": "catalog",
    "Classifier": "classifier",
    "Card": "card",
    "train_classifier": "train_own",
    "wrap": "wrapping",
    "wrap_sklearn": "sklearn_member",
}
__all__ = ["CLASSIFIERS", "Card", "Classifier", "train_classifier", "wrap", "wrap_sklearn"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
