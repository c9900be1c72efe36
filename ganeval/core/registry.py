"""Plug-ins by place: a registry walks one package, then one entry-point group, and collects what it finds.

To add a thing, create a file in its folder; there is no list to edit. Torch is never imported from here.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ganeval.errors import UnknownNameError, WrongInputError, sentence


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Registry(Generic[T]):
    """All instances of `kind` defined at the top level of the modules of `package`, and of its plug-ins.

    A plug-in package names a module under the entry-point group (the same dotted name as `package`).
    """

    kind: type[T]
    package: str
    noun: str

    def names(self) -> list[str]:
        return sorted(self._found())

    def __getitem__(self, name: str) -> T:
        found = self._found()
        if name not in found:
            raise UnknownNameError(unknown_name(self.noun, name, found))
        return found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found()

    def __iter__(self) -> Iterator[T]:
        return iter(self._found()[name] for name in self.names())

    def _found(self) -> dict[str, T]:
        cached = _CACHE.get(self.package)
        if cached is None:
            cached = _CACHE[self.package] = self._discover()
        return cached

    def _discover(self) -> dict[str, T]:
        found: dict[str, T] = {}
        for module_name in (*_modules_of(self.package), *_plugin_modules(self.package)):
            module = importlib.import_module(module_name)
            for thing in vars(module).values():
                if not isinstance(thing, self.kind):
                    continue
                if found.setdefault(thing.name, thing) is not thing:
                    raise UnknownNameError(
                        f"Two {self.noun}s are named {thing.name!r}; rename the one in {module_name}."
                    )
        return found


_CACHE: dict[str, dict[str, Any]] = {}


def unknown_name(noun: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not known: the nearest first, then all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    guess = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"There is no {noun} named {name!r}.{guess} Known: {', '.join(known) or 'none'}."


def load_object(where: str, noun: str) -> Any:
    """What "package.module:name" names; modules of the current folder count. `noun` says what it is for in messages.

    >>> load_object("math:sqrt", "generator")(9.0)
    3.0
    """
    module_name, colon, attribute = where.partition(":")
    if not colon or not module_name or not attribute:
        raise WrongInputError(f"A {noun} is named 'package.module:name'; got {where!r}.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found: Any = _imported(module_name, where, noun)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UnknownNameError(f"{where!r} names no {noun}: {unknown_name('name in it', part, _public(found))}")
        found = getattr(found, part)
    return found


def _imported(module_name: str, where: str, noun: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UnknownNameError(
            f"There is no module {error.name!r}, needed by the {noun} {where!r}. Start where it lies, or install it."
        ) from error
    except Exception as error:
        raise WrongInputError(f"The module of the {noun} {where!r} cannot be loaded: {sentence(error)}.") from error


def _public(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


def _modules_of(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    found = [m for m in pkgutil.walk_packages(path, f"{package}.") if "._" not in m.name.removeprefix(package)]
    return [m.name for m in found if not m.ispkg]


def has_plugins(group: str) -> bool:
    """Whether another package adds to what the group of this name holds."""
    return bool(_plugin_modules(group))


def _plugin_modules(group: str) -> list[str]:
    from importlib.metadata import entry_points  # takes as long to load as all that a command's help needs

    return [entry.module for entry in entry_points(group=group)]
