"""What is light about the studies is tested every day: all can be imported,
and who names a command names one that there is.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from studies.__main__ import HERE, listing, main, studies

ROOT = HERE.parent
NAMES = list(studies())
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / f for f in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", ".ci/run")),
]
OURS = ("ganeval", "reference_models", "studies", "benchmarks")


def said(pattern: str) -> set[tuple[str, str]]:
    """Page and what the pattern found there."""
    return {
        (page.relative_to(ROOT).as_posix(), found)
        for page in PAGES
        for found in re.findall(pattern, page.read_text(encoding="utf-8"))
    }


def test_every_page_that_names_a_study_names_one_that_there_is() -> None:
    named = said(r"python -m studies ([a-z]\w*)")
    assert len(named) > 20
    assert [pair for pair in sorted(named) if pair[1] not in NAMES] == []


def test_every_page_that_names_a_module_names_one_that_can_be_run() -> None:
    named = {(page, name.rstrip(".")) for page, name in said(r"-m ((?:" + "|".join(OURS) + r")\b[\w.]*)")}
    assert {name.partition(".")[0] for _, name in named} == set(OURS)
    assert [pair for pair in sorted(named) if not _runs(pair[1])] == []


def _runs(name: str) -> bool:
    """Whether `python -m name` starts something: a module that looks whether it is the main one,
    or a package with a __main__.
    """
    try:
        found = importlib.util.find_spec(name)
        if found is not None and found.submodule_search_locations is not None:
            found = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError:
        return False
    return found is not None and '__name__ == "__main__"' in Path(str(found.origin)).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["ganeval.nothing", "nothing.at.all", "ganeval.core", "ganeval.core.folders"])
def test_a_module_that_cannot_be_run_is_told(name: str) -> None:
    assert not _runs(name)


def test_every_module_can_be_imported() -> None:
    for path in HERE.rglob("*.py"):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


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
