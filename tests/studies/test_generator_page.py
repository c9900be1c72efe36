"""The results page: every number on it was measured in the call that wrote it."""

from __future__ import annotations

import pytest
from PIL import Image

from ganeval.runs.readers.native import read_run
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies.generator.__main__ import main
from studies.trained import newest

SYSTEM = "projection_cgan"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    options = Options(device="cpu", sample_per_class=4, sample_times=2)
    run = fit(SYSTEM, SYSTEMS[SYSTEM].profile("smoke"), dataset="digits", out=root / "runs", options=options)
    written = main("digits", runs=root / "runs", out=root / "pages", per_class=12)
    return root, run, written


def test_gan_test_never_stands_alone(page):
    text = page[2].read_text()
    heads = next(line for line in text.splitlines() if line.startswith("|") and "GAN-test" in line)
    for beside in ("CAS", "recall", "coverage"):
        assert beside in heads


def test_the_page_says_how_it_was_made(page):
    root, _, written = page
    text = written.read_text()
    assert "python -m studies generator digits" in text
    assert "CPU-seconds" in text
    assert "seed 0" in text
    assert str(root) not in text
    assert "| 2 | " in text.split("## While it trained")[1]


def test_the_picture_has_one_row_of_generated_images_per_class(page):
    with Image.open(page[0] / "pages" / "digits.png") as picture:
        assert picture.size == (12 * 8, 10 * 8)


def test_the_evaluation_is_kept_in_the_run(page):
    (evaluation,) = read_run(page[1].path).evaluations
    assert evaluation["classifier_score"].n == 120
    assert evaluation["gan_train"].ok


def test_only_finished_runs_of_the_same_kind_are_taken(page):
    runs = page[0] / "runs"
    assert newest(runs, SYSTEM, "digits") == page[1]
    assert newest(runs, SYSTEM, "mnist") is None
    page[1].update(status="failed")
    assert newest(runs, SYSTEM, "digits") is None
    page[1].update(status="done")
