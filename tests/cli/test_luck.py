"""`ganeval luck` on real evaluations: trainings as folders of sample sets, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ganeval
from ganeval.cli.main import main
from ganeval.runs.directory import create_run

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(300, 4))


@pytest.fixture
def trainings(tmp_path: Path) -> list[str]:
    """Three trainings that differ in their mean, two sets of samples of each."""
    for number, shift in enumerate((0.2, 0.5, 0.9)):
        for k in range(2):
            rows = np.random.default_rng([number, k]).normal(shift, 1, (200, 4))
            folder = tmp_path / f"seed-{number}"
            folder.mkdir(exist_ok=True)
            ganeval.evaluate(REAL, rows, metrics=["fid", "kid"], floor=False).write(folder / f"set-{k}.json")
    return [str(tmp_path / f"seed-{number}") for number in range(3)]


def test_the_share_of_the_training_seed_is_told_with_what_a_claim_needs(
    trainings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["luck", *trainings, "--metrics", "fid"]) == 0
    said = capsys.readouterr().out
    assert "3 trainings, 6 sets of samples" in said
    (line,) = [row for row in said.splitlines() if row.startswith("fid")]
    assert int(line.split("%")[0].split()[-1]) > 80, line


def test_one_training_says_nothing_about_the_next(trainings: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["luck", trainings[0]]) != 0
    assert "Train the recipe again with other seeds" in capsys.readouterr().err


def test_trainings_that_were_measured_differently_are_refused(
    trainings: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    images = RNG.integers(0, 255, (60, 1, 4, 4), dtype=np.uint8)
    ganeval.evaluate(images, images[:40], metrics=["fid"], extractor="pixels", floor=False).write(other)
    assert main(["luck", *trainings, str(other), "--metrics", "fid"]) != 0
    assert "measured differently" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--metrics", "fidd"], "Did you mean 'fid'"),
        (["--difference", "0"], "above 0"),
        (["nowhere"], "One argument is one"),
    ],
)
def test_wrong_use_answers_with_a_sentence(
    trainings: list[str], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["luck", *trainings, *more]) != 0
    assert said in capsys.readouterr().err


def test_one_training_twice_is_refused(trainings: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["luck", *trainings, trainings[0]]) == 2
    assert "named twice" in capsys.readouterr().err


def test_a_folder_with_one_run_in_it_is_named_in_the_singular(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_run(tmp_path, "a", config={}, seeds={}, protocol={})
    assert main(["luck", str(tmp_path)]) == 5
    assert "is a folder of 1 run, and one run is needed; name it: 0001-a." in capsys.readouterr().err


def test_no_trainings_are_refused_and_told_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["luck"]) == 2
    assert "Name the trainings of one recipe" in capsys.readouterr().err
