"""A page tells what was measured, never where on somebody's machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACE = re.compile(r"(?:^|[\s(`'\"=])/(?:home|root|Users|work|mnt|private|tmp)/\S+", re.MULTILINE)


@pytest.mark.parametrize("top", ["home", "root", "Users", "mnt"])
def test_a_place_of_a_machine_is_found(top: str) -> None:
    assert PLACE.search(f"looked at /{top}/ann/x, and")
    assert not PLACE.search("https://host/home/x and runs/work/x")


def test_no_page_names_a_place_of_a_machine() -> None:
    found = {page.name: PLACE.findall(page.read_text(encoding="utf-8")) for page in PAGES}
    assert not {name: places for name, places in found.items() if places}
