"""The record of an evaluation: passports, scores with errors, and their JSON schema. No torch here."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import read_json, strict, writing
from ganeval.core.registry import unknown_name
from ganeval.core.typed import converted, typed
from ganeval.core.vectors import load_arrays, read_arrays, write_document
from ganeval.errors import BrokenRunError, IncomparableError, UnknownNameError, WrongInputError, guarded, printable
from ganeval.records.cell import render_cell
from ganeval.records.frame import frame_of
from ganeval.records.headline import headline
from ganeval.records.latex import render_table
from ganeval.records.markdown import render_markdown
from ganeval.records.numbers import render_value
from ganeval.records.score import BY_TEST, Z95, Better, Floor, Question, Score, ScoreRecord, share_interval
from ganeval.records.story import story_of

__all__ = [  # a score and its record have this address, too: it is where an evaluation's readers look
    "BY_TEST",
    "Z95",
    "Better",
    "Evaluation",
    "Floor",
    "Passport",
    "Question",
    "Score",
    "ScoreRecord",
    "render_value",
    "share_interval",
]
FINGERPRINTS = "fingerprints"  # in an environment: the version of how images are fingerprinted; absent in version 1
MOMENTS = "moments"  # among the sets: published statistics of the real images, beside them or in their place
SCHEMA, OLDER = "ganeval.evaluation/2", "ganeval.evaluation/1"  # both are read


@dataclass(frozen=True)
class Passport:
    """Where a set of features comes from: everything about the inputs that changes a number.

    Two passports are comparable when extractor, weights, preprocessing and precision agree.
    """

    source: str  # "hoda:test", "samples/", a run's id
    fingerprint: str  # SHA-256 of the images, "" for bare arrays
    n: int  # 0 where a published mean and covariance do not say it
    dim: int
    extractor: str  # "hoda-cnn", "inception", "given" for bare arrays
    weights_sha256: str  # "" where nothing was learnt
    preprocessing: str
    precision: str = "fp32"
    class_names: tuple[str, ...] = ()
    drawn: str = ""  # what chose these images among others: a seed; "" where all were taken
    given: bool = False  # read from a file that names no network: its extractor is the caller's word

    @property
    def counted(self) -> str:
        """How many real images there are, in words; a published mean and covariance do not always say it."""
        return f"{self.n:,} real images" if self.n else "the published mean and covariance"

    def require_comparable(self, other: Passport) -> None:
        """Raise `IncomparableError` naming the first field in which two feature sets are not alike."""
        for key in ("extractor", "weights_sha256", "preprocessing", "precision", "dim"):
            mine, theirs = getattr(self, key), getattr(other, key)
            if mine != theirs:
                raise IncomparableError(
                    f"Both feature sets must come from one extractor; {self.source} has {key} {mine!r}, "
                    f"{other.source} has {theirs!r}. Extract both with the same extractor."
                )


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

    def __repr__(self) -> str:
        """One line: what it is of, the headline, and how much more there is."""
        said = [f"{printable(r.name, 40)} {r}" for _, group in headline(self.scores) for r in group]
        at = "" if self.step is None else f" at step {self.step}"
        more = f"; {len(self.scores) - len(said)} more" if len(self.scores) > len(said) else ""
        return f"<Evaluation {printable(self.name, 60)}{at}: {', '.join(said) or 'no number'}{more}>"

    def _repr_html_(self) -> str:
        title = self.name if self.step is None else f"{self.name}, step {self.step}"
        return render_cell(title, self.measured, self.scores, story_of(self.scores), self.evidence)

    @property
    def measured(self) -> str:
        """How it was measured, in words."""
        real, fake = self.real, self.fake
        weights = f" ({fake.weights_sha256[:8]})" if fake.weights_sha256 else ""
        judge = f", classifier {self.classifier}" if self.classifier else ""
        sets = f"{fake.n:,} generated against {real.counted} of {real.source}"
        return f"{sets}, embedding of {fake.extractor}{weights}{judge}"

    def to_markdown(self, *, full: bool = False) -> str:
        """The headline as a Markdown table by question; `full`: everything that has a value."""
        return render_markdown(self.scores, full=full)

    def to_latex(self, *, full: bool = False) -> str:
        r"""The same as a LaTeX `table` with a caption, which compiles without packages."""
        return render_table(self.scores, self.measured, full=full)

    @guarded
    def to_frame(self) -> Any:
        """A pandas `DataFrame` with one row for each metric, also for those without a number (`status` says why).

        Columns: value, se, low, high (of the 95 % interval), n, better, perfect, floor, floor_se, question, version,
        status.
        """
        return frame_of(self.scores)

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
            **{
                role: {k: v for k, v in found.items() if k in ("source", "sha256")} for role, found in self.sets.items()
            },
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
            raise BrokenRunError(
                f"{where} must be an evaluation with schema {SCHEMA!r}; got {found!r}. "
                "Evaluate that run again with this version."
            )
        try:
            header = _of_version_1(document) if document["schema"] == OLDER else document
            return cls(**_header(header), scores=_scores(document))
        except (ValueError, RecursionError) as error:
            raise BrokenRunError(f"{where} is not a complete evaluation: {error}. Evaluate that run again.") from error

    @guarded
    def write(self, path: str | Path) -> Path:
        """Write `path` (JSON) and, where there are any, its arrays beside it, in files that are named after `path`."""
        if not isinstance(path, (str, Path)) or not Path(path).name:
            raise WrongInputError(f"A result is written to a file; got {path!r}. Pass a path such as 'result.json'.")
        per_sample = {key: np.asarray(value, dtype=np.float32) for key, value in self.per_sample.items()}
        if per_sample and self.labels is not None:
            per_sample[LABELS] = self.labels.astype(np.float32)
        with writing(path):
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
    "name": str,
    "created": str,
    "real": Passport,
    "fake": Passport,
    "classifier": str,
    "step": int | None,
    "protocol": Mapping,
    "sets": Mapping,
    "labelled": bool,
    "latents": str,
    "environment": Mapping,
}
_REQUIRED = ("name", "created", "real", "fake", "scores")


def _of_version_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 kept the seed, the options, the other sets and the latents in one mapping, `settings`."""
    settings = converted(Mapping, document.get("settings", {}), "settings")
    asked = {key: settings[key] for key in ("seed", "n", "options") if settings.get(key)}
    sets = {role: settings[role] for role in ("train", "heldout") if isinstance(settings.get(role), Mapping)}
    return {
        **document,
        "protocol": asked,
        "sets": sets,
        "labelled": bool(settings.get("labels")),
        "latents": settings.get("latents") or "",
    }


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
    if any(
        _follows(evaluation.scores[name], key, arrays)
        for key in arrays
        if (name := key.partition(".")[0]) in evaluation.scores
    ):
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
