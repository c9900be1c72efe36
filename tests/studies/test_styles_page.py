"""The page of the lost style: what was measured stands there, and unfinished runs do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.errors import MissingFileError, WrongInputError
from ganeval.generators.catalog import GENERATORS
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.styles import Styles
from reference_models.plumbing.system import SYSTEMS, fit
from studies.styles import KINDS, main, measured, measured_shipped, rare_share, trainings

CONFIG = SYSTEMS["projection_cgan"].profile("smoke")
QUICK = Options(device="cpu", sample_per_class=2, sample_times=1, grids=1)


def test_the_share_of_the_rare_style_is_that_of_the_images():
    data = load_data("digits")
    kinds = Styles(data.only([6]), KINDS)
    images, labels = data.images.numpy(), data.labels.numpy()
    share = rare_share(kinds, images, labels, 6)
    assert share == pytest.approx(float(kinds.shares[6, -1]), abs=0.02)
    own = torch.from_numpy(images[labels == 6])
    parts = kinds.of(own.float() / 127.5 - 1, torch.full((len(own),), 6)) - 6 * KINDS
    common = (parts != KINDS - 1).numpy()
    assert rare_share(kinds, images[labels == 6][common], np.full(int(common.sum()), 6), 6) == 0


def test_the_page_judges_trainings_with_styles_beside_one_without(tmp_path, monkeypatch):
    plain = fit("projection_cgan", CONFIG, dataset="digits", out=tmp_path / "plain", options=QUICK)
    monkeypatch.setattr(
        "studies.styles.measured_shipped", lambda shipped, dataset, *how: measured(plain, "plain", *how)
    )
    for seed in (0, 1):
        config = replace(CONFIG, styles=2)
        fit("projection_cgan", config, dataset="digits", out=tmp_path / "runs", seed=seed, options=QUICK)
    folders = {"runs": tmp_path / "runs", "out": tmp_path / "pages", "keep": tmp_path / "keep"}
    page = main(dataset="digits", per_class=40, **folders).read_text()
    bars = [line for line in page.splitlines() if line.startswith(("| CAS |", "| GAN-test |", "| share of"))]
    assert len(bars) == 3
    assert all("missed by" in line for line in bars[:2])
    assert "seeds 0, 1" in page
    assert str(tmp_path) not in page
    assert (tmp_path / "pages" / "styles.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "pages" / "styles-modes.png").is_file() == ("styles-modes.png" in page)


def test_the_page_does_not_begin_with_a_generator_that_is_told_styles():
    shipped = GENERATORS["mnist-cgan"].load()
    told = replace(shipped, card={**shipped.card, "recipe": {**shipped.card["recipe"], "styles": 5}})
    with pytest.raises(WrongInputError, match="--shelf"):
        measured_shipped(told, "mnist", Styles(load_data("digits"), 2), 6, Path(), 2)


def test_without_a_training_with_styles_there_is_no_page(tmp_path):
    fit("projection_cgan", CONFIG, dataset="digits", out=tmp_path, options=QUICK)
    with pytest.raises(MissingFileError, match="--styles"):
        trainings(tmp_path, "digits")
