"""The page of the founding studies' systems, from two tiny trainings."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from reference_models.plumbing.system import SYSTEMS
from studies import classic
from studies.classic import Row


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("classic")
    rows = tuple(
        Row(name, name, "digits", SYSTEMS[name].profile("smoke"), "no number", seeds)
        for name, seeds in (("dcgan", 1), ("cgan_dense", 2))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classic, "ROWS", rows)
        patch.setattr(classic, "PER_CLASS", 12)
        path = classic.main(runs=root / "runs", out=root)
        again = classic.main(runs=root / "runs", out=root)
    assert path == again
    return root


def test_gan_test_stands_beside_cas_label_swap_recall_and_coverage(page):
    heads = next(line for line in (page / "classic.md").read_text().splitlines() if "GAN-test" in line)
    assert all(beside in heads for beside in ("CAS", "label_swap", "recall", "coverage"))


def test_a_system_without_classes_has_no_gan_test_and_is_in_the_second_table(page):
    first, second = (page / "classic.md").read_text().split("## All of them")
    assert "| cgan_dense |" in first
    assert "| dcgan |" not in first
    assert "| dcgan |" in second


def test_a_finished_training_is_taken_as_it_is_and_each_system_has_a_strip(page):
    assert len(list((page / "runs").iterdir())) == 3
    with Image.open(page / "classic.png") as picture:
        assert picture.size == (20 * 8, 2 * 8)


def test_several_trainings_stand_as_their_mean_and_each_by_itself(page):
    row = next(line for line in (page / "classic.md").read_text().splitlines() if line.startswith("| cgan_dense |"))
    found = re.findall(r"([\d.]+) \(([\d.]+), ([\d.]+)\)", row)
    assert len(found) == 5
    assert all(abs(float(mean) - (float(a) + float(b)) / 2) <= 0.001 for mean, a, b in found)


def test_the_losses_of_every_training_are_drawn(page):
    with Image.open(page / "classic-curves.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 10
