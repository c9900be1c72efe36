"""The page of the BreastMNIST generator: two runs, measured, and only generated pictures."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ganeval.errors import MissingFileError
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies import breastmnist as breast

OPTIONS = Options(device="cpu", log_every=1, checkpoints=2, sample_per_class=4, grids=1, threads=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory, data_dir):
    root = tmp_path_factory.mktemp("breast")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(breast, "FAKES", 160)
        patch.setattr(breast, "JUDGED", ("kid", "classifier_score", "class_balance"))
        smoke = SYSTEMS[breast.SYSTEM].profile("smoke")
        with pytest.raises(MissingFileError, match="--augment ada"):
            breast.main(runs=root, out=root)
        for mode in ("none", "ada"):
            config = replace(smoke, augment=mode)
            fit(breast.SYSTEM, config, dataset="breastmnist", out=root / "runs", options=OPTIONS)
        return breast.main(runs=root / "runs", out=root / "pages")


@pytest.mark.data
def test_both_runs_are_measured_and_every_question_has_an_answer(page):
    text = page.read_text()
    assert "| metric | augmented | not augmented | real images |" in text
    copies = text.split("## Does it copy?")[1].split("##")[0]
    assert len(re.findall(r"^\| `", copies, re.MULTILINE)) == len(breast.COPIES)
    assert "0002-projection_cgan-breastmnist" in text
    assert "0001-projection_cgan-breastmnist" in text
    assert not re.search(r"\bnan\b", text)


@pytest.mark.data
def test_the_discriminator_is_asked_about_every_split(page):
    text = page.read_text()
    for split in ("train", "val", "test"):
        assert len(re.findall(rf"% of {split}\b", text)) == 2


@pytest.mark.data
def test_the_picture_shows_generated_images_of_both_classes(page):
    with Image.open(page.parent / "breastmnist.png") as picture:
        assert picture.size == (breast.PICTURED // 2 * 28, 4 * 28)


@pytest.mark.data
def test_fakes_are_drawn_with_the_class_shares_of_the_training_split(data_dir):
    labels = breast.labels_as_in_training(546, 0)
    assert np.bincount(labels).tolist() == [147, 399]
    assert abs((breast.labels_as_in_training(2000, 0) == 0).mean() - 147 / 546) < 0.001


def test_the_curve_is_a_mean_of_the_last_lines_that_are_finite():
    assert breast.smooth([1.0, 3.0, None, 5.0], width=2) == [1, 2, 3, 5]
