"""Styles of a class: found by clustering, drawn at their shares, kept with the network, and asked for by z."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.errors import WrongInputError
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.data import Data, to_float
from reference_models.plumbing.options import Options
from reference_models.plumbing.styles import StyleEmbedding, Styles, embedding, valley
from reference_models.plumbing.system import SYSTEMS, fit, open_sampler
from reference_models.projection_cgan import Generator
from tests.reference_models.stopping import whole_and_resumed

QUICK = Options(device="cpu", log_every=2, checkpoints=2, sample_per_class=3, grids=1)
STYLED = replace(SYSTEMS["projection_cgan"].profile("smoke"), styles=3)


def strokes(n: int = 200, rare: float = 0.1) -> Data:
    """Class 0: a bar on the left, and in a `rare` share of the images one at the bottom; class 1: a bar on top."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (2 * n, 1, 8, 8), dtype=np.uint8)
    some = round(rare * n)
    images[some:n, :, :, :2] += 200
    images[:some, :, 6:, :] += 200
    images[n:, :, :2, :] += 200
    labels = torch.arange(2 * n) // n
    pixels = torch.from_numpy(images)
    return Data("strokes", ("a", "b"), pixels, labels, pixels[:0], labels[:0])


def test_a_rare_way_of_writing_a_class_becomes_a_part_of_its_own():
    data = strokes()
    styles = Styles(data, 2)
    parts = styles.of(to_float(data.images), data.labels)
    assert set(parts[:20].tolist()) == {1}
    assert set(parts[20:200].tolist()) == {0}
    assert styles.shares[0].tolist() == pytest.approx([0.9, 0.1])
    assert set((parts[200:] // 2).tolist()) == {1}


def test_parts_are_drawn_as_often_as_they_occur():
    styles = Styles(strokes(), 2)
    labels = torch.zeros(20_000, dtype=torch.int64)
    drawn = styles.drawn(torch.randn(len(labels), generator=torch.Generator().manual_seed(0)), labels)
    assert drawn.float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert int(styles.drawn(torch.tensor([40.0]), torch.tensor([1]))) == 3, "however far out the number lies"


def test_the_parts_of_an_image_do_not_depend_on_its_neighbours():
    data = strokes()
    styles, images = Styles(data, 3), to_float(data.images)
    parts = styles.of(images, data.labels)
    assert torch.equal(parts[7:9], styles.of(images[7:9], data.labels[7:9]))


def test_a_class_with_fewer_images_than_styles_is_left_whole():
    data = strokes(3)
    styles = Styles(data, 5)
    assert torch.isfinite(styles.centres).all()
    assert styles.shares.sum(dim=1).tolist() == pytest.approx([1, 1])
    assert int(styles.of(to_float(data.images), data.labels).max()) < styles.shares.numel()


def test_a_part_is_a_style_only_if_it_lies_apart():
    data = strokes(400, rare=0.15)
    styles = Styles(data, 4, apart=0.65)
    assert (styles.shares > 0).sum(dim=1).tolist() == [2, 1], "noise alone is no second way of writing a class"
    assert styles.shares[0, :2].tolist() == pytest.approx([0.85, 0.15])
    found = styles.of(to_float(data.images), data.labels)
    assert set(found[:60].tolist()) == {1}
    assert set(found[60:400].tolist()) == {0}
    assert set(found[400:].tolist()) == {4}
    drawn = styles.drawn(torch.linspace(-9, 9, 500), torch.ones(500, dtype=torch.int64))
    assert set(drawn.tolist()) == {4}, "a class of one style is always itself"


def test_a_cut_through_one_cloud_leaves_no_valley():
    rows = np.random.default_rng(0).normal(size=(2000, 5))
    assert valley(rows, rows[:, 0] > 1) > 0.9
    rows[:300, 0] += 8
    assert valley(rows, rows[:, 0] > 4) < 0.1
    assert valley(rows, np.arange(2000) < 1) == 1


def test_what_is_told_of_a_style_begins_as_what_is_told_of_its_class():
    table = embedding(2, 3, 4, std=1.0)
    told = table(torch.arange(6))
    assert torch.equal(told[0], told[2])
    assert not torch.equal(told[0], told[3])
    told[1].sum().backward()
    assert isinstance(table, StyleEmbedding)
    assert table.weight.grad is not None
    assert table.whole.grad is not None
    assert table.weight.grad.any(dim=1).tolist() == [False, True, False, False, False, False]
    assert table.whole.grad.any(dim=1).tolist() == [True, False], "the class learns from all its styles"


def test_a_run_with_styles_resumes_bit_for_bit_and_draws_without_its_data(tmp_path, monkeypatch):
    runs = whole, resumed = whole_and_resumed("projection_cgan", STYLED, QUICK, 3, tmp_path, monkeypatch)
    ours, theirs = (decode_state(run.checkpoint().read_bytes())["held"] for run in runs)
    for name in ("generator", "average", "discriminator"):
        assert all(torch.equal(value, theirs[name][key]) for key, value in ours[name].items())
    assert torch.equal(ours["average"]["styles.centres"], ours["generator"]["styles.centres"])
    assert bool(ours["generator"]["styles.centres"].any())
    labels = np.arange(4)
    assert np.array_equal(open_sampler(whole.path)(labels, seed=0), open_sampler(resumed.path)(labels, seed=0))


def test_the_last_latent_number_chooses_the_style():
    data = strokes()
    generator = Generator(STYLED, data.shape, 2, Styles(data, STYLED.styles))
    z = torch.zeros(100, STYLED.latent)
    z[:, -1] = torch.linspace(-3, 3, 100)
    asked = generator.asked(z, torch.ones(100, dtype=torch.int64)).tolist()
    assert sorted(set(asked)) == [3, 4, 5]
    assert asked == sorted(asked)


def test_a_number_of_styles_below_one_is_refused(tmp_path):
    with pytest.raises(WrongInputError, match="styles"):
        fit("projection_cgan", replace(STYLED, styles=0), dataset="synthetic", out=tmp_path, options=QUICK)
