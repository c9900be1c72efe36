"""What the judge of photographs needs beyond that of digits: maxima, a whitened first layer, Muon, sharp shifts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ganeval.classifiers.augment import Augment, augment
from ganeval.classifiers.cifar10 import RECIPE, whitened
from ganeval.classifiers.muon import Muon, orthogonal
from ganeval.classifiers.network import Architecture, new_network
from ganeval.classifiers.training import fit

SMALL = Architecture((3, 16, 16), 2, ((), (12,), (16,)), stem=24, embedding=8, pooled=True)
BRIEF = replace(RECIPE, architecture=SMALL, batch=32, epochs=4, bfloat16=False)


def _rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _photographs(n: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth colour noise, in the second class with a checked patch somewhere."""
    rng = _rng(3)
    coarse = torch.rand(n, 3, 4, 4, generator=rng)
    images = F.interpolate(coarse, size=16, mode="bilinear") * 200
    labels = torch.arange(n) % 2
    checks = ((torch.arange(6)[:, None] + torch.arange(6)) % 2).float() * 120 - 60
    places = torch.randint(0, 10, (n, 2), generator=rng)
    for i in labels.nonzero()[:, 0].tolist():
        y, x = places[i].tolist()
        images[i, :, y : y + 6, x : x + 6] += checks
    return images.clamp(0, 255).round().to(torch.uint8), labels


def test_the_first_layer_sees_uncorrelated_parts_of_patches_and_is_not_learnt() -> None:
    images, labels = _photographs()
    network = whitened(new_network(SMALL, _rng()), images)
    before = network.stem.weight.detach().clone()
    x = (images.float() / 255 - SMALL.pixel_mean) / SMALL.pixel_std
    seen = F.conv2d(x, before, padding=1)[:, :12, :-1, :-1].transpose(0, 1).flatten(1)
    spread = torch.cov(seen)
    assert (spread - torch.diag(spread.diagonal())).abs().max() < 1e-2
    assert spread.diagonal().max() == pytest.approx(1, abs=0.1)
    assert torch.allclose(before[:12], -before[12:])
    fit(images, labels, replace(BRIEF, epochs=0.5), start=network)
    assert torch.equal(network.stem.weight, before)


def test_a_network_of_maxima_says_the_same_when_its_normalisation_is_folded() -> None:
    network, images = new_network(SMALL, _rng()), torch.rand(40, 3, 16, 16, generator=_rng(1))
    for _ in range(3):
        network.train()(images)
    for whole, folded in zip(network.eval()(images), network.folded()(images), strict=True):
        assert torch.allclose(whole, folded, atol=1e-5)
    assert "halves by max" in network.summary()


def test_a_brief_training_with_muon_tells_textures_apart() -> None:
    images, labels = _photographs()
    start = whitened(new_network(SMALL, _rng()), images)
    network = fit(images, labels, replace(BRIEF, epochs=8, augment=Augment(flip=True)), start=start)
    assert (network(images.float() / 255)[1].argmax(1) == labels).float().mean() > 0.9


def test_two_trainings_with_muon_agree_to_the_bit() -> None:
    images, labels = _photographs(64)
    networks = [fit(images, labels, replace(BRIEF, epochs=1)) for _ in range(2)]
    assert torch.equal(networks[0].head.weight, networks[1].head.weight)


def test_an_orthogonal_update_has_no_weak_direction() -> None:
    for shape in ((6, 40), (40, 6)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(*shape, generator=_rng())))
        assert values.min() > 0.6
        assert values.max() < 1.3


def test_muon_holds_the_size_of_a_weight_and_turns_it_down_the_slope() -> None:
    target = torch.eye(4, 9)
    weight = torch.nn.Parameter(torch.randn(4, 9, generator=_rng()) * 50)
    for step in range(60):
        loss = -(weight / weight.norm() * target).sum()
        weight.grad = torch.autograd.grad(loss, weight)[0]
        Muon([weight], lr=0.3 * (1 - step / 60)).step()
    assert weight.detach().norm() == pytest.approx(2, rel=0.1)
    assert (weight.detach() / weight.detach().norm() * target).sum() > 1.9


def test_shifts_by_whole_pixels_leave_an_image_sharp() -> None:
    x = torch.zeros(64, 1, 9, 9)
    x[:, :, 4, 4] = 1.0
    moved = augment(x, Augment(shift=2.49, whole=True), _rng())
    places = moved.flatten(1).argmax(dim=1)
    assert moved.flatten(1).amax(dim=1).tolist() == pytest.approx([1.0] * 64, abs=1e-4)
    assert {int(abs(p // 9 - 4)) for p in places} == {0, 1, 2}
