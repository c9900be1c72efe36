"""The shape of the package at some commits, for docs/architecture.md: rooms, floors, arrows, circles, signatures.

python -m studies house fa20937 289b968 HEAD

A room is a folder of `ganeval/`, a root module a file beside them (`__init__.py` apart); floors, how many of both
stand upon each other (`__init__.py` and `__main__.py`, the front door, apart); an arrow, an import of one module by
another, late ones too; a circle, modules that import one another. A measuring signature is a function or class that
lists four or more of `ASKED` by itself; a contract, a sentence about imports that `lint-imports` proves.
"""

from __future__ import annotations

import ast
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tyro.conf import Positional

from studies.page import markdown_table

ROOT = Path(__file__).parents[1]
FRONT = ("ganeval", "ganeval.__main__")
ASKED = {
    "classifier",
    "convention",
    "extractor",
    "extractors",
    "heldout",
    "metrics",
    "n",
    "options",
    "seed",
    "train",
}
MANY = 4
HEADS = (
    "commit",
    "modules",
    "root modules",
    "rooms",
    "floors",
    "arrows",
    "in circles",
    "measuring signatures",
    "contracts",
)

Imports = Mapping[str, set[str]]


def main(commits: Positional[tuple[str, ...]] = ("HEAD",)) -> str:
    """A table of the package at each commit of this repository."""
    rows = []
    for commit in commits:
        with tempfile.TemporaryDirectory() as folder:
            asked = ["git", "archive", commit, "ganeval", "pyproject.toml"]
            packed = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603 - our tree
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(folder, filter="data")
            rows.append((commit, *shape(Path(folder))))
    return markdown_table(HEADS, rows)


def shape(root: Path) -> tuple[str, ...]:
    """What `HEADS` names after the commit, of the package below `root`."""
    trees = modules(root)
    arrows = imports(trees)
    between = rooms(arrows)
    inside = [name.partition(".")[2] for name in trees if name.count(".") == 1]
    lone = [name for name in inside if (root / "ganeval" / f"{name}.py").is_file()]
    many = sum(len(asked & ASKED) >= MANY for tree in trees.values() for asked in signatures(tree))
    counts = (len(trees), len(lone), len(inside) - len(lone), floors(between), sum(map(len, arrows.values())))
    contracts = (root / "pyproject.toml").read_text("utf-8").count("[[tool.importlinter.contracts]]")
    return (*map(str, counts), str(len(in_circles(arrows))), str(many), str(contracts))


def modules(root: Path) -> dict[str, ast.Module]:
    """Every module of `ganeval` by its dotted name."""
    files = {".".join(path.relative_to(root).with_suffix("").parts): path for path in root.glob("ganeval/**/*.py")}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for name, path in sorted(files.items())}


def imports(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Which modules each one imports, anywhere in it, but for types alone."""
    return {name: {found for found in _named(tree, trees) if found != name} for name, tree in trees.items()}


def _named(tree: ast.Module, known: Mapping[str, ast.Module]) -> Iterator[str]:
    types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in types:
            deeper = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in known else node.module for name in deeper if node.module in known)
        elif isinstance(node, ast.Import) and id(node) not in types:
            yield from (alias.name for alias in node.names if alias.name in known)


def rooms(arrows: Imports) -> dict[str, set[str]]:
    """Which rooms each room imports."""
    found: dict[str, set[str]] = {}
    for name, others in arrows.items():
        if name not in FRONT:
            inside = found.setdefault(name.split(".")[1], set())
            inside |= {other.split(".")[1] for other in others if other not in FRONT}
    return {room: others - {room} for room, others in found.items()}


def floors(between: Imports) -> str:
    """The longest way down; "none" where rooms stand in a circle."""
    try:
        TopologicalSorter(between).prepare()
    except CycleError:
        return "none"

    @cache
    def depth(room: str) -> int:
        return 1 + max(map(depth, between.get(room, ())), default=0)

    return str(max(map(depth, between), default=0))


def in_circles(arrows: Imports) -> set[str]:
    """The modules that reach themselves."""
    return {name for name in arrows if name in _reached(name, arrows)}


def _reached(start: str, arrows: Imports) -> set[str]:
    seen: set[str] = set()
    todo = [*arrows[start]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += arrows[name]
    return seen


def signatures(tree: ast.Module) -> Iterator[set[str]]:
    """The parameters of each function, and the fields of each class."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
        elif isinstance(node, ast.ClassDef):
            yield {
                line.target.id
                for line in node.body
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            }
