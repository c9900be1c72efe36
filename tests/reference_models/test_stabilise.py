"""Smoothing, flips and instance noise against closed forms."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import WrongInputError
from reference_models.plumbing.seeds import generator
from reference_models.plumbing.stabilise import cross_entropy, fading, targets, with_noise


def test_smoothing_is_one_sided():
    wanted, flipped = targets(3, smoothing=0.1)
    assert wanted.tolist() == pytest.approx([0.9, 0.9, 0.9, 0, 0, 0])
    assert flipped == 0


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, math.nan])
def test_targets_outside_the_unit_interval_are_refused(smoothing):
    with pytest.raises(WrongInputError, match=r"target must lie in \[0, 1\]; got"):
        targets(2, smoothing=smoothing)


@pytest.mark.parametrize("target", [-0.01, 1.1])
def test_the_loss_refuses_them_too(target):
    with pytest.raises(WrongInputError, match=r"in \[0, 1\]"):
        cross_entropy(torch.zeros(2), target)


@settings(max_examples=25, deadline=None)
@given(st.floats(-30, 30), st.floats(0, 1))
def test_the_loss_is_the_cross_entropy_of_its_definition(logit, target):
    p = 1 / (1 + math.exp(-logit))
    expected = -target * math.log(p) - (1 - target) * math.log1p(-p) if 0 < p < 1 else math.inf
    loss = cross_entropy(torch.tensor([logit], dtype=torch.float64), target).item()
    assert loss == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_a_smoothed_discriminator_is_best_at_the_logit_of_its_target():
    logits = torch.tensor([math.log(9) - 1, math.log(9), math.log(9) + 1], requires_grad=True)
    cross_entropy(logits, 0.9).backward()
    assert logits.grad is not None
    below, at, above = logits.grad.tolist()
    assert at == pytest.approx(0, abs=1e-7)
    assert below < 0 < above
    least = cross_entropy(torch.tensor([math.log(9)]), 0.9).item()
    assert least == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1), abs=1e-6)


def test_hard_targets_are_the_softplus_losses():
    logits = torch.linspace(-5, 5, 11)
    for target, loss in ((1.0, torch.nn.functional.softplus(-logits)), (0.0, torch.nn.functional.softplus(logits))):
        torch.testing.assert_close(cross_entropy(logits, target), loss.mean())


def test_certain_logits_cost_a_finite_loss():
    assert cross_entropy(torch.tensor([1000.0]), 0.0).item() == 1000.0


def test_flips_exchange_targets_at_the_rate_asked_for_and_say_so():
    wanted, rate = targets(20_000, smoothing=0.1, flips=0.05, random=generator(0))
    real, fake = wanted.chunk(2)
    flipped = torch.cat([real == 0, fake > 0])
    assert flipped.float().mean() == rate
    assert rate.item() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 40_000))
    assert set(wanted.unique().tolist()) == {0.0, torch.tensor(0.9).item()}


def test_an_impossible_rate_of_flips_is_refused():
    with pytest.raises(WrongInputError, match="probability of a flip"):
        targets(2, flips=1.5, random=generator(0))


def test_flips_are_seeded_and_independent_of_each_other():
    draw = [targets(4000, flips=0.3, random=generator(seed))[0] for seed in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    wrong = (draw[0] == 0).float()[:4000]
    together = (wrong[1:] * wrong[:-1]).mean().item()
    assert together == pytest.approx(0.09, abs=4 * math.sqrt(0.09 * 0.91 / 4000))


def test_no_flips_leave_the_generator_alone():
    random = generator(0)
    before = random.get_state()
    targets(10, random=random)
    assert torch.equal(random.get_state(), before)


def test_all_flipped_is_the_opposite():
    assert targets(2, flips=1.0, random=generator(0))[0].tolist() == [0, 0, 1, 1]


def test_noise_has_the_deviation_asked_for_and_fades_to_nothing():
    images, random = torch.full((200, 1, 10, 10), 0.5), generator(0)
    noisy = with_noise(images, 0.3, random) - images
    assert noisy.std().item() == pytest.approx(0.3, rel=0.02)
    assert noisy.mean().item() == pytest.approx(0, abs=0.01)
    assert with_noise(images, 0.0, random) is images


def test_the_strength_falls_linearly_and_never_below_zero():
    strengths = [fading(0.4, step, 1000, until=0.8) for step in range(1001)]
    assert strengths[0] == 0.4
    assert strengths[400] == pytest.approx(0.2)
    assert all(a >= b >= 0 for a, b in itertools.pairwise(strengths))
    assert set(strengths[800:]) == {0.0}
