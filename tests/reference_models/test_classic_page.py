"""The page of the founding studies' systems, from two tiny trainings."""

from __future__ import annotations

import pytest
from PIL import Image

from reference_models.plumbing.system import SYSTEMS
from reference_models.results import classic
from reference_models.results.classic import Row


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("classic")
    rows = tuple(
        Row(name, name, "digits", SYSTEMS[name].profile("smoke"), "no number") for name in ("dcgan", "cgan_dense")
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
    assert len(list((page / "runs").iterdir())) == 2
    with Image.open(page / "classic.png") as picture:
        assert picture.size == (20 * 8, 2 * 8)
