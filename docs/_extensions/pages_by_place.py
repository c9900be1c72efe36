"""Pages and names are found by their place, so that a new one needs no line in any list.

A line `{pages-by-place}` stands for every page of the top folder that its own page does not name;
`{pages-under} FOLDER` for the pages of a folder; `{public-names} MODULE` for the documentation of every public function
and class of a module. Links to `../CONTRIBUTING.md` and `../CHANGELOG.md` go to the pages that include these files.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

HERE = re.compile(r"^\{pages-by-place\}$", re.MULTILINE)
UNDER = re.compile(r"^\{pages-under\} (\w+)$", re.MULTILINE)
NAMES = re.compile(r"^\{public-names\} ([\w.]+)$", re.MULTILINE)
INCLUDED = {"CONTRIBUTING": "contributing", "CHANGELOG": "changelog"}


def unnamed(text: str, pages: Iterable[str]) -> list[str]:
    """The pages of the top folder that `text` does not name on a line of their own.

    >>> unnamed("start\\nci", ["ci", "gate", "start", "results/zoo"])
    ['gate']
    """
    lines = set(text.splitlines())
    return sorted(page for page in pages if "/" not in page and page not in lines)


def public(module: str) -> list[str]:
    """What a module says is public, and what it defines where it does not say; metrics have cards of their own."""
    from ganeval.metrics import METRICS

    room = importlib.import_module(module)
    own = [name for name, thing in vars(room).items() if getattr(thing, "__module__", "") == module]
    names = getattr(room, "__all__", None) or [name for name in own if not name.startswith("_")]
    return [name for name in names if not (module == "ganeval" and name in METRICS)]


def documented(module: str) -> str:
    """Functions first, then classes; registries and constants are no reading matter."""
    things = {name: at(module, name) for name in public(module)}
    functions = [block(name, f".. autofunction:: {path}") for name, (path, t) in things.items() if inspect.isroutine(t)]
    classes = [
        block(name, f".. autoclass:: {path}", "   :members:") + "\n".join(fields(thing))
        for name, (path, thing) in things.items()
        if inspect.isclass(thing)
    ]
    return "\n".join([*functions, *classes])


def at(module: str, name: str) -> tuple[str, Any]:
    """Where a public thing lies, and the thing; a folder that bears the name of its function is that function."""
    thing = getattr(importlib.import_module(module), name)
    if not inspect.ismodule(thing):
        return f"{module}.{name}", thing
    path = f"{thing.__name__}.{name}"
    return f"{path}.{name}", getattr(importlib.import_module(path), name)


def block(name: str, *lines: str) -> str:
    return "\n".join([f"## `{name}`", "", "```{eval-rst}", *lines, "```", "", ""])


def fields(thing: type) -> list[str]:
    """The fields of a dataclass that say what they are for."""
    known = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
    return [f"- `{field.name}`: {field.metadata['help']}" for field in known if "help" in field.metadata] + [""]


def insert(app: Sphinx, page: str, source: list[str]) -> None:
    text, pages = source[0], set(app.env.found_docs) - {page}
    written = {name for name in pages if str(app.env.doc2path(name)).endswith(".md")}
    text = HERE.sub(lambda _: "\n".join(unnamed(text, written)), text)
    text = UNDER.sub(lambda found: "\n".join(sorted(p for p in pages if p.startswith(f"{found[1]}/"))), text)
    text = NAMES.sub(lambda found: documented(found[1]), text)
    source[0] = re.sub(rf"\]\(\.\./({'|'.join(INCLUDED)})\.md", lambda found: f"](/{INCLUDED[found[1]]}.md", text)


def lists(app: Sphinx, env: object, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The page that lists others is read again at every build: a page may have come since."""
    del env, added, changed, removed
    return sorted({"index"} & set(app.env.found_docs))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", insert)
    app.connect("env-get-outdated", lists)
    return {"parallel_read_safe": True}
