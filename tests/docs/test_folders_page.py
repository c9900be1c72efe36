"""The page of other trainers' folders says what the readers make of each kind today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studies.folders.__main__ import KINDS, PAGE, found_in, main, read_of
from studies.folders.kind import Kind
from studies.page import RESULTS

PUBLISHED = {
    cells[0]: cells
    for line in (RESULTS / PAGE).read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


@pytest.mark.parametrize("kind", KINDS, ids=[re.sub(r"\W+", "-", kind.name) for kind in KINDS])
def test_a_kind_of_folder_is_read_as_the_page_says(kind: Kind, tmp_path: Path) -> None:
    kind.write(tmp_path / "run")
    assert read_of(found_in(kind, tmp_path / "run")) == PUBLISHED[kind.name][2]


def test_a_kind_that_is_not_measured_says_what_is_missed() -> None:
    assert len(KINDS) >= 30
    assert [kind.name for kind in KINDS if PUBLISHED[kind.name][3] == "nothing" and not kind.missed] == []
    assert [kind.name for kind in KINDS if PUBLISHED[kind.name][4] != kind.missed] == []


@pytest.mark.study
def test_the_page_is_what_the_study_writes(tmp_path: Path) -> None:
    assert main(out=tmp_path).read_text() == (RESULTS / PAGE).read_text()
