"""What was promised: `baselines/NAME.json` with its per-image vectors beside it, and the rules for replacing it.

A baseline is text that people review in a pull request: sorted keys, no NaN, a reason, and the hash of what it
supersedes. A checksum over the document finds edits by hand: a number that nobody measured must not become a promise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from ganeval.core.files import read_json, render_json, write_atomic
from ganeval.errors import BrokenRunError, GanevalError, MissingFileError
from ganeval.gate.checked import finite, table, text, whole
from ganeval.gate.entry import Entry, Look, Vector, require_sound
from ganeval.gate.lock import locked
from ganeval.gate.protocol import gate_protocol, protocol_hash
from ganeval.records.scores import LABELS, Evaluation
from ganeval.records.scores import SCHEMA as EVALUATION_SCHEMA

SCHEMA = "ganeval.baseline/1"
VECTORS = r"\.samples(-[0-9a-f]{16})?\.safetensors"  # the end of their file's name; without a digest in older baselines
MAX_VECTOR_BYTES = 512 * 2**20
Store = Callable[[Path, bytes | None], None]


@dataclass(frozen=True)
class Baseline:
    """Entries at each number of images, the protocol they were measured by, and who says they are good."""

    name: str
    created: str
    protocol: Mapping[str, Any]
    looks: tuple[Look, ...]  # by n, smallest first
    reason: str = ""
    supersedes: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    train_values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # metric -> one value per training seed
    train_sd: Mapping[str, float] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)
    note: str = field(default="", compare=False)  # what a reader should know: "no per-image values"
    digest: str = field(default="", compare=False)  # of the file it was read from

    @property
    def last(self) -> Look:
        return self.looks[-1]

    def at(self, n: int) -> Look:
        """The look at exactly `n` images, else the largest: an unbiased metric still compares."""
        return next((look for look in self.looks if look.n == n), self.last)

    @property
    def metrics(self) -> list[str]:
        return sorted({name for look in self.looks for name in look.entries if "." not in name})

    @classmethod
    def of(
        cls, evaluations: Sequence[Evaluation], *, name: str, reason: str = "", seeds: Sequence[Evaluation] = ()
    ) -> Self:
        """A baseline of one generator at one or more sample sizes; `seeds` are evaluations of retrained siblings."""
        ordered = sorted(evaluations, key=lambda e: e.fake.n)
        last = ordered[-1]
        source = {"evaluation": last.name, "step": last.step}
        return cls(
            name=name,
            created=last.created,
            protocol=gate_protocol(last),
            looks=tuple(map(Look.of, ordered)),
            reason=reason,
            source=source,
            environment=dict(last.environment),
            train_values=_train_values([*ordered[-1:], *seeds]) if seeds else {},
        )


def read_baseline(path: str | Path) -> Baseline:
    """A baseline, or a stored evaluation used as one. Hand-edited, truncated and foreign files are errors."""
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"There is no baseline at {path}. Make one with --update-baseline --reason '...'.")
    document = read_json(path)
    schema = document.get("schema") if isinstance(document, dict) else type(document).__name__
    if schema == EVALUATION_SCHEMA:
        evaluation = require_sound(Evaluation.read(path, per_sample=True), path)
        return replace(Baseline.of([evaluation], name=evaluation.name), path=path)
    if schema != SCHEMA:
        raise BrokenRunError(
            f"{path} must have schema {SCHEMA!r}; got {schema!r}. It was written by another version: update the "
            "baseline."
        )
    try:
        if document.get("sha256") != _checksum(document):
            raise BrokenRunError(
                f"{path} was edited by hand or damaged: its checksum does not match. Restore it from git, or measure "
                "again with --update-baseline --accept-regression."
            )
        return replace(_with_vectors(_parse(document, path), document.get("per_sample"), path), digest=file_hash(path))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, GanevalError) and str(path.parent) in str(error):
            raise
        raise BrokenRunError(f"{path} is not a complete baseline: {_what(error)} Update the baseline.") from error


def _what(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing."
    return str(error) if isinstance(error, GanevalError) else f"{error}."


def store(path: Path, content: bytes | None) -> None:
    """Replace a file whole, or take it away. What writes a baseline is an argument, for pytest-xdist's workers must
    not.
    """
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write_atomic(path, content)


def write_baseline(
    baseline: Baseline, path: str | Path, metrics: Sequence[str] | None = None, write: Store = store
) -> Path:
    """Write a baseline; `metrics` bounds which vectors are kept. Another process that writes it is waited for."""
    path = Path(path)
    with alone(path, write):
        return put_baseline(baseline, path, metrics, write)


def put_baseline(baseline: Baseline, path: Path, metrics: Sequence[str] | None, write: Store) -> Path:
    """The same for who is `alone` with it: the vectors under a name of their own, then the document that names them.

    Until the document is replaced the old one finds its own vectors, and from then on the new one does: a kill at any
    moment leaves a whole baseline. What nobody names is taken away last.
    """
    document = to_json(baseline)
    vectors = _vectors(baseline, metrics)
    name = ""
    if vectors:
        from safetensors.numpy import save

        content = save(vectors)
        digest = hashlib.sha256(content).hexdigest()
        name = f"{_stem(path)}.samples-{digest[:16]}.safetensors"
        write(path.with_name(name), content)
        document["per_sample"] = {"file": name, "sha256": digest, "keys": sorted(vectors)}
    document["sha256"] = _checksum(document)
    write(path, render_json(document).encode())
    for old in vector_files(path):
        if old.name != name:
            write(old, None)
    return path


def alone(path: Path, write: Store) -> AbstractContextManager[None]:
    """Nobody else writes this baseline meanwhile, and what a killed writer left half written is taken away."""
    return _alone(path) if write is store else nullcontext()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with locked(path):
        for left in _beside(path, rf"({VECTORS}|\.json)\.[^.]*\.part", hidden=True):
            left.unlink(missing_ok=True)
        yield


def vector_files(path: Path) -> list[Path]:
    """Every file of per-image values that a baseline at `path` has or had."""
    return _beside(path, VECTORS)


def vectors_name(document: Any) -> str:
    """The file that a baseline's document says its vectors are in, without any folder; "" where there is none."""
    where = document.get("per_sample") if isinstance(document, dict) else None
    return Path(str(where.get("file", ""))).name if isinstance(where, dict) else ""


def _beside(path: Path, ending: str, *, hidden: bool = False) -> list[Path]:
    pattern = re.compile(("\\." if hidden else "") + re.escape(_stem(path)) + ending)
    folder = path.parent
    return sorted(p for p in folder.iterdir() if pattern.fullmatch(p.name)) if folder.is_dir() else []


def _stem(path: Path) -> str:
    return path.name.removesuffix(".json")


def to_json(baseline: Baseline) -> dict[str, Any]:
    *smaller, last = (_look_json(look) for look in baseline.looks)
    return {
        "schema": SCHEMA,
        "name": baseline.name,
        "created": baseline.created,
        "reason": baseline.reason,
        "supersedes": baseline.supersedes,
        "source": dict(baseline.source),
        "env": dict(baseline.environment),
        "protocol": dict(baseline.protocol),
        "protocol_hash": protocol_hash(baseline.protocol),
        "scope": {
            "train_values": {key: list(values) for key, values in baseline.train_values.items()},
            "train_sd": dict(baseline.train_sd),
        },
        **last,
        "smaller_looks": smaller,
    }


def file_hash(path: Path) -> str:
    """What `supersedes` holds: the SHA-256 of the file that is replaced."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def candidate_path(path: Path) -> Path:
    return path.with_name(f"{_stem(path)}.candidate.json")


def _look_json(look: Look) -> dict[str, Any]:
    kept = {name: entry for name, entry in look.entries.items() if "." not in name or entry.se is not None}
    metrics = {name: entry.to_json() for name, entry in kept.items()}
    return {"n": look.n, "latents": look.latents, "images": look.images, "metrics": metrics}


def _parse(document: dict[str, Any], path: Path) -> Baseline:
    scope = table(document.get("scope", {}), "scope")
    looks = [_look(part) for part in [*document.get("smaller_looks", []), document]]
    by_metric = table(scope.get("train_values", {}), "train_values")
    spread = table(scope.get("train_sd", {}), "train_sd")
    return Baseline(
        name=text(document["name"], "name"),
        created=text(document["created"], "created"),
        protocol=table(document["protocol"], "protocol"),
        looks=tuple(sorted(looks, key=lambda look: look.n)),
        reason=text(document["reason"], "reason"),
        supersedes=text(document["supersedes"], "supersedes"),
        source=table(document.get("source", {}), "source"),
        environment=table(document.get("env", {}), "env"),
        train_values={name: tuple(finite(v, "train_values") for v in values) for name, values in by_metric.items()},
        train_sd={name: finite(v, "train_sd", 0.0) for name, v in spread.items()},
        path=path,
    )


def _look(document: Any) -> Look:
    document = table(document, "a look")
    metrics = table(document["metrics"], "metrics")
    entries = {text(name, "a metric"): Entry.from_json(table(value, name)) for name, value in metrics.items()}
    latents, images = (text(document.get(key, ""), key) for key in ("latents", "images"))
    return Look(whole(document["n"], "n", 1), entries, latents, images=images)


def _with_vectors(baseline: Baseline, where: Any, path: Path) -> Baseline:
    if not where:
        return baseline
    beside = path.with_name(text(table(where, "per_sample")["file"], "file") and vectors_name({"per_sample": where}))
    if not beside.is_file():
        return replace(baseline, note=f"{beside.name} is missing, so nothing can be paired")
    if beside.stat().st_size > MAX_VECTOR_BYTES:
        raise BrokenRunError(f"{beside} is larger than {MAX_VECTOR_BYTES // 2**20} MiB; those are no per-image values.")
    content = beside.read_bytes()
    if hashlib.sha256(content).hexdigest() != where["sha256"]:
        raise BrokenRunError(
            f"{beside} does not belong to {path.name}: its checksum does not match. Restore both from git."
        )
    vectors = _loaded(content, beside)
    return replace(baseline, looks=tuple(replace(look, per_sample=_own(vectors, look.n)) for look in baseline.looks))


def _loaded(content: bytes, beside: Path) -> dict[str, Vector]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        vectors = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise BrokenRunError(f"{beside} is no safetensors file: {error}. Update the baseline.") from error
    for key, vector in vectors.items():
        n = key.partition("/")[0]
        if vector.ndim != 1 or str(len(vector)) != n or vector.dtype.kind != "f" or not np.isfinite(vector).all():
            raise BrokenRunError(
                f"{beside} must hold {n} finite numbers in {key}, one for each image; got {vector.dtype} of shape "
                f"{vector.shape}. Update the baseline."
            )
    return vectors


def _own(vectors: Mapping[str, Vector], n: int) -> dict[str, Vector]:
    prefix = f"{n}/"
    return {key.removeprefix(prefix): value for key, value in vectors.items() if key.startswith(prefix)}


def _vectors(baseline: Baseline, metrics: Sequence[str] | None) -> dict[str, Vector]:
    return {
        f"{look.n}/{key}": np.ascontiguousarray(value, dtype=np.float32)
        for look in baseline.looks
        for labels in [next((key for key in sorted(look.per_sample) if key == LABELS or key.endswith(".label")), "")]
        for key, value in look.per_sample.items()
        if metrics is None or key.partition(".")[0] in metrics or key == labels
    }


def _checksum(document: Mapping[str, Any]) -> str:
    body = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(render_json(body).encode()).hexdigest()


def _train_values(evaluations: Sequence[Evaluation]) -> dict[str, tuple[float, ...]]:
    names = set.intersection(*(set(e.scores) for e in evaluations))
    found: dict[str, tuple[float, ...]] = {}
    for name in sorted(names):
        values = [e.scores[name].value for e in evaluations]
        if all(value is not None for value in values):
            found[name] = tuple(float(value) for value in values if value is not None)
    return found
