"""What the gate reads of an evaluation: one `Entry` per metric, one `Look` per number of images.

Entries are small and JSON-ready (they are what a baseline keeps); the per-image vectors lie beside them.

With balanced labels, the standard error is the within-class one (see `ganeval.numerics.strata`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import render_json
from ganeval.errors import BrokenRunError
from ganeval.gate.checked import LARGEST, MOST, finite, is_finite, table, text, whole
from ganeval.gate.ranges import range_of
from ganeval.numerics.strata import error_of_mean, is_binary
from ganeval.records.scores import LABELS, Better, Evaluation, ScoreRecord, labels_among

Vector = NDArray[np.floating]


@dataclass(frozen=True)
class Entry:
    """One number with its error. `hits` is set where the number is a proportion: `value == hits / n`."""

    value: float | None
    se: float | None = None
    n: int | None = None
    better: str = "lower"
    version: int = 1
    biased_in_n: bool = False
    hits: int | None = None
    linear: str = ""  # the vector whose mean moves as the metric does: "influence", or what the metric is a mean of
    by_class: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # name -> (hits, n)
    options: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"

    def __post_init__(self) -> None:
        """A number from a file is checked once, here."""
        for name, low in (("value", -LARGEST), ("se", 0.0)):
            if getattr(self, name) is not None:
                finite(getattr(self, name), name, low)
        n = MOST if self.n is None else whole(self.n, "n")
        whole(self.version, "version")
        if self.hits is not None:
            whole(self.hits, "hits", high=n)
        for name, (hits, trials) in self.by_class.items():
            whole(hits, f"the hits of class {name}", high=trials)
        if self.better not in get_args(Better) or not isinstance(self.biased_in_n, bool):
            raise BrokenRunError(f"better must be one of {', '.join(get_args(Better))}, and biased_in_n true or false.")
        for name in ("linear", "status"):
            text(getattr(self, name), name)
        table(self.options, "options")

    @classmethod
    def of(
        cls, record: ScoreRecord, vectors: Mapping[str, Vector], options: Mapping[str, Any], asked: Vector | None = None
    ) -> Self:
        value = record.value if is_finite(record.value) else None
        status = record.status if value is not None or record.status != "ok" else "not computed: the value is NaN"
        if value is None:
            return cls(
                None, better=record.better, version=record.version, biased_in_n=record.biased_in_n, status=status
            )
        linear = record.linear if record.linear in vectors else ""
        hits = int(vectors[linear].sum()) if linear not in ("", "influence") and is_binary(vectors[linear]) else None
        told = record.se is not None  # of too few images a metric withholds its error: then its rows say none either
        se = error_of_mean(vectors[linear], asked) if linear and hits is None and told else record.se
        return cls(
            value=float(value),
            se=se if is_finite(se) else None,
            n=record.n,
            better=record.better,
            version=record.version,
            biased_in_n=record.biased_in_n,
            hits=hits,
            linear=linear,
            by_class=_by_class(record),
            status=status,
            options={key: value for key, value in options.items() if key != "seed"},
        )

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in ({}, None, "")}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        rows = table(document.get("by_class", {}), "by_class")
        by_class = {name: (whole(hits, name), whole(n, name)) for name, (hits, n) in rows.items()}
        return cls(**{"value": None, **document, "by_class": by_class})


@dataclass(frozen=True)
class Look:
    """Everything measured on `n` images. Equal `latents` mean: image by image the same latent and label.

    images: the fingerprint of the images and labels; "" where it is not known.
    """

    n: int
    entries: Mapping[str, Entry]
    latents: str = ""
    per_sample: Mapping[str, Vector] = field(default_factory=dict, compare=False, repr=False)
    images: str = ""

    @classmethod
    def of(cls, evaluation: Evaluation) -> Self:
        asked = None if evaluation.labels is None else evaluation.labels.astype(np.float32)
        entries = {
            name: Entry.of(record, vectors_of(evaluation.per_sample, name), _options(evaluation, name), asked)
            for name, record in evaluation.scores.items()
        }
        for name, record in evaluation.scores.items():
            entries |= _inner(entries[name], name, record.details)
        kept = {} if asked is None else {LABELS: asked}
        return cls(
            evaluation.fake.n,
            entries,
            evaluation.latents,
            {**evaluation.per_sample, **kept},
            evaluation.fake.fingerprint,
        )

    def vectors(self, metric: str) -> dict[str, Vector]:
        return vectors_of(self.per_sample, metric)

    def linear(self, metric: str) -> Vector | None:
        """One value per image whose mean moves as the metric does."""
        entry = self.entries.get(metric)
        return self.vectors(metric).get(entry.linear) if entry is not None and entry.linear else None

    def hits(self, metric: str) -> Vector | None:
        """The 0/1 vector that a proportion is the mean of."""
        entry = self.entries.get(metric)
        return self.linear(metric) if entry is not None and entry.hits is not None else None

    @property
    def asked(self) -> Vector | None:
        """The class that was asked for, per image, where it is kept."""
        return labels_among(self.per_sample)


def require_sound(evaluation: Evaluation, where: object) -> Evaluation:
    """The evaluation, if everything in it can be judged and written; else `BrokenRunError` naming the file."""
    try:
        Look.of(evaluation)
        render_json(evaluation.to_json()).encode()
        whole(evaluation.fake.n, "n", 1)
        text(evaluation.created, "created")
        for part in (evaluation.name, evaluation.real.source, *evaluation.scores):
            text(part, "a name")
        for name, record in evaluation.scores.items():
            for number in (record.value, record.se):
                finite(0.0 if number is None else number, f"{name}, its value or error,")
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise BrokenRunError(f"{where} is not a complete evaluation: {error}. Evaluate that run again.") from error
    return evaluation


def _options(evaluation: Evaluation, name: str) -> dict[str, Any]:
    """The options a metric was measured with; for one about copies also the training images, without their name."""
    train = evaluation.sets.get("train") if range_of(name).about_copies else None
    images = {"train": str(train.get("sha256") or train.get("source"))[:12]} if isinstance(train, Mapping) else {}
    return {**evaluation.protocol.get("options", {}).get(name, {}), **images}


def _inner(entry: Entry, name: str, details: Mapping[str, Any]) -> dict[str, Entry]:
    """Numbers inside a score, "classifier_score.corrected", with the error that stands beside them as `KEY_se`."""
    numbers = {key: value for key, value in details.items() if is_finite(value) and not key.endswith("_se")}
    return {
        f"{name}.{key}": Entry(
            float(value),
            _error(details.get(f"{key}_se")),
            entry.n,
            entry.better,
            entry.version,
            entry.biased_in_n,
            options=entry.options,
        )
        for key, value in numbers.items()
    }


def _error(value: Any) -> float | None:
    return float(value) if is_finite(value) and value >= 0 else None


def vectors_of(per_sample: Mapping[str, Vector], metric: str) -> dict[str, Vector]:
    """The vectors of one metric, without its name: "fid.influence" -> "influence"."""
    return {key.removeprefix(f"{metric}."): v for key, v in per_sample.items() if key.startswith(f"{metric}.")}


def _by_class(record: ScoreRecord) -> dict[str, tuple[int, int]]:
    """Hits and trials of each class, in class order, from a table of classes with `n` and `recall`."""
    rows = record.details.get("classes")
    if not isinstance(rows, list) or not all(map(_is_class, rows)):
        return {}
    return {str(row["name"]): (round((row["recall"] or 0) * row["n"]), int(row["n"])) for row in rows}


def _is_class(row: Any) -> bool:
    if not isinstance(row, Mapping) or not {"name", "n", "recall"} <= set(row):
        return False
    share, n = row["recall"], row["n"]
    return isinstance(n, int) and 0 <= n <= MOST and (share is None or (is_finite(share) and 0 <= share <= 1))
