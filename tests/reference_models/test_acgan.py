"""ACGAN: two heads on logits, one of which the generator is told the class by, and the weight between them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from ganeval.runs.directory import RunDirectory
from ganeval.runs.readers.native import read_run
from reference_models import acgan
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit

QUICK = Options(device="cpu", log_every=1, checkpoints=1, sample_per_class=3, grids=1)
SMOKE = SYSTEMS["acgan"].profile("smoke")


def trained(tmp_path, **changes) -> RunDirectory:
    return fit("acgan", replace(SMOKE, **changes), dataset="synthetic", out=tmp_path, options=QUICK)


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_two_heads_on_every_size(size, channels):
    labels = torch.arange(3)
    images = acgan.Generator(SMOKE, (channels, size, size), 4)(torch.randn(3, SMOKE.latent), labels)
    assert images.shape == (3, channels, size, size)
    real, which = acgan.Discriminator(SMOKE, (channels, size, size), 4)(images)
    assert (real.shape, which.shape) == ((3,), (3, 4))


def test_both_heads_give_logits_and_no_network_squashes_them():
    discriminator = acgan.Discriminator(SMOKE, (1, 8, 8), 4)
    assert not any(isinstance(m, (nn.Softmax, nn.LogSoftmax, nn.Sigmoid)) for m in discriminator.modules())
    with torch.no_grad():
        discriminator.aux_head.weight.mul_(100)
        discriminator.adv_head.weight.mul_(100)
        real, which = discriminator(torch.randn(64, 1, 8, 8))
    assert not torch.allclose(which.exp().sum(dim=1), torch.ones(64))
    assert which.abs().max() > 1
    assert ((real < 0) | (real > 1)).any()


def test_a_softmax_before_the_cross_entropy_could_not_fall_below_one_and_a_half():
    """The mistake that this file must not make, in numbers: surely right, and still punished."""
    sure = 100 * torch.eye(10)
    assert nn.functional.cross_entropy(sure, torch.arange(10)) < 1e-6
    assert nn.functional.cross_entropy(sure.softmax(dim=1), torch.arange(10)).item() == pytest.approx(1.4612, abs=1e-4)


def test_the_label_reaches_the_image():
    generator = acgan.Generator(SMOKE, (1, 8, 8), 4).eval()
    z = torch.randn(1, SMOKE.latent).expand(4, -1)
    images = generator(z, torch.arange(4))
    assert torch.pdist(images.flatten(1)).min() > 0


def test_the_class_losses_are_learnt_with_a_weight_and_not_without(tmp_path):
    """On four quarters that anybody can tell apart, 40 steps are enough."""
    losses = {}
    for weight in (0.0, 1.0):
        curves = read_run(trained(tmp_path, steps=40, auxiliary=weight, lr=5e-3).path).curves
        losses[weight] = (
            curves["class/d"].values[-1],
            curves["class/held_out"].values[-1],
            curves["class/g"].values[-1],
        )
    assert all(with_it < 0.8 * without for with_it, without in zip(losses[1.0], losses[0.0], strict=True))


def test_generated_images_teach_the_class_head_only_when_asked_to(tmp_path):
    """One step: the head of the classes differs, the head of real or generated does not."""
    states = []
    for weight in (0.0, 1.0):
        path = trained(tmp_path, steps=1, class_fakes=weight).checkpoint()
        assert path is not None
        states.append(decode_state(path.read_bytes())["held"]["discriminator"])
    assert not torch.equal(states[0]["aux_head.weight"], states[1]["aux_head.weight"])
    assert torch.equal(states[0]["adv_head.weight"], states[1]["adv_head.weight"])


def test_the_weight_acts_on_both_networks(tmp_path):
    """At once: one step with another weight gives another generator and another discriminator."""
    states = []
    for weight in (1.0, 30.0):
        path = trained(tmp_path, steps=1, auxiliary=weight).checkpoint()
        assert path is not None
        states.append(decode_state(path.read_bytes())["held"])
    for net in ("generator", "discriminator"):
        assert not all(torch.equal(value, states[1][net][key]) for key, value in states[0][net].items())
