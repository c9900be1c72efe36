"""The record of an evaluation: passports, scores that defend themselves, and their JSON schema. No torch here."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import BrokenRunError, IncomparableError
from ganeval.files import read_json, write_atomic, write_json

SCHEMA = "ganeval.evaluation/1"
Z95 = 1.959963984540054  # two-sided 95 % point of the normal distribution
NOISE = 1e-12  # relative size of an error that is rounding, not an error
_NO_MEANING = ("latents", "sampling")  # settings that make errors smaller, not numbers different
Better = Literal["lower", "higher", "target"]
Question = Literal["close", "fidelity", "diversity", "label", "memorisation", "two-sample", "latent", "representation"]


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

    `se` and `interval` are None where no honest error is known. `interval` is a 95 % interval.
    `per_sample` maps a name to one value per fake image. `details` is JSON-ready (confusion matrices, classes).

    >>> s = Score(3.21432, se=0.0361, n=1000, name="fid")
    >>> s < 4, str(s)
    (True, '3.214 +- 0.036')
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
        return score

    @classmethod
    def from_influence(
        cls, value: float, influence: NDArray[np.floating], name: str = "influence", **rest: Any
    ) -> Self:
        """The standard error of an asymptotically linear estimate: sd of the per-sample influence over sqrt(n)."""
        psi = np.asarray(influence, dtype=np.float64)
        se = float(psi.std(ddof=1) / math.sqrt(len(psi)))
        per_sample = {name: psi.astype(np.float32), **rest.pop("per_sample", {})}
        return cls(value, se=se, n=len(psi), per_sample=per_sample, **rest)

    @property
    def value(self) -> float:
        return float(self)

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        fields = {key: getattr(self, key) for key in (*_DATA, *_PROTOCOL)}
        return type(self)(float(self), **{**fields, **changes})

    def __str__(self) -> str:
        return render_value(float(self), self.se)

    def __repr__(self) -> str:
        label = self.name or "score"
        interval = "" if self.interval is None else f", 95% [{self.interval[0]:.4g}, {self.interval[1]:.4g}]"
        return f"<{label} {self}{interval}, n={self.n}>"

    def __reduce__(self) -> tuple[Any, ...]:
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
}


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
    floor: Floor | None = None  # real against real at the same n
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.value is not None

    def __str__(self) -> str:
        return render_value(self.value, self.se) if self.ok else self.status

    @classmethod
    def of(cls, score: Score, floor: Floor | None = None) -> Self:
        plain = {key: getattr(score, key) for key in _PROTOCOL}
        if not math.isfinite(score):
            return cls(status="not computed: the value is not finite", **plain)
        return cls(
            status="ok", value=float(score), se=score.se, interval=score.interval, n=score.n, floor=floor,
            details=dict(score.details), **plain,
        )  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """All scores of one generator at one step, and the passports that say what they are scores of."""

    name: str
    created: str  # ISO 8601, UTC
    real: Passport
    fake: Passport
    scores: Mapping[str, ScoreRecord]
    classifier: str = ""  # judge behind label metrics, "" when there is none
    step: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)  # seed, metric options, labels, latents, sampling
    environment: Mapping[str, Any] = field(default_factory=dict)  # versions, device: never part of the protocol
    per_sample: Mapping[str, NDArray[np.floating]] = field(default_factory=dict, compare=False, repr=False)
    evidence: Mapping[str, NDArray[Any]] = field(default_factory=dict, compare=False, repr=False)  # for the report

    def __getitem__(self, name: str) -> ScoreRecord:
        return self.scores[name]

    @property
    def protocol(self) -> dict[str, Any]:
        """Everything that changes the meaning of the numbers, and nothing else."""
        return {
            "reference": {"source": self.real.source, "sha256": self.real.fingerprint, "n": self.real.n},
            "extractor": {"id": self.fake.extractor, "sha256": self.fake.weights_sha256, "dim": self.fake.dim},
            "preprocessing": self.fake.preprocessing,
            "precision": self.fake.precision,
            "classifier": self.classifier,
            "n_fake": self.fake.n,
            "settings": {key: value for key, value in self.settings.items() if key not in _NO_MEANING},
            "metrics": {name: record.version for name, record in sorted(self.scores.items())},
        }

    @property
    def protocol_hash(self) -> str:
        text = json.dumps(self.protocol, sort_keys=True, allow_nan=False)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The JSON document, `schema` first by name; per-sample values live beside it in safetensors."""
        document = asdict(replace(self, per_sample={}, evidence={}))
        del document["per_sample"], document["evidence"]
        return {"schema": SCHEMA, **document, "protocol_hash": self.protocol_hash}

    @classmethod
    def from_json(cls, document: Any, where: str = "the document") -> Self:
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            found = document.get("schema") if isinstance(document, dict) else type(document).__name__
            raise BrokenRunError(f"{where} must be an evaluation with schema {SCHEMA!r}; got {found!r}.")
        try:
            evaluation = cls(
                name=document["name"], created=document["created"], step=document.get("step"),
                real=_passport(document["real"]), fake=_passport(document["fake"]),
                classifier=document.get("classifier", ""), settings=document.get("settings", {}),
                environment=document.get("environment", {}),
                scores={name: _record(value) for name, value in document["scores"].items()},
            )  # fmt: skip
            _require(evaluation, str, "name", "created", "classifier")
            _require(evaluation, dict, "settings", "environment")
            if evaluation.step is not None:
                _require(evaluation, int, "step")
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise BrokenRunError(
                f"{where} is not a complete evaluation: {error!r}. Evaluate that run again."
            ) from error
        return evaluation

    def write(self, path: str | Path) -> Path:
        """Write `path` (JSON) and, where there are any, `per_sample.safetensors` and `evidence.safetensors` beside it."""
        path = Path(path)
        if self.per_sample:
            from safetensors.numpy import save  # imported late: reading a record needs no safetensors

            arrays = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in self.per_sample.items()}
            write_atomic(path.with_name("per_sample.safetensors"), save(arrays))
        if self.evidence:
            from safetensors.numpy import save

            write_atomic(
                path.with_name("evidence.safetensors"), save({k: self.evidence[k] for k in sorted(self.evidence)})
            )
        return write_json(path, self.to_json())

    @classmethod
    def read(cls, path: str | Path, *, per_sample: bool = False) -> Self:
        path = Path(path)
        evaluation = cls.from_json(read_json(path), str(path))
        beside = path.with_name("per_sample.safetensors")
        if not per_sample or not beside.exists():
            return evaluation
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return replace(evaluation, per_sample=load_file(beside))
        except (SafetensorError, OSError) as error:
            raise BrokenRunError(
                f"Expected per-sample values in {beside}; {error}. Evaluate that run again."
            ) from error


def _passport(document: dict[str, Any]) -> Passport:
    passport = Passport(**{**document, "class_names": tuple(document.get("class_names", ()))})
    _require(passport, str, "source", "fingerprint", "extractor", "weights_sha256", "preprocessing", "precision")
    _require(passport, int, "n", "dim")
    if not all(isinstance(name, str) for name in passport.class_names):
        raise TypeError("class_names must be texts")
    return passport


def _record(document: dict[str, Any]) -> ScoreRecord:
    floor, interval = document.get("floor"), document.get("interval")
    record = ScoreRecord(**{
        **document,
        "floor": None if floor is None else Floor(**floor),
        "interval": None if interval is None else tuple(interval),
    })  # fmt: skip
    _require(record, str, "name", "status", "better", "question", "signature")
    _require(record, dict, "details")
    _require(record, int, "version")
    numbers = [record.value, record.se, record.perfect, record.n, *(record.interval or ())]
    numbers += [record.floor.value, record.floor.se] if record.floor else []
    if not all(number is None or _is_real(number) for number in numbers) or len(record.interval or (0, 0)) != 2:
        raise ValueError(f"{record.name} must have finite numbers and an interval of two")
    return record


def _require(record: object, kind: type, *keys: str) -> None:
    for key in keys:
        if not isinstance(getattr(record, key), kind):
            raise TypeError(f"{key} must be {kind.__name__}, not {getattr(record, key)!r:.60}")


def _is_real(value: object) -> bool:
    """A finite number that fits a float; an overflow is an error of its own."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
