"""The record of an evaluation: passports, scores with errors, and their JSON schema. No torch here."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import read_json, strict
from ganeval.core.registry import unknown_name
from ganeval.core.typed import converted, typed
from ganeval.core.vectors import load_arrays, read_arrays, write_document
from ganeval.errors import BrokenRunError, IncomparableError, UndefinedError, UnknownNameError, WrongInputError, guarded

SCHEMA, OLDER = "ganeval.evaluation/2", "ganeval.evaluation/1"  # both are read
Z95 = 1.959963984540054  # two-sided 95 % point of the normal distribution
NOISE = 1e-12  # relative size of an error that is rounding, not an error
Better = Literal["lower", "higher", "target"]
Question = Literal[
    "close", "fidelity", "diversity", "label", "memorisation", "two-sample", "latent", "representation", "paired"
]  # fmt: skip


@dataclass(frozen=True)
class Passport:
    """Where a set of features comes from: everything about the inputs that changes a number.

    Two passports are comparable when extractor, weights, preprocessing and precision agree.
    """

    source: str  # "hoda:test", "samples/", a run's id
    fingerprint: str  # SHA-256 of the images, "" for bare arrays
    n: int
    dim: int
    extractor: str  # "hoda-cnn", "inception", "given" for bare arrays
    weights_sha256: str  # "" where nothing was learnt
    preprocessing: str
    precision: str = "fp32"
    class_names: tuple[str, ...] = ()
    drawn: str = ""  # what chose these images among others: a seed; "" where all were taken

    def require_comparable(self, other: Passport) -> None:
        """Raise `IncomparableError` naming the first field in which two feature sets are not alike."""
        for key in ("extractor", "weights_sha256", "preprocessing", "precision", "dim"):
            mine, theirs = getattr(self, key), getattr(other, key)
            if mine != theirs:
                raise IncomparableError(
                    f"Both feature sets must come from one extractor; {self.source} has {key} {mine!r}, "
                    f"{other.source} has {theirs!r}. Extract both with the same extractor."
                )


class Score(float):
    """A number with its error: behaves as a `float`, knows `se`, `interval`, `n` and where it comes from.

    Other programs get the plain number: `str`, csv, json, yaml. People get the error too: in an f-string and as `repr`.
    A checkpoint of `torch.save` holds a tensor of one number, which `torch.load` reads without trusting the file.

    `se` and `interval` are None where no honest error is known. `interval` is a 95 % interval.
    `per_sample` maps a name to one value per fake image. `details` is JSON-ready (confusion matrices, classes).

    >>> s = Score(3.21432, se=0.0361, n=1000, name="fid")
    >>> s < 4, str(s), f"{s}", f"{s:.1f}"
    (True, '3.21432', '3.214 +- 0.036', '3.2')
    """

    name: str
    se: float | None
    interval: tuple[float, float] | None
    n: int | None
    per_sample: Mapping[str, NDArray[np.floating]]
    details: Mapping[str, Any]
    better: Better
    perfect: float | None
    version: int
    question: str
    signature: str
    biased_in_n: bool
    linear: str  # the per-sample vector whose mean moves as the score does; "" where there is none

    def __new__(
        cls,
        value: float,
        *,
        se: float | None = None,
        interval: tuple[float, float] | None = None,
        n: int | None = None,
        per_sample: Mapping[str, NDArray[np.floating]] | None = None,
        details: Mapping[str, Any] | None = None,
        **protocol: Any,
    ) -> Self:
        score = super().__new__(cls, float(value))
        score.se = None if se is None else float(se)
        score.interval = (
            interval_of(float(value), score.se) if interval is None else (float(interval[0]), float(interval[1]))
        )
        score.n = n
        score.per_sample = dict(per_sample or {})
        score.details = dict(details or {})
        for key, default in _PROTOCOL.items():
            setattr(score, key, protocol.pop(key, default))
        if protocol:
            raise TypeError(f"Score() got unknown fields {sorted(protocol)}")
        _tell_yaml()
        return score

    @classmethod
    def from_influence(
        cls, value: float, influence: NDArray[np.floating], name: str = "influence", **rest: Any
    ) -> Self:
        """The standard error of an asymptotically linear estimate: sd of the per-sample influence over sqrt(n)."""
        psi = np.asarray(influence, dtype=np.float64)
        se = float(psi.std(ddof=1) / math.sqrt(len(psi)))
        per_sample = {name: psi.astype(np.float32), **rest.pop("per_sample", {})}
        return cls(value, se=se, n=len(psi), per_sample=per_sample, linear=name, **rest)

    @property
    def value(self) -> float:
        return float(self)

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        fields = {key: getattr(self, key) for key in (*_DATA, *_PROTOCOL)}
        return type(self)(float(self), **{**fields, **changes})

    def __str__(self) -> str:
        return float.__repr__(self)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else render_value(float(self), self.se)

    def __repr__(self) -> str:
        label = self.name or "score"
        interval = "" if self.interval is None else f", 95% [{self.interval[0]:.4g}, {self.interval[1]:.4g}]"
        return f"<{label} {self:}{interval}, n={self.n}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        torch = sys.modules.get("torch")
        if protocol == 2 and torch is not None:  # torch.save: no class of ours, or the checkpoint could not be loaded
            return torch.tensor(float(self), dtype=torch.float64).__reduce_ex__(protocol)
        fields = {key: getattr(self, key) for key in (*_DATA, *_PROTOCOL)}
        return _rebuild, (float(self), fields)


_DATA = ("se", "interval", "n", "per_sample", "details")
_PROTOCOL: dict[str, Any] = {
    "name": "",
    "better": "lower",
    "perfect": None,
    "version": 1,
    "question": "close",
    "signature": "",
    "biased_in_n": False,
    "linear": "",
}


@cache
def _tell_yaml() -> None:
    """PyYAML looks at exact types: where it is installed, it learns that a `Score` is written as a float is."""
    try:
        import yaml
    except ImportError:
        return
    for dumper in (getattr(yaml, name, None) for name in ("SafeDumper", "Dumper", "CSafeDumper", "CDumper")):
        if dumper is not None:
            dumper.add_representer(Score, lambda to, score: to.represent_float(float(score)))


def _rebuild(value: float, fields: dict[str, Any]) -> Score:
    return Score(value, **fields)


def interval_of(value: float, se: float | None) -> tuple[float, float] | None:
    """The symmetric 95 % interval of a normal estimate; None without an error."""
    return None if se is None else (value - Z95 * se, value + Z95 * se)


def share_interval(value: float, se: float) -> tuple[float, float]:
    """The same of a number in [0, 1], cut to that range.

    >>> share_interval(0.5, 0.0), share_interval(1.0, 0.5)[1]
    ((0.5, 0.5), 1.0)
    """
    return max(0.0, value - Z95 * se), min(1.0, value + Z95 * se)


def render_value(value: float | None, se: float | None = None) -> str:
    """Digits follow the error: two significant digits of the standard error, the value cut at the same place.

    >>> render_value(12.34567, 0.41), render_value(0.98765), render_value(None), render_value(1234.5, 210.0)
    ('12.35 +- 0.41', '0.9877', 'not computed', '1234 +- 210')
    >>> render_value(0.25, 1e-17)
    '0.25'
    """
    if value is None:
        return "not computed"
    if se is None or not math.isfinite(se) or se <= NOISE * max(1.0, abs(value)):
        return f"{value:.4g}"
    decimals = min(max(0, 1 - math.floor(math.log10(se))), 12)
    return f"{value:.{decimals}f} +- {se:.{decimals}f}"


@dataclass(frozen=True)
class Floor:
    """The same metric on real against real: what a perfect generator would get.

    `n` rows in the generator's place; `against` is "heldout" (the same number of real rows, the same n) or "halves"
    (the reference set cut in two disjoint parts, so n may be smaller: for metrics with a bias in n an upper bound).
    """

    value: float
    se: float | None = None
    n: int | None = None
    against: str = ""


@dataclass(frozen=True)
class ScoreRecord:
    """One line of an evaluation as it is stored: a `Score` without its per-sample values, or why there is none."""

    name: str
    status: str  # "ok", or "not computed: ..."
    value: float | None = None
    se: float | None = None
    interval: tuple[float, float] | None = None
    n: int | None = None
    better: Better = "lower"
    perfect: float | None = None
    version: int = 1
    question: str = "close"
    signature: str = ""
    biased_in_n: bool = False
    linear: str = ""  # the per-sample vector whose mean moves as the score does
    floor: Floor | None = None  # real against real at the same n
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.value is not None

    @property
    def only_a_bound(self) -> bool:
        """Whether the value is a lower bound: images that never repeat say how many there are at least."""
        return self.details.get("bounded_below") is True

    def __str__(self) -> str:
        if self.ok and self.only_a_bound:
            return f">= {render_value(self.value, self.se)} (no repeat found)"
        return render_value(self.value, self.se) if self.ok else self.status

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)

    def __float__(self) -> float:
        if self.value is None:
            raise UndefinedError(f"{self.name} has no value: {self.status}.")
        return self.value

    def __lt__(self, other: SupportsFloat) -> bool:
        return float(self) < float(other)

    def __le__(self, other: SupportsFloat) -> bool:
        return float(self) <= float(other)

    def __gt__(self, other: SupportsFloat) -> bool:
        return float(self) > float(other)

    def __ge__(self, other: SupportsFloat) -> bool:
        return float(self) >= float(other)

    @classmethod
    def of(cls, score: Score, floor: Floor | None = None) -> Self:
        plain = {key: getattr(score, key) for key in _PROTOCOL}
        wrong = _not_finite(score)
        if wrong:
            return cls(status=f"not computed: {wrong} is not finite", **plain)
        return cls(
            status="ok", value=float(score), se=score.se, interval=score.interval, n=score.n, floor=floor,
            details=strict(score.details), **plain,
        )  # fmt: skip


def _not_finite(score: Score) -> str:
    if not math.isfinite(score):
        return "the value"
    return "" if all(map(math.isfinite, (score.se or 0.0, *(score.interval or ())))) else "its error"


@dataclass(frozen=True)
class Evaluation:
    """All scores of one generator at one step, and the passports that say what they are scores of."""

    name: str
    created: str  # ISO 8601, UTC
    real: Passport
    fake: Passport
    scores: Mapping[str, ScoreRecord]
    classifier: str = ""  # classifier behind label metrics, "" when there is none
    step: int | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)  # what was asked: `Protocol.to_json`
    sets: Mapping[str, Any] = field(default_factory=dict)  # training and held-out images by role: source, sha256, n
    labelled: bool = False  # whether the images were asked for by label
    latents: str = ""  # what the images were drawn from; evaluations of equal names are compared image by image
    environment: Mapping[str, Any] = field(default_factory=dict)  # versions, device: never part of the protocol
    per_sample: Mapping[str, NDArray[np.floating]] = field(default_factory=dict, compare=False, repr=False)
    evidence: Mapping[str, NDArray[Any]] = field(default_factory=dict, compare=False, repr=False)  # for the report
    labels: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)  # (n,), the class asked for

    def __getitem__(self, name: str) -> ScoreRecord:
        if name not in self.scores:
            raise UnknownNameError(unknown_name("score in this evaluation", str(name), self.scores))
        return self.scores[name]

    def __contains__(self, name: object) -> bool:
        return name in self.scores

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that changes the meaning of the numbers, and nothing else: no seed, no latents."""
        return {
            "reference": {"source": self.real.source, "sha256": self.real.fingerprint, "n": self.real.n},
            "extractor": {"id": self.fake.extractor, "sha256": self.fake.weights_sha256, "dim": self.fake.dim},
            "preprocessing": self.fake.preprocessing,
            "precision": self.fake.precision,
            "classifier": self.classifier,
            "n_fake": self.fake.n,
            "labels": self.labelled,
            "options": self.protocol.get("options", {}),
            **{role: {k: v for k, v in found.items() if k != "n"} for role, found in self.sets.items()},
            "metrics": {name: record.version for name, record in sorted(self.scores.items())},
        }

    @property
    def protocol_hash(self) -> str:
        text = json.dumps(strict(self.identity), sort_keys=True, allow_nan=False)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The JSON document, `schema` first by name; arrays live beside it in safetensors."""
        document = strict(asdict(replace(self, per_sample={}, evidence={}, labels=None)))
        del document["per_sample"], document["evidence"], document["labels"]
        return {"schema": SCHEMA, **document, "protocol_hash": self.protocol_hash}

    @classmethod
    def from_json(cls, document: Any, where: str = "the document") -> Self:
        """The record in a parsed document; raises `BrokenRunError` naming the field that is absent or of a wrong
        type.
        """
        if not isinstance(document, dict) or document.get("schema") not in (SCHEMA, OLDER):
            found = document.get("schema") if isinstance(document, dict) else type(document).__name__
            raise BrokenRunError(f"{where} must be an evaluation with schema {SCHEMA!r}; got {found!r}.")
        try:
            header = _of_version_1(document) if document["schema"] == OLDER else document
            return cls(**_header(header), scores=_scores(document))
        except (ValueError, RecursionError) as error:
            raise BrokenRunError(f"{where} is not a complete evaluation: {error}. Evaluate that run again.") from error

    def write(self, path: str | Path) -> Path:
        """Write `path` (JSON) and, where there are any, its arrays beside it, in files that are named after `path`."""
        per_sample = {key: np.asarray(value, dtype=np.float32) for key, value in self.per_sample.items()}
        if per_sample and self.labels is not None:
            per_sample[LABELS] = self.labels.astype(np.float32)
        return write_document(path, self.to_json(), {"per_sample": per_sample, "evidence": self.evidence})

    @classmethod
    @guarded
    def read(cls, path: str | Path, *, per_sample: bool = False) -> Self:
        """The record at `path`; `per_sample` also reads the arrays, which must be those that were written with it."""
        if not isinstance(path, (str, Path)):
            raise WrongInputError(f"A result is read from a path; got {type(path).__name__}.")
        path = Path(path)
        document = read_json(path)
        evaluation = cls.from_json(document, str(path))
        if not per_sample:
            return evaluation
        found = read_arrays(path, "per_sample", document)
        arrays = dict(_older_arrays(evaluation, path) if found is None else found)
        labels = labels_among(arrays)
        arrays.pop(LABELS, None)
        return replace(evaluation, per_sample=arrays, labels=None if labels is None else labels.astype(np.int64))


LABELS = "labels"  # among the stored arrays


def labels_among(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """The classes that were asked for; before version 2 they lay under the name of a metric, `NAME.label`."""
    older = (rows for key, rows in sorted(arrays.items()) if key.endswith(".label"))
    return arrays[LABELS] if LABELS in arrays else next(older, None)


_TYPES: dict[str, Any] = {
    "name": str, "created": str, "real": Passport, "fake": Passport, "classifier": str, "step": int | None,
    "protocol": Mapping, "sets": Mapping, "labelled": bool, "latents": str, "environment": Mapping,
}  # fmt: skip
_REQUIRED = ("name", "created", "real", "fake", "scores")


def _of_version_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 kept the seed, the options, the other sets and the latents in one mapping, `settings`."""
    settings = converted(Mapping, document.get("settings", {}), "settings")
    asked = {key: settings[key] for key in ("seed", "n", "options") if settings.get(key)}
    sets = {role: settings[role] for role in ("train", "heldout") if isinstance(settings.get(role), Mapping)}
    return {
        **document, "protocol": asked, "sets": sets, "labelled": bool(settings.get("labels")),
        "latents": settings.get("latents") or "",
    }  # fmt: skip


def _header(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an evaluation other than its scores, each of the type that it must have."""
    absent = [key for key in _REQUIRED if key not in document]
    if absent:
        raise ValueError(f"it has no {absent[0]!r}")
    _require_finite(document, "it")
    return {key: converted(kind, document[key], key) for key, kind in _TYPES.items() if key in document}


def _scores(document: Mapping[str, Any]) -> dict[str, ScoreRecord]:
    found = converted(Mapping, document["scores"], "scores")
    records = {key: typed(ScoreRecord, value, f"scores.{key}") for key, value in found.items()}
    for key, record in records.items():
        if record.name not in ("", key):
            raise ValueError(f"scores.{key} is named {record.name!r}")
        if (record.se or 0) < 0 or (record.n or 0) < 0 or (record.status == "ok") != record.ok:
            raise ValueError(f"scores.{key} contradicts itself: {record.status!r}, n = {record.n}, se = {record.se}")
    return records


def _require_finite(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} holds {value}, which is no number")
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        _require_finite(part, str(key))


def _older_arrays(evaluation: Evaluation, path: Path) -> Mapping[str, NDArray[np.floating]]:
    """What earlier versions wrote as `per_sample.safetensors`, if a number of the record follows from it.

    That file had one name for all results of a folder and no digest, so it can be another's.
    """
    file = path.with_name("per_sample.safetensors")
    if not file.is_file():
        return {}
    arrays = load_arrays(file, "per-sample values")
    if any(_follows(evaluation.scores[name], key, arrays) for key in arrays
           if (name := key.partition(".")[0]) in evaluation.scores):  # fmt: skip
        return arrays
    raise BrokenRunError(
        f"Nothing proves that {file} belongs to {path.name} and not to another result. Evaluate it again."
    )


def _follows(record: ScoreRecord, key: str, arrays: Mapping[str, NDArray[np.floating]]) -> bool:
    """Whether the record's error is that of its influences, or its value the mean of these rows."""
    rows = np.asarray(arrays[key], dtype=np.float64)
    if record.value is None or record.se is None or rows.ndim != 1 or len(rows) != record.n or len(rows) < 2:
        return False
    error = float(rows.std(ddof=1)) / math.sqrt(len(rows))
    near = abs(error - record.se) <= 0.02 * record.se
    return near and (
        key.endswith(".influence") or abs(float(rows.mean()) - record.value) <= 1e-5 * max(1, abs(record.value))
    )
