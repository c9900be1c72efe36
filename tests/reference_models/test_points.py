"""The toys in the plane: what they draw, how they are judged, what a run of one keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reference_models.plumbing.loading import load_data
from reference_models.plumbing.points import BLOCK, JUDGED, TOYS, Points, measure, render_points
from reference_models.plumbing.seeds import generator

NAMES = sorted(TOYS)


def real(name: str, n: int = JUDGED) -> np.ndarray:
    data = Points.of(TOYS[name])
    return data.export(data.batch(0, n)[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_order_is_endless_and_does_not_depend_on_the_batch_size(name):
    data = load_data(name)
    whole = data.batch(BLOCK - 300, 600)[0]
    assert whole.shape == (600, 2, 1, 1)
    parts = [data.batch(BLOCK - 300 + start, 150)[0] for start in (0, 150, 300, 450)]
    assert torch.equal(torch.cat(parts), whole)
    assert len(whole.unique(dim=0)) == 600
    assert not torch.equal(whole, load_data(name, seed=1).batch(BLOCK - 300, 600)[0])


@pytest.mark.parametrize("name", NAMES)
def test_networks_see_points_over_their_reach(name):
    x = load_data(name).batch(0, 2000)[0]
    assert 0.9 < x.abs().max() < 1.1


@pytest.mark.parametrize(
    ("name", "modes", "share"),
    [("ring", 8, 1 - math.exp(-4.5)), ("grid", 25, 1 - math.exp(-4.5)), ("parabola", 20, 1.0)],
)
def test_real_points_capture_every_mode_at_the_quality_of_a_gaussian(name, modes, share):
    found = measure(TOYS[name], real(name))
    assert found["modes"] == modes
    assert found["high_quality"] == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / JUDGED) + 1e-9)
    assert found["reverse_kl"] < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_one_mode_is_one_mode_and_noise_is_none(name):
    point = real(name, 1)
    collapsed = measure(TOYS[name], np.repeat(point, JUDGED, axis=0))
    assert (collapsed["modes"], collapsed["high_quality"]) == (1, 1)
    far = measure(TOYS[name], np.full((JUDGED, 2, 1, 1), 99.0, np.float32))
    assert (far["modes"], far["high_quality"]) == (0, 0)
    assert math.isnan(far["reverse_kl"])


def test_the_versions_are_frozen():
    """A change of a distribution or of a rule is a new version: these numbers are what `-v1` means."""
    assert [toy.version for toy in TOYS.values()] == ["parabola-v1", "ring-v1", "grid-v1"]
    last = {name: toy.draw(1000, generator(0))[-1].tolist() for name, toy in TOYS.items()}
    assert last["parabola"] == pytest.approx([0.1525897, 0.0232836], abs=1e-6)
    assert last["ring"] == pytest.approx([-0.0055369, -1.0067745], abs=1e-6)
    assert last["grid"] == pytest.approx([-0.0276846, 3.9661271], abs=1e-6)
    angle = math.pi / 4
    near = torch.tensor([[math.cos(angle) + 0.029, math.sin(angle)], [math.cos(angle) + 0.031, math.sin(angle)]])
    assert TOYS["ring"].judge(near).details["hits"] == [0, 1, 0, 0, 0, 0, 0, 0]
    edge = torch.tensor([[0.3, 0.109], [0.3, 0.111], [0.51, 0.26]])
    assert sum(TOYS["parabola"].judge(edge).details["hits"]) == 1


def test_a_picture_shows_real_points_in_grey_and_generated_ones_in_blue():
    picture = render_points(TOYS["ring"], np.zeros((10, 2, 1, 1), np.float32))
    assert (picture.shape, picture.dtype) == ((3, 256, 256), np.uint8)
    assert picture[:, 127:129, 127:129].reshape(3, -1).T.tolist().count([20, 70, 200]) == 1
    greys = (picture == 205).all(axis=0).sum()
    assert 1 <= greys <= 10


def test_points_without_a_number_are_left_out_of_a_picture():
    render_points(TOYS["ring"], np.full((3, 2, 1, 1), np.nan, np.float32))
