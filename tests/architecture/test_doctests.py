"""The examples in the docstrings outside of `ganeval/`, which pytest collects by itself, hold too."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("benchmarks", "reference_models", "studies")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0


def test_every_package_has_examples() -> None:
    assert {name.partition(".")[0] for name in MODULES} == {"benchmarks", "reference_models", "studies"}
