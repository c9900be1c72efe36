"""The page of the toys in the plane: its counting, its reading, and the whole of it on tiny trainings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganeval.records.scores import Score
from ganeval.runs.directory import RunDirectory
from reference_models.gan_mlp import PLANE
from studies.toys import page as toys_page
from studies.toys import trainings as toys
from studies.toys.__main__ import main
from studies.toys.trainings import ARMS, Run

PLAIN = [arm for arm in ARMS if arm != "modern"]


def a_run(toy: str, arm: str, seed: int, modes: int) -> Run:
    absent: Any = None
    quality = {"high_quality": {"value": 0.25}}
    return Run(toy, arm, seed, absent, {}, np.zeros((1, 2, 1, 1), np.float32), Score(modes, n=1, details=quality))


def ring(**modes: list[int]) -> list[Run]:
    found = dict(zip(ARMS, modes.values(), strict=True))
    return [a_run("ring", arm, seed, count) for arm, counts in found.items() for seed, count in enumerate(counts)]


def test_the_plain_loss_is_shown_at_more_than_one_rate_and_nothing_else_differs():
    assert len({ARMS[arm].get("lr") for arm in PLAIN}) == len(PLAIN) >= 2
    assert all(
        {k: v for k, v in {**PLANE, **changes}.items() if k not in {"loss", "lr"}}
        == {k: v for k, v in PLANE.items() if k != "lr"}
        for changes in ARMS.values()
    )
    assert ARMS["modern"]["lr"] == PLANE["lr"]


@pytest.mark.parametrize(
    ("fast", "slow", "verdict"),
    [
        ([3, 5], [7, 8], "the plain loss drops modes at both rates"),
        ([3, 8], [8, 8], "whether the plain loss drops modes depends on its rate"),
        ([8, 8], [8, 8], "the plain loss drops none here"),
    ],
)
def test_the_reading_says_whether_the_plain_loss_drops_modes(fast, slow, verdict):
    said = toys_page.reading(ring(modern=[8, 7], fast=fast, slow=slow))
    assert "the modern loss captures all 8 modes in 1 of 2 runs" in said
    assert f"; {verdict}. Points of high quality, mean: 0.250 (modern), 0.250 (plain" in said


def test_a_run_is_complete_with_every_mode_of_its_toy():
    assert toys_page.complete([a_run("grid", "modern", 0, 24), a_run("grid", "modern", 1, 25)]) == 1
    assert toys_page.complete([a_run("ring", "modern", 0, 8), a_run("parabola", "modern", 0, 20)]) == 2


@pytest.mark.parametrize("toy", list(toys.SIZES))
def test_real_points_have_every_mode_under_the_rule_that_judges_the_runs(toy):
    score = toys.real_score(toy)
    assert float(score) == toys.possible(toy)
    assert score.details["high_quality"]["value"] > 0.97


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("toys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toys, "SIZES", {name: {"steps": 6, "batch": 16, "width": 16} for name in ("ring", "parabola")})
        patch.setattr(toys, "OPTIONS", toys.Options(device="cpu", threads=1, log_every=2, grids=3, checkpoints=1))
        written, again = (  # the second finds every run of the first
            main(runs=root / "runs", out=root, seeds=(100, 101), names=("ring", "parabola")) for _ in range(2)
        )
    assert written == again
    return root, written.read_text()


def test_every_toy_loss_and_seed_is_trained_once_and_has_a_row(page):
    root, text = page
    runs = [RunDirectory(path) for path in (root / "runs").iterdir()]
    assert len(runs) == 2 * len(ARMS) * 2
    assert {run.info["status"] for run in runs} == {"done"}
    for toy in ("ring", "parabola"):
        for arm in ARMS:
            assert all(f"| {toy} | {arm} | {seed} |" in text for seed in (100, 101))


def test_the_picture_has_one_panel_a_loss_and_one_of_curves(page):
    with Image.open(page[0] / "toys.png") as picture:
        assert picture.width == pytest.approx(3 * (len(ARMS) + 1) * 90, abs=2)


def test_published_rows_stand_beside_ours(page):
    assert "| PacGAN2 (the same) | 7.9 | 95.6 | 0.07 | 23.8 | 91.3 | 0.13 |" in page[1]
