"""`Card`: what a zoo member is, how it was made and how good it is; one JSON file beside its weights.

Everything here was measured on the weights as they are stored. Accuracies are on the official test split, once, after
every choice had been made on other images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ganeval.classifiers.calibration import expected_calibration_error
from ganeval.core.files import read_json, write_json
from ganeval.errors import BrokenRunError, UndefinedError
from ganeval.numerics.intervals import wilson

SCHEMA = "ganeval.card/1"
Interval = tuple[float, float]


@dataclass(frozen=True)
class Card:
    """The passport of one classifier. Proportions in [0, 1]; intervals are Wilson's, 95 %."""

    name: str
    class_names: tuple[str, ...]
    architecture: str
    parameters: int
    preprocessing: str
    data: Mapping[str, Mapping[str, Any]]  # use (train, held out, test) -> split, images, sha256, in_train
    recipe: Mapping[str, Any]
    seed: int
    command: str
    weights_sha256: str
    accuracy: float
    accuracy_interval: Interval
    recall: tuple[float, ...]  # per class: the share of its real test images that are recognised
    recall_intervals: tuple[Interval, ...]
    confusion: tuple[tuple[int, ...], ...]  # rows true, columns predicted
    temperature: float
    ece_before: float
    ece_after: float
    embedding_dim: int
    embedding_rank: int
    embedding_condition: float  # largest over smallest eigenvalue of the correlation matrix on the training images
    licence: str
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] | None = None  # what only this member has: AUC, other seeds

    def write(self, path: Path) -> Path:
        return write_json(path, {"schema": SCHEMA, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card; another schema or a missing field raises `BrokenRunError`."""
        record = read_json(path)
        names = {f.name for f in fields(cls)}
        if not isinstance(record, dict) or record.get("schema") != SCHEMA or set(record) - {"schema"} != names:
            raise BrokenRunError(f"{path} should be a classifier card of schema {SCHEMA}. Train the classifier again.")
        return cls(**{key: _frozen(value) for key, value in record.items() if key != "schema"})

    def text(self) -> str:
        """The card for people: a few lines and one row per class."""
        low, high = self.accuracy_interval
        rows = [
            f"  {name:<18} recall {100 * r:6.2f} %  [{100 * a:.2f}, {100 * b:.2f}]  of {sum(counts)}"
            for name, r, (a, b), counts in zip(
                self.class_names, self.recall, self.recall_intervals, self.confusion, strict=True
            )
        ]
        data = [
            f"  {use:<9} {d['split']}: {d['images']:,} images"
            + (f", {d['in_train']} of them also among the training images" if d["in_train"] else "")
            for use, d in self.data.items()
        ]
        extra = [f"{key}: {value:.3f}" for key, value in (self.extra or {}).items() if isinstance(value, float)]
        return "\n".join(
            [
                (
                    f"{self.name}: {100 * self.accuracy:.2f} % on the test split, 95 % interval [{100 * low:.2f}, "
                    f"{100 * high:.2f}]"
                ),
                *rows,
                *extra,
                f"network: {self.architecture}; {self.parameters:,} parameters",
                f"input: {self.preprocessing}",
                (
                    f"embedding: {self.embedding_dim}-d, rank {self.embedding_rank}, condition "
                    f"{self.embedding_condition:.3g}"
                ),
                f"calibration: temperature {self.temperature:.3f}, error {self.ece_before:.4f} -> {self.ece_after:.4f}",
                "data:",
                *data,
                f"weights: sha256 {self.weights_sha256}",
                f"made by: {self.command}",
                f"licence of the data: {self.licence}",
                *self.notes,
            ]
        )


@dataclass(frozen=True)
class Quality:
    """What a classifier achieves on labelled images; the fields have the names of `Card`'s."""

    accuracy: float
    accuracy_interval: Interval
    recall: tuple[float, ...]
    recall_intervals: tuple[Interval, ...]
    confusion: tuple[tuple[int, ...], ...]
    ece_before: float
    ece_after: float


def quality(logits: NDArray[np.floating], labels: NDArray[np.integer], temperature: float) -> Quality:
    """Measure calibrated logits (n, k) against labels (n,); every class must have at least one image."""
    counts = confusion_matrix(logits.argmax(axis=1), labels, logits.shape[1])
    totals, right = counts.sum(axis=1), np.diag(counts)
    if not totals.all():
        raise UndefinedError(f"Class {int(np.argmin(totals))} has no image in the test split; its recall is undefined.")
    return Quality(
        accuracy=float(right.sum() / totals.sum()),
        accuracy_interval=wilson(int(right.sum()), int(totals.sum())),
        recall=tuple(float(r / t) for r, t in zip(right, totals, strict=True)),
        recall_intervals=tuple(wilson(int(r), int(t)) for r, t in zip(right, totals, strict=True)),
        confusion=tuple(tuple(int(c) for c in row) for row in counts),
        ece_before=expected_calibration_error(logits * temperature, labels),
        ece_after=expected_calibration_error(logits, labels),
    )


def confusion_matrix(predicted: NDArray[np.integer], labels: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """(k, k) counts, rows true, columns predicted.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    flat = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
