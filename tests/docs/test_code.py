"""The Python on the pages runs, and prints what stands below it. `<!-- skip: next "reason" -->` leaves a block out,
with its reason.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest
from PIL import Image
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser, SkipParser

import ganeval

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if re.search(r"^```python$", path.read_text(encoding="utf-8"), re.MULTILINE)
]


class Printing(PythonEvaluator):
    """Runs a block and keeps what it prints for the block of text below it."""

    def __call__(self, example: Example) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            super().__call__(example)
        example.document.namespace["printed below"] = printed.getvalue()


def same(example: Example) -> str | None:
    """A block of text that follows a block of Python shows what that printed."""
    printed = example.document.namespace.pop("printed below", None)
    if printed is None or printed.strip() == example.parsed.strip():
        return None
    return f"the page shows\n{example.parsed}\nand the code prints\n{printed}"


DOCUMENTS = Sybil([CodeBlockParser("python", Printing()), CodeBlockParser("text", same), SkipParser()])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a user has: generated images, one folder for each class,
    and what an exported model makes of them.
    """
    digits = ganeval.image_set("digits:train", n=300)
    images: Any = digits.array()
    for number, (image, label) in enumerate(zip(images, np.asarray(digits.labels), strict=True)):
        for folder, shown in (("samples", image), ("originals", image), ("exported", image // 4 * 4)):
            (tmp_path / folder / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(shown[0]).save(tmp_path / folder / str(label) / f"{number:03d}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(page: Path) -> int:
    """Runs the blocks of a page in order; returns how many were not left out."""
    ran = 0
    for example in DOCUMENTS.parse(page).examples():
        with contextlib.suppress(SkipTest):
            example.evaluate()
            ran += 1
    return ran


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(page: Path) -> None:
    assert run(page) > 0


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "the page shows"),
        ("```python\n1 / 0\n```\n", "division by zero"),
    ],
)
def test_a_page_that_shows_something_else_or_cannot_run_is_seen(tmp_path: Path, page: str, why: str) -> None:
    (tmp_path / "a.md").write_text(page, encoding="utf-8")
    with pytest.raises((SybilFailure, ZeroDivisionError), match=why):
        run(tmp_path / "a.md")


def test_a_block_with_a_reason_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text('<!-- skip: next "no GPU" -->\n\n```python\n1 / 0\n```\n', encoding="utf-8")
    assert run(tmp_path / "a.md") == 1  # the comment itself
