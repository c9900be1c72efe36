"""docs/bad-inputs.md shows what really happens."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "make_bad_inputs.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_bad_inputs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


PAGE = load()


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{title}: {case.what}") for title, cases in PAGE.CASES.items() for case in cases]
)
def test_each_bad_input_is_refused_with_its_item_and_its_remedy(case: object) -> None:
    kind, text = PAGE.message_of(case)
    assert kind.endswith("Error")
    assert text.endswith((".", "?", ")"))
    assert "\n" not in text


def test_the_page_is_up_to_date() -> None:
    assert PAGE.render_page() == PAGE.PAGE.read_text(encoding="utf-8"), "run python docs/make_bad_inputs.py"
