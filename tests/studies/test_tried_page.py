"""The page of what was tried: every finished recipe, its distance to every bar, seeds parted by luck, and curves."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from ganeval.errors import MissingFileError
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies.tried import main, recipes

CONFIG = SYSTEMS["projection_cgan"].profile("smoke")
QUICK = Options(device="cpu", sample_per_class=30, sample_times=2, grids=1)


def trainings(folder: Path) -> None:
    for seed, styles in ((0, 1), (0, 3), (1, 3)):
        config = replace(CONFIG, styles=styles)
        fit("projection_cgan", config, dataset="digits", out=folder, seed=seed, options=QUICK)


@pytest.mark.study
def test_the_page_shows_every_training_its_distance_to_the_bars_and_its_curve(tmp_path):
    trainings(tmp_path / "runs")
    folders = {"runs": tmp_path / "runs", "out": tmp_path / "pages", "keep": tmp_path / "keep"}
    page = main(dataset="digits", **folders).read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `steps` 4, `styles`")]
    table = [row for row in rows if row.count("|") > 8]
    assert [row.split("|")[2].strip() for row in table] == ["0", "0", "1"]
    assert all("short)" in row for row in table), "four steps meet no bar"
    assert page.count("## Luck: ") == 1, "one seed says nothing of luck"
    assert str(tmp_path) not in page
    picture = (tmp_path / "pages" / "tried.svg").read_bytes()
    assert ET.fromstring(picture).tag.endswith("svg")
    assert main(dataset="digits", **folders).read_text() == page
    assert (tmp_path / "pages" / "tried.svg").read_bytes() == picture, "equal numbers give equal pictures"


def test_recipes_are_named_by_what_sets_them_apart(tmp_path):
    quiet = replace(QUICK, sample_times=0, sample_per_class=0, grids=0)
    for seed, steps in ((1, 2), (0, 2), (0, 1)):
        config = replace(CONFIG, steps=steps)
        fit("projection_cgan", config, dataset="digits", out=tmp_path, seed=seed, options=quiet)
    found = recipes(tmp_path, "digits")
    assert list(found) == ["`steps` 1", "`steps` 2"]
    assert [run.info["seeds"]["seed"] for run in found["`steps` 2"]] == [0, 1]


def test_without_a_finished_training_there_is_no_page(tmp_path):
    with pytest.raises(MissingFileError, match="--runs"):
        recipes(tmp_path, "digits")
