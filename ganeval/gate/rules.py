"""What is tolerated: the gate's configuration, from `ganeval.toml` or `[tool.ganeval.gate]` in `pyproject.toml`.

Strict: an unknown key, a wrong type or a rule that can never fail is an error that names the file, the key and the
nearest known one. A typing error in a gate's configuration must not become a gate that is always green.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from ganeval.core.apart import place_of
from ganeval.core.files import require_regular
from ganeval.core.registry import unknown_name
from ganeval.errors import GanevalError, MissingFileError
from ganeval.gate.lines import line_of
from ganeval.gate.multiplicity import Correction
from ganeval.gate.rule import GateConfigError, Rule
from ganeval.records.protocol import Labels, Precision, Protocol

FILE, PROJECT = "ganeval.toml", "pyproject.toml"
_TABLES = {False: ("gate",), True: ("tool", "ganeval", "gate")}  # by whether the file is a pyproject.toml
MEASURED = frozenset(f.name for f in fields(Protocol)) - {
    "metrics",
    "floor",
}  # keys of a rules file that say how to measure
MAX_CONFIG_BYTES = 2**20
Action = Literal["warn", "fail", "pass"]
Scope = Literal["checkpoint", "recipe"]
LEAST_ALPHA = 1e-6
_WHOLE = {"looks": (1, 20), "max_n": (2, 10**9), "n": (2, 10**9), "seed": (0, 2**63 - 1)}


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """Everything that the gate is given. `rules` is the only part without a useful default."""

    rules: tuple[Rule, ...]
    name: str = ""
    baseline: str | None = None
    anchor: str | None = None  # an older baseline that does not move with the rolling one: catches slow drift
    history: str | None = None
    scope: Scope = "checkpoint"
    alpha: float = 0.01  # of the whole family: one false red in 100 healthy runs, whatever the number of rules
    correction: Correction = "holm"
    looks: int = 4
    max_n: int = 64_000
    generator: str | None = None
    reference: str | None = None  # the generator to be matched image by image, in place of real images
    protocol: Protocol = field(default_factory=lambda: Protocol(floor=False))  # its `n` is that of the first look
    on_inconclusive: Action = "warn"
    on_missing: Action = "fail"
    on_incomparable: Action = "fail"
    on_unused: Action = "warn"
    source: str = field(default="", compare=False)  # the file it was read from

    def __post_init__(self) -> None:
        if not LEAST_ALPHA <= self.alpha < 0.5:
            raise GateConfigError(
                f"alpha must lie in (0, 0.5), and below {LEAST_ALPHA:g} nothing would ever be called a regression; "
                f"got {_shown(self.alpha)}. Leave it out for 0.01.",
                ("alpha",),
            )
        for name, (low, high) in _WHOLE.items():
            value = getattr(self.protocol if name in MEASURED else self, name)
            if value is not None and not low <= value <= high:
                raise GateConfigError(
                    f"{name} must be at least {low} and at most {high}; got {_shown(value)}.", (name,)
                )
        if self.reference is not None and not self.protocol.paired:
            raise GateConfigError(
                "reference names a generator that is matched image by image; say paired = true (--paired) with it.",
                ("reference",),
            )
        if self.reference is not None and self.protocol.real is not None:
            raise GateConfigError(
                "reference and real both say what the images should be; name one of them.", ("reference",)
            )
        seen: set[str] = set()
        for index, rule in enumerate(self.rules):
            if rule.metric in seen:
                raise GateConfigError(
                    f"Two rules name {rule.metric!r}; merge them into one.", ("rule", index, "metric")
                )
            seen.add(rule.metric)

    def sizes(self, first: int) -> tuple[int, ...]:
        """Images at each look: `first`, four times as many, and so on up to `max_n`.

        >>> GateConfig(rules=()).sizes(1000)
        (1000, 4000, 16000, 64000)
        """
        start = self.protocol.n or first
        return tuple(n for n in (start * 4**k for k in range(self.looks)) if n <= max(self.max_n, start))

    @property
    def metrics(self) -> tuple[str, ...]:
        """What has to be measured: what the rules read, and the debiased distance that checks the plain one's error."""
        read = dict.fromkeys(rule.metric.partition(".")[0] for rule in self.rules)
        return tuple(dict.fromkeys([*read, *(["fid_debiased"] if "fid" in read else [])]))

    def resolve(self, path: str) -> Path:
        """A path of the configuration, relative to the file it stands in."""
        return (Path(self.source).parent if self.source else Path()) / path

    @property
    def measured(self) -> Protocol:
        """How to measure what the rules read."""
        return self.protocol.with_(metrics=self.metrics, floor=False)

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed; those of the protocol by their own names."""
        known = MEASURED | {field.name for field in fields(self)}
        for key in changes:
            if key not in known:
                raise GateConfigError(unknown_name("setting of a gate", key, known))
        how = {key: changes.pop(key) for key in MEASURED & set(changes)}
        protocol = changes.pop("protocol", self.protocol).with_(**how)
        return replace(self, **changes, protocol=protocol)


def find_config(folder: str | Path = ".") -> Path | None:
    """`ganeval.toml`, or a `pyproject.toml` with `[tool.ganeval.gate]`, in this folder or the nearest one above."""
    start = place_of(folder)
    for place in (start, *start.parents):
        if (place / FILE).is_file():
            return place / FILE
        project = place / PROJECT
        if project.is_file() and _gate_table(_read_toml(project), project) is not None:
            return project
    return None


def load_config(path: str | Path) -> GateConfig:
    """Read and check one configuration file."""
    path = Path(path)
    text = _read_text(path)
    table = _gate_table(_parsed(text, path), path)
    if table is None:
        raise GateConfigError(f"{path} has no {_table_name(path)} table; add one with at least one [[gate.rule]].")
    try:
        return parse_config(table, source=str(path))
    except GateConfigError as error:
        line = line_of(text, (*_TABLES[path.name == PROJECT], *error.at)) if error.at else None
        if line is None:
            raise
        raise GateConfigError(str(error).replace(str(path), f"{path}, line {line}", 1), error.at) from None


def parse_config(table: Mapping[str, Any], *, source: str = "") -> GateConfig:
    """A checked configuration of plain values, as `tomllib` gives them.

    >>> parse_config({"alpha": 0.05, "rule": [{"metric": "fid", "margin_rel": 0.05}]}).rules[0].margin(10.0)
    0.5
    """
    where = source or "the gate's configuration"
    if not isinstance(table, Mapping):
        raise GateConfigError(f"{where}: gate must be a table, written [gate]; got {_shown(table)}.")
    plain = dict(table)
    lines = plain.pop("rule", [])
    if not isinstance(lines, list) or not all(isinstance(line, Mapping) for line in lines):
        raise GateConfigError(f"{where}: rules are written [[gate.rule]], one table each.", ("rule",))
    try:
        rules = tuple(_rule(line, i) for i, line in enumerate(lines))
        how = {key: plain.pop(key) for key in MEASURED & set(plain)}
        own = _checked(GateConfig, plain, hide=("rules", "source", "protocol"), beside=MEASURED)
        return GateConfig(rules=rules, source=source, protocol=_protocol(how), **own)
    except GateConfigError as error:
        which = f", rule {int(error.at[1]) + 1}" if error.at[:1] == ("rule",) else ""
        raise GateConfigError(f"{where}{which}: {error}", error.at) from None


def _protocol(said: Mapping[str, Any]) -> Protocol:
    """The keys of the table that say how to measure."""
    said = _checked(Protocol, said)
    for key, value in said.items():
        try:
            Protocol.parse({key: value})
        except GanevalError as error:
            raise GateConfigError(str(error).removeprefix("the protocol: "), (key,)) from None
    return Protocol(**said, floor=False)


def _rule(line: Mapping[str, Any], index: int) -> Rule:
    try:
        return Rule(**_checked(Rule, line))
    except GateConfigError as error:
        raise GateConfigError(str(error), ("rule", index, *error.at)) from None


def _checked(
    kind: type, values: Mapping[str, Any], hide: tuple[str, ...] = (), beside: Iterable[str] = ()
) -> dict[str, Any]:
    known = {f.name: f for f in fields(kind) if f.name not in hide}
    for key, value in values.items():
        if key not in known:
            raise GateConfigError(unknown_name("key", key, [*known, *beside]), (key,))
        _check_type(known[key].type, key, value)
    missing = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING and n not in values]
    if missing:
        raise GateConfigError(f"{missing[0]} is missing.")
    return dict(values)


_CHOICES = {
    "Action": get_args(Action),
    "Scope": get_args(Scope),
    "Correction": get_args(Correction),
    "Labels": get_args(Labels),
    "Precision": get_args(Precision),
}
_NAMED = {  # of `Protocol`, in a file
    "Source": "str",
    "Network": "str",
    "tuple[Network, ...]": "list",
    "Mapping[str, Mapping[str, Value]]": "table",
}


def _check_type(annotation: Any, key: str, value: Any) -> None:
    choices = _CHOICES.get(annotation)
    if choices is not None:
        if value not in choices:
            raise GateConfigError(
                f"{key} = {_shown(value)}. "
                f"{unknown_name('choice', value if isinstance(value, str) else _shown(value), choices)}",
                (key,),
            )
        return
    kind = str(_NAMED.get(annotation, annotation.removesuffix(" | None")))
    expected = {
        "float": (int, float),
        "int": (int,),
        "str": (str,),
        "bool": (bool,),
        "table": (dict,),
        "list": (list,),
    }[kind]
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != "bool"):
        raise GateConfigError(f"{key} must be of type {kind}; got {_shown(value)}.", (key,))
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise GateConfigError(f"{key} = {_shown(value)} names nothing; leave the key out or name something.", (key,))


def _shown(value: Any) -> str:
    """A value in a message: short, also where it is a list of lists or an integer of a million digits."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "a number of very many digits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:100]}..."


def _read_toml(path: Path) -> dict[str, Any]:
    return _parsed(_read_text(path), path)


def _read_text(path: Path) -> str:
    try:
        if os.path.lexists(path):
            require_regular(path)
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise MissingFileError(f"Expected the gate's configuration in {path}; {error.strerror}.") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise GateConfigError(f"{path} is larger than 1 MiB; that is no configuration file.")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise GateConfigError(f"{path} is not valid TOML: {error}.") from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise GateConfigError(f"{path} is not valid TOML: {error}.") from error


def _gate_table(document: Any, path: Path) -> Any:
    """What stands under [gate]; None where there is no such table."""
    if path.name == PROJECT:
        for name in ("tool", "ganeval"):
            document = document.get(name) if isinstance(document, dict) else None
        return document.get("gate") if isinstance(document, dict) else None
    if extra := set(document) - {"gate"}:
        raise GateConfigError(f"{path}: {unknown_name('table', min(extra), ['gate'])}")
    return document.get("gate")


def _table_name(path: Path) -> str:
    return f"[{'.'.join(_TABLES[path.name == PROJECT])}]"
