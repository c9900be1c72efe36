"""What is registered in a room, read from the text of its files: names and what they say, without loading torch.

A registry imports every module of its room, which takes seconds, and needs what they import. Names and summaries
stand in the text as plain constants: as arguments of a decorator (`@metric("fid", better="lower", ...)`) or of a call
at the top level (`PIXELS = ExtractorSpec("pixels", ..., summary="...")`). A plug-in is imported, as its registry does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOUSE = Path(__file__).parents[1]
NAMED_BY = {"metric": 0, "ExtractorSpec": 0, "Member": 0, "member": 1}  # what registers -> the place of the name


@dataclass(frozen=True)
class Listed:
    """One registered thing: its name, the constants said with it, and the docstring of what was decorated."""

    name: str
    said: Mapping[str, str]
    card: str = ""


@cache
def listed(room: str) -> tuple[Listed, ...]:
    """What the files of `ganeval/ROOM/` register, by name.

    >>> [one.name for one in listed("extractors")][-2:]
    ['pixels', 'wavelet']
    """
    files = sorted((HOUSE / room).rglob("*.py"))
    found = [one for file in files for one in _registered(ast.parse(file.read_text(encoding="utf-8")))]
    return tuple(sorted(found, key=lambda one: one.name))


def _registered(module: ast.Module) -> Iterator[Listed]:
    for node in module.body:
        calls = node.decorator_list if isinstance(node, ast.FunctionDef) else [getattr(node, "value", None)]
        card = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
        for call in calls:
            if isinstance(call, ast.Call) and (kind := getattr(call.func, "id", "")) in NAMED_BY:
                said = {key.arg: text for key in call.keywords if key.arg and (text := _text(key.value))}
                name = said.get("name") or "".join(map(_text, call.args[NAMED_BY[kind] :][:1]))
                yield from [Listed(name, said, card or "")] if name else []


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
