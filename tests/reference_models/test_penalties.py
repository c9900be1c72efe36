"""Penalties against closed forms: a linear critic has the same gradient everywhere, its weight."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganeval.errors import WrongInputError
from reference_models.plumbing.penalties import (
    between,
    clip_weights,
    gradient_penalty,
    gradients,
    r1,
    r2,
    require_lipschitz,
)
from reference_models.plumbing.seeds import generator

SHAPE = (2, 3, 4)  # channels, height, width: a norm over pixels alone would not be the norm over all 24


class Linear(nn.Module):
    """D(x, y) = w . x + y."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x, y=0):
        return (x * self.weight).sum(dim=(1, 2, 3)) + y


def linear(scale: float, seed: int = 0) -> tuple[Linear, torch.Tensor]:
    """D and its w."""
    weight = scale * torch.randn(SHAPE, generator=generator(seed), dtype=torch.float64)
    return Linear(weight.clone()), weight


def images(n: int = 5, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, *SHAPE, generator=generator(seed), dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 3), st.integers(0, 100))
def test_r1_and_r2_of_a_linear_discriminator_are_half_its_squared_weight(scale, seed):
    discriminator, weight = linear(scale, seed)
    expected = weight.square().sum().item() / 2
    assert r1(discriminator, images()).item() == pytest.approx(expected)
    assert r2(discriminator, images(), torch.arange(5)).item() == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 3), st.integers(0, 100))
def test_the_gradient_penalty_of_a_linear_critic_is_its_squared_distance_from_slope_one(scale, seed):
    critic, weight = linear(scale, seed)
    penalty = gradient_penalty(critic, images(), images(seed=2), torch.rand(5, generator=generator(seed)))
    assert penalty.item() == pytest.approx((weight.norm().item() - 1) ** 2)


def test_the_penalties_reach_the_weights_and_not_the_images():
    critic, weight = linear(1.0)
    fake = images().requires_grad_()
    r2(critic, fake).backward()
    torch.testing.assert_close(critic.weight.grad, weight)  # d (|w|^2 / 2) / dw
    critic.zero_grad()
    gradient_penalty(critic, images(), fake, torch.full((5,), 0.5, dtype=torch.float64)).backward()
    torch.testing.assert_close(critic.weight.grad, 2 * (weight.norm() - 1) * weight / weight.norm())
    assert fake.grad is None


def test_r1_of_a_quadratic_discriminator_is_measured_at_each_image():
    x = images()
    squared = r1(lambda x: x.square().sum(dim=(1, 2, 3)) / 2, x)
    assert squared.item() == pytest.approx(x.flatten(1).square().sum(dim=1).mean().item() / 2)


def test_points_in_two_dimensions_have_penalties_too():
    assert r1(lambda x: x @ torch.tensor([3.0, 4.0]), torch.zeros(6, 2)).item() == pytest.approx(12.5)


def test_alpha_is_one_number_per_image_and_one_is_real():
    real, fake = images(3), images(3, seed=2)
    alpha = torch.tensor([1.0, 0.0, 0.25], dtype=torch.float64)
    points = between(real, fake, alpha)
    assert torch.equal(points[0], real[0])
    assert torch.equal(points[1], fake[1])
    assert torch.allclose(points[2], 0.25 * real[2] + 0.75 * fake[2])


def test_an_alpha_per_pixel_is_refused():
    with pytest.raises(WrongInputError, match=r"alpha one number per image.*Draw alpha"):
        between(images(2), images(2), torch.rand(2, *SHAPE))


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(24, 8), nn.Softplus(), nn.Linear(8, 1)).double()
    x, step = images(2), 1e-6
    exact = gradients(net, x)
    moved = x.clone()
    moved[1, 0, 1, 2] += step
    difference = (net(moved) - net(x))[1, 0] / step
    assert exact[1, 6].item() == pytest.approx(difference.item(), rel=1e-4)


def test_clipping_cuts_every_weight_and_bias_and_nothing_else():
    net = nn.Linear(2, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[5.0, -5.0], [0.003, -0.004]]))
        net.bias.copy_(torch.tensor([1.0, 0.0]))
    clip_weights(net, 0.01)
    expected = torch.tensor([[0.01, -0.01], [0.003, -0.004]])
    assert torch.equal(net.weight, expected)
    assert torch.equal(net.bias, torch.tensor([0.01, 0.0]))


@pytest.mark.parametrize("layer", [nn.Linear(12, 7), nn.Conv2d(3, 7, 3)])
def test_spectral_norm_makes_the_largest_singular_value_one(layer: nn.Linear | nn.Conv2d):
    """Of the weight as a matrix (out, in kh kw): for a convolution not the norm of the map, which may be larger."""
    torch.manual_seed(0)
    with torch.no_grad():
        layer.weight.mul_(10)
    normed = spectral_norm(layer, n_power_iterations=100)
    normed.train()
    largest = torch.linalg.svdvals(torch.as_tensor(normed.weight).detach().flatten(1))[0]
    assert largest.item() == pytest.approx(1, abs=1e-5)


def test_a_critic_that_nothing_bounds_is_refused_by_the_layer_that_is_bare():
    critic = nn.Sequential(spectral_norm(nn.Linear(3, 2)), nn.ReLU(), nn.Linear(2, 1))
    with pytest.raises(WrongInputError, match=r"must be Lipschitz; got clip 0.0, penalty 0.0.*layer '2'.*Set a clip"):
        require_lipschitz(critic)


@pytest.mark.parametrize("constraint", [{"clip": 0.01}, {"penalty": 10.0}])
def test_a_clip_or_a_penalty_is_enough(constraint):
    require_lipschitz(nn.Linear(3, 1), **constraint)


def test_spectral_norm_on_every_layer_is_enough():
    require_lipschitz(nn.Sequential(spectral_norm(nn.Conv2d(1, 2, 3)), nn.Flatten(), spectral_norm(nn.Linear(2, 1))))


def test_another_parametrisation_is_no_constraint():
    with pytest.raises(WrongInputError, match="must be Lipschitz"):
        require_lipschitz(torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 1)))


def test_a_critic_with_a_sigmoid_is_refused_even_with_a_clip():
    with pytest.raises(WrongInputError, match="layer '1' squashes it"):
        require_lipschitz(nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()), clip=0.01)
