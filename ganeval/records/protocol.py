"""How to measure, said once: `Protocol`, its one parser and its one order of precedence. No torch.

Everything that moves a number is a field here; what does not (device, batch size, cache) is `ganeval.core.compute`.
Every way in (functions, command line, gate, pytest, report) fills this one class and hands it to
`ganeval.measure.measure`; none of them has a list of measuring parameters of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from ganeval.core.registry import unknown_name
from ganeval.core.uris import require_no_secret
from ganeval.errors import UnknownNameError, WrongInputError

if TYPE_CHECKING:
    Source = Any  # whatever `ganeval.image_set` opens, or features
    Network = Any  # an object that follows `ganeval.core.extractor.Extractor`
else:  # what can be typed on a command line or in a file
    Source = str | None
    Network = str | None

Labels = Literal["balanced", "none"]
Precision = Literal["fp32", "bf16"]
Value = str | int | float | bool | None
ROLES = ("real", "train", "heldout")
NETWORKS = ("extractor", "classifier")
MAX_SEED = 2**32 - 1
CALL = "the call"  # the layer of a function's own arguments


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a set of images is measured. Frozen; `to_json` and `parse` are inverse for values that have a name.

    In Python a source may also be anything that `image_set` opens or `Features`, and a network an object.

    >>> Protocol(real="hoda:test", classifier="hoda").to_json()
    {'classifier': 'hoda', 'real': 'hoda:test'}
    """

    real: Source = field(
        default=None, metadata={"help": "Real images to compare with: hoda:test, a folder, a zip, an npz."}
    )
    train: Source = field(
        default=None,
        metadata={"help": "The images that the generator was trained on, for the questions about copying."},
    )
    heldout: Source = field(
        default=None,
        metadata={
            "help": "Real images that the generator was not trained on; by default `real` where `train` is given."
        },
    )
    extractor: Network = field(
        default=None,
        metadata={"help": "The network whose embeddings say how close two sets are; by default the classifier."},
    )
    extractors: tuple[Network, ...] = field(
        default=(),
        metadata={"help": "Further networks that look at the same images, such as wavelet pixels (see fdr, eye_gap)."},
    )
    classifier: Network = field(
        default=None, metadata={"help": "The network that says what an image shows, for example hoda or mnist."}
    )
    labels: Labels = field(
        default="balanced",
        metadata={
            "help": "Labels to request from a generator when none are given: balanced (all equally often), none."
        },
    )
    n: int | None = field(
        default=None,
        metadata={"help": "Use only this many generated images, drawn with the seed; each class keeps its share."},
    )
    seed: int = field(default=0, metadata={"help": "Seed of everything random."})
    paired: bool = field(
        default=False,
        metadata={"help": "Real image i is what generated image i should be: also compare them one by one."},
    )
    metrics: tuple[str, ...] = field(
        default=(), metadata={"help": "Measure only these metrics, by name; by default all quick ones."}
    )
    options: Mapping[str, Mapping[str, Value]] = field(
        default_factory=dict, metadata={"help": "Options of single metrics, for example precision.k=5."}
    )
    precision: Precision = field(default="fp32", metadata={"help": "Floating-point precision of the networks."})
    floor: bool = field(default=True, metadata={"help": "Also measure the floor: real images against real images."})

    def __post_init__(self) -> None:
        for name, choices in (("labels", get_args(Labels)), ("precision", get_args(Precision))):
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in choices:
                raise UnknownNameError(unknown_name(f"choice for {name}", str(getattr(self, name)), choices))
        for name in ("paired", "floor"):
            if not isinstance(getattr(self, name), bool):
                raise WrongInputError(f"{name} must be true or false; got {getattr(self, name)!r}.")
        _require_whole("n", self.n, 1, None)
        _require_whole("seed", self.seed, 0, MAX_SEED)
        for role in ROLES:
            require_no_secret(getattr(self, role))
            if isinstance(getattr(self, role), str) and not getattr(self, role).strip():
                raise WrongInputError(
                    f"{role} must name images; it is empty. Leave it out, or name a folder or a data set."
                )
        object.__setattr__(self, "metrics", _names(self.metrics))
        object.__setattr__(self, "extractors", _networks(self.extractors))
        object.__setattr__(self, "options", _options(self.options))

    @classmethod
    def parse(cls, said: Mapping[str, Any], where: str = "the protocol") -> Self:
        """A protocol of plain values, as JSON and TOML give them; an unknown key or a wrong type is an error.

        >>> Protocol.parse({"real": "digits:test", "n": 300}).n
        300
        """
        known = {f.name for f in fields(cls)}
        for key, value in said.items():
            if key not in known:
                raise UnknownNameError(f"{where}: {unknown_name('key', str(key), known)}")
            _require_type(key, value, where)
        try:
            return cls(**said)
        except (UnknownNameError, WrongInputError) as error:
            raise type(error)(str(error) if where == CALL else f"{where}: {error}") from None

    @classmethod
    def layered(cls, *layers: tuple[str, Mapping[str, Any]]) -> tuple[Self, tuple[str, ...]]:
        """The first layer that says a thing decides it; also one sentence for each thing that was overridden.

        Layers are named and come in order of precedence: the call, flags, a file, what the run says. What nobody says
        keeps its default. None and an empty collection say nothing, but a list of no metrics is refused: all would be
        measured.

        >>> Protocol.layered(("--real", {"real": "a"}), ("run.json", {"real": "b", "seed": 3}))[1]
        ("real is 'a' by --real; run.json says 'b'.",)
        """
        decided: dict[str, tuple[str, Any]] = {}
        notes: list[str] = []
        for name, layer in layers:
            for key, value in layer.items():
                if key == "metrics" and value is not None and _says_nothing(value):
                    raise WrongInputError(f"metrics of {name} names none. Name some, or leave it out to measure all.")
                if _says_nothing(value):
                    continue
                if key not in decided:
                    decided[key] = (name, value)
                elif _plain(decided[key][1]) != _plain(value):
                    by, kept = decided[key]
                    notes.append(f"{key} is {_brief(kept)} by {by}; {name} says {_brief(value)}.")
        by_layer = ", ".join(dict.fromkeys(name for name, _ in decided.values())) or "the protocol"
        return cls.parse({key: value for key, (_, value) in decided.items()}, by_layer), tuple(notes)

    def with_(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults, in plain values; an object that has no name is shown by its type."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        default = {f.name: None if f.default is MISSING else f.default for f in fields(self)}
        plain = {key: _plain(value) for key, value in said.items() if not _says_nothing(value)}
        return {key: plain[key] for key in sorted(plain) if plain[key] != _plain(default[key])}


PYTHONS: dict[str, Value] = {"True": True, "False": False, "None": None}


def parse_options(said: Iterable[str]) -> dict[str, dict[str, Value]]:
    """Options typed as METRIC.OPTION=VALUE; the value is read as JSON where it is JSON, as Python writes it where it
    is True, False or None, else as text.

    >>> parse_options(["precision.k=5", "fid.se=false", "inception_score.se=False"])
    {'precision': {'k': 5}, 'fid': {'se': False}, 'inception_score': {'se': False}}
    """
    found: dict[str, dict[str, Value]] = {}
    for text in said:
        place, equals, value = text.partition("=")
        metric, dot, option = place.partition(".")
        if not (equals and dot and metric and option):
            raise WrongInputError(f"An option is written METRIC.OPTION=VALUE, for example precision.k=5; got {text!r}.")
        found.setdefault(metric, {})[option] = _value(value)
    return found


def _value(text: str) -> Value:
    if text in PYTHONS:
        return PYTHONS[text]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, (str, int, float, bool, type(None))) else text


def _names(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        raise WrongInputError(f"metrics must be a list of names; got the text {given!r}. Pass [{given!r}].")
    if given is not None and not isinstance(given, (list, tuple, set, frozenset)):
        raise WrongInputError(f"metrics must be a list of names; got {given!r}.")
    names = tuple(given or ())
    if not all(isinstance(name, str) for name in names):
        raise WrongInputError(f"metrics must be names; got {names!r}.")
    return tuple(dict.fromkeys(names))


def _networks(given: Any) -> tuple[Any, ...]:
    """Further networks in the order in which they were named, none twice."""
    if given is not None and not isinstance(given, (list, tuple)):
        raise WrongInputError(f"extractors must be a list of networks; got {given!r}. Pass [{given!r}].")
    found = tuple(given or ())
    if any(not one or isinstance(one, (bool, int, float, Mapping, list, tuple)) for one in found):
        raise WrongInputError(f"extractors must be networks or their names; got {_brief(found)}.")
    names = [one if isinstance(one, str) else id(one) for one in found]
    return tuple(one for i, one in enumerate(found) if names[i] not in names[:i])


def _options(given: Any) -> dict[str, dict[str, Value]]:
    if not isinstance(given, Mapping) or not all(isinstance(part, Mapping) for part in given.values()):
        raise WrongInputError(f"options must be {{metric: {{option: value}}}}; got {given!r}.")
    return {str(metric): dict(part) for metric, part in sorted(given.items())}


def _require_whole(name: str, value: Any, low: int, high: int | None) -> None:
    if value is None and name == "n":
        return
    given: Any = value
    most: int = sys.maxsize if high is None else high
    span = f" of at least {low}" + ("" if high is None else f" and at most {high}")
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(given) <= most:
        raise WrongInputError(f"{name} must be a whole number{span}; got {value!r}. Pass another {name}.")


_TEXT = {"labels", "precision"}


def _require_type(key: str, value: Any, where: str) -> None:
    """Values of files: a wrong type is found here, before it is taken for an object."""
    plain = isinstance(value, (str, int, float, bool, list, tuple, Mapping, type(None)))
    if not plain:  # an object that a caller of the library passed
        return
    if where == CALL and key in ROLES and isinstance(value, (list, tuple)):  # image files, or (images, labels)
        return
    if key in {*ROLES, *NETWORKS, *_TEXT} and not isinstance(value, (str, type(None))):
        raise WrongInputError(f"{where}: {key} must be a name or a path; got {value!r}.")
    if key in ("floor", "paired") and not isinstance(value, bool):
        raise WrongInputError(f"{where}: {key} must be true or false; got {value!r}.")


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, (tuple, list, dict, set, frozenset)) and len(value) == 0)


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return f"<{getattr(value, 'source', None) or getattr(value, 'name', None) or type(value).__name__}>"


def _brief(value: Any) -> str:
    text = repr(_plain(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
