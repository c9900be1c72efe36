"""`python -m studies` finds what lies in its folder, and says what went wrong in one line."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from studies.__main__ import HERE, listing, main, studies
from studies.page import DOCS

NAMES = list(studies())


def test_a_new_file_or_folder_with_a_main_is_a_study_and_others_are_none(tmp_path: Path) -> None:
    study, helper = (
        '"""Counts sheep.\n\nAll of them."""\ndef main():\n    ...\n',
        '"""Helps."""\ndef sheep():\n    ...\n',
    )
    for name, text in {"sheep.py": study, "wool.py": helper, "flock/__main__.py": study, "herd/page.py": study}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(studies(tmp_path)) == ["flock", "sheep"]
    assert listing(tmp_path).splitlines()[-2:] == ["  flock  Counts sheep.", "  sheep  Counts sheep."]


@pytest.mark.parametrize("name", NAMES)
def test_every_study_shows_its_options_and_says_in_a_line_what_it_is(name: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert f"python -m studies {name}" in capsys.readouterr().out
    assert re.search(rf"^  {name} +\S.*[.?]$", listing(), re.MULTILINE)


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in NAMES)


def test_a_misspelt_study_is_answered_with_the_nearest(capsys: pytest.CaptureFixture) -> None:
    assert main(["pariti"]) == 2
    assert capsys.readouterr().err.startswith("studies: There is no study named 'pariti'. Did you mean 'parity'")


def test_a_study_of_a_command_writes_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["zoo", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'zoo.md'}\n"


def test_every_page_that_names_a_study_names_one_that_there_is() -> None:
    said = {
        (page.name, name)
        for page in DOCS.rglob("*.md")
        for name in re.findall(r"python -m studies ([a-z]\w*)", page.read_text(encoding="utf-8"))
    }
    assert len(said) > 10
    assert [pair for pair in said if pair[1] not in NAMES] == []


def test_every_module_can_be_imported() -> None:
    for path in HERE.rglob("*.py"):
        importlib.import_module(".".join(path.relative_to(HERE.parent).with_suffix("").parts))
