"""Diffusion: the quarter circle, the sampler against its closed form, networks of any size."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from ganeval.runs.readers.native import read_run
from reference_models.ddpm import PROFILES, UNet, ddim_sample, q_sample, spread
from reference_models.plumbing.options import Options
from reference_models.plumbing.seeds import generator
from reference_models.plumbing.system import fit, open_sampler

CPU = Options(device="cpu", log_every=50, checkpoints=1, grids=1, sample_per_class=2)


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
def test_the_network_fits_every_size(shape, patch):
    net = UNet(replace(PROFILES["smoke"], patch=patch), shape, 4)
    images, labels = torch.randn(3, *shape), torch.arange(3)
    assert net(images, torch.rand(3), labels).shape == images.shape


def test_image_and_noise_come_back_from_a_point_and_its_velocity():
    images, noise = torch.randn(2, 5, 1, 4, 4, generator=generator(0)).unbind()
    angles = torch.linspace(0.1, 1.5, 5)
    point, velocity = q_sample(images, noise, angles)
    cos, sin = angles.cos()[:, None, None, None], angles.sin()[:, None, None, None]
    torch.testing.assert_close(cos * point - sin * velocity, images)
    torch.testing.assert_close(sin * point + cos * velocity, noise)
    # What the trainer watches is the same rotation back.
    torch.testing.assert_close(q_sample(point, -velocity, angles)[0], images)


def test_the_circle_begins_at_the_image_and_ends_in_noise():
    images, noise = torch.randn(2, 2, 1, 4, 4, generator=generator(0)).unbind()
    point, _ = q_sample(images, noise, torch.tensor([0.0, math.pi / 2]))
    torch.testing.assert_close(point[0], images[0])
    torch.testing.assert_close(point[1], noise[1])


def test_angles_are_spread_over_the_batch():
    angles = spread(generator(0), 64)
    parts = (angles / (math.pi / 2 / 64)).long()
    assert parts.tolist() == list(range(64))
    assert not torch.equal(angles, spread(generator(1), 64))


class Gaussian(torch.nn.Module):
    """The exact velocity for pixels that are independent N(0, sigma^2): E[v | x] is linear in x."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma
        self.asked = 0

    def forward(self, x, angles, labels):
        self.asked += 1
        cos, sin = angles.cos()[:, None, None, None], angles.sin()[:, None, None, None]
        return x * cos * sin * (1 - self.sigma**2) / (cos**2 * self.sigma**2 + sin**2)


@pytest.mark.parametrize("nfe", [1, 2, 7])
def test_the_sampler_asks_the_network_as_often_as_it_says(nfe):
    net = Gaussian(0.1)
    ddim_sample(net, torch.randn(3, 1, 2, 2), torch.zeros(3, dtype=torch.int64), nfe)
    assert net.asked == nfe


def test_with_many_steps_the_sampler_follows_the_flow_of_a_gaussian():
    """The flow maps N(0, 1) to N(0, sigma^2) by scaling; an error that halves with twice the steps is Euler's."""
    noise, labels = torch.randn(50, 1, 4, 4, generator=generator(0)), torch.zeros(50, dtype=torch.int64)
    errors = [
        (ddim_sample(Gaussian(0.2), noise, labels, nfe) - 0.2 * noise).abs().max().item() for nfe in (50, 100, 200)
    ]
    assert errors[2] < 0.02
    for coarse, fine in pairwise(errors):
        assert 1.5 < coarse / fine < 2.5


def test_a_block_begins_as_the_identity_so_class_and_angle_say_nothing_yet():
    net = UNet(PROFILES["smoke"], (1, 8, 8), 4)
    x = torch.randn(2, 1, 8, 8)
    one = net(x, torch.tensor([0.1, 0.1]), torch.tensor([0, 0]))
    other = net(x, torch.tensor([1.5, 0.7]), torch.tensor([3, 1]))
    torch.testing.assert_close(one, other)


def test_it_learns_digits_of_the_class_that_was_asked_for(tmp_path):
    from ganeval import classifier_score

    config = replace(PROFILES["demo"], steps=200, width=16, lr=3e-3)
    run = fit("ddpm", config, dataset="digits", out=tmp_path, options=CPU)
    losses = read_run(run.path).curves["loss/held_out"].values
    assert losses[-1] < losses[0]
    images, labels = open_sampler(run.path, device="cpu", nfe=5).per_class(10, seed=0)
    assert float(classifier_score(images, labels=labels, classifier="digits")) > 0.7
    permuted = float(classifier_score(images, labels=np.roll(labels, 10), classifier="digits"))
    assert permuted < 0.2
