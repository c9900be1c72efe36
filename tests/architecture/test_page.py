"""docs/architecture.md and the tree say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from studies.architecture import MARK, PACKAGES, main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PROSE, _, MODULES = PAGE.read_text(encoding="utf-8").partition(MARK)


def test_every_module_has_its_line_and_every_line_its_module(tmp_path: Path) -> None:
    (tmp_path / PAGE.name).write_text(PROSE + MARK, encoding="utf-8")
    assert main(out=tmp_path).read_text(encoding="utf-8") == PROSE + MARK + MODULES, (
        "run: python -m studies architecture"
    )
    lines = re.findall(r"^- `(\w+)\.py`: \S", MODULES, re.MULTILINE)
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py"]
    assert sorted(lines) == sorted(path.stem for path in files)


def test_every_folder_of_modules_says_what_it_is() -> None:
    headings = re.split(r"^### `(.+)/`\n", MODULES, flags=re.MULTILINE)[1:]
    said = dict(zip(headings[::2], headings[1::2], strict=True))
    silent = {folder for folder, text in said.items() if text.lstrip().startswith("- `")}
    assert silent == {folder for folder in ("benchmarks",) if not (ROOT / folder / "__init__.py").exists()}


def test_the_floors_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "Arrows point down")
    built = [{room.strip() for room in layer.split("|") if "(" not in room} for layer in layers]
    table = PROSE.partition("| floor |")[2].partition("\n\n")[0].splitlines()[2:]
    assert [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table] == built


def test_every_file_that_the_prose_names_is_there() -> None:
    named = re.findall(r"`((?:ganeval|reference_models|tests)/[\w/]+(?:\.py)?/?)`", PROSE)
    assert len(named) > 15
    known = {"reference_models/session/"}  # the design's, not ours
    assert [name for name in named if name not in known and not (ROOT / name).exists()] == []


def test_the_nouns_live_where_the_page_says() -> None:
    rows = re.findall(r"^\| (`.+?) \| (`ganeval.+?) \|", PROSE, re.MULTILINE)
    for nouns, places in rows:
        text = "".join((ROOT / place).read_text(encoding="utf-8") for place in re.findall(r"`(.+?)`", places))
        assert all(f"class {noun}" in text for noun in re.findall(r"`(\w+)`", nouns)), nouns
    assert len(rows) > 10
