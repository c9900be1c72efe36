"""The page of the critics: trained, measured and written in one call, here with the smallest recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.system import SYSTEMS
from studies.critics import page as critics_page
from studies.critics import trainings as critics
from studies.critics.__main__ import main
from studies.trained import finished


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("critics")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(critics, "COMPARED", dict.fromkeys(critics.COMPARED, 2))
        patch.setattr(critics, "COMPARED_ON", "digits")
        patch.setattr(critics, "PROTOTYPE_STEPS", 2)
        patch.setattr(critics, "PROTOTYPE_SEEDS", 2)
        patch.setattr(critics, "STACKS", {"stacked_digits": 2})
        patch.setattr(critics, "JUDGED", 1000)
        for name in (*critics.COMPARED, "acgan"):
            system = SYSTEMS[name]
            patch.setitem(
                critics.SYSTEMS._found(),
                name,
                replace(system, profiles={**system.profiles, "cpu": system.profiles["smoke"]}),
            )
        written = main(runs=root / "runs", out=root / "pages", n=400)
        found = {path: finished(path.parent, *recipe_of(path)) for path in (root / "runs").iterdir()}
    return root, written.read_text(), found


def recipe_of(path: Path) -> tuple[str, str, Any, int]:
    """System, data set, config and seed of a run."""
    info = RunDirectory(path).info
    config = SYSTEMS[info["system"]].profiles["smoke"].__class__(**info["config"])
    return info["system"], info["dataset"], config, info["seeds"]["seed"]


def test_no_critic_is_given_an_accuracy_and_gan_test_never_stands_alone(page):
    text = page[1]
    heads = [line for line in text.splitlines() if line.startswith("|") and "GAN-test" in line]
    assert len(heads) == 1
    assert all(beside in heads[0] for beside in ("CAS", "recall", "coverage"))
    assert "accuracy |" not in text


def test_all_three_questions_are_answered_with_errors(page):
    text = page[1]
    for name in critics.COMPARED:
        assert f"| `{name}` | 2 |" in text
    assert "of the weights at the bound" in text
    assert "| `stacked_digits`, test digits | 1,000 |" in text
    assert text.count(" of 1,000 |") >= 3
    assert " +- " in text
    assert "means over 2 seeds, in brackets 95 % intervals" in text
    assert str(page[0]) not in text


def test_the_pictures_are_of_generated_images_in_rows(page):
    for name, size in (
        ("critics", (20 * 10, 4 * 10)),
        ("critics-prototypes", (20 * 10, 10 * 10)),
        ("critics-stacks", (20 * 10, 4 * 10)),
    ):
        with Image.open(page[0] / "pages" / f"{name}.png") as picture:
            assert picture.size == tuple(critics_page.ENLARGED * side for side in size)


def test_a_finished_run_of_the_same_recipe_is_not_trained_again(page):
    root, _, found = page
    assert len(found) == len(critics.COMPARED) + 2 * len(critics.WEIGHTS) + 1
    assert all(run is not None and run.path == path for path, run in found.items())
    system, dataset, config, seed = recipe_of(next(iter(found)))
    assert finished(root / "runs", system, dataset, replace(config, steps=3), seed) is None
    assert finished(root / "runs", system, dataset, config, seed + 100) is None
