"""Critics and pairs: the signs of their steps, what they log, and that no critic is without a constraint."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from ganeval.errors import WrongInputError
from ganeval.runs.readers.native import read_run
from reference_models import rpgan, sngan, wgan_clip, wgan_gp
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.system import SYSTEMS, fit

QUICK = Options(device="cpu", log_every=1, checkpoints=1, sample_per_class=3, grids=1)
CRITICS = {"wgan_clip": "critic", "wgan_gp": "critic", "sngan": "d", "rpgan": "d"}


def smoke(name: str, **changes):
    return replace(SYSTEMS[name].profile("smoke"), **changes)


# 20 critic steps against one generator, then its one step; constraints so loose that they do not hide a sign.
ONE_STEP = {
    "wgan_clip": {"critic_steps": 20, "lr": 1e-3, "clip": 1.0},
    "wgan_gp": {"critic_steps": 20, "penalty": 1e-3},
    "sngan": {"d_steps": 20},
}


@pytest.mark.parametrize("name", ONE_STEP)
def test_critic_steps_raise_the_gap_and_a_generator_step_raises_what_the_critic_says(name, tmp_path, monkeypatch):
    """In the loop itself, on images that stay the same; which step was done is told by what is logged after it."""
    gaps, said, log = [], [], Session.log
    z = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))

    def listen(self, **values):
        nets = copy.deepcopy({name: self.model[name] for name in self.model.networks if name != "average"})
        generator, critic = nets.values()
        with torch.no_grad():
            real, fake = critic.eval()(self.order.held_out(25)[0]).mean(), critic(generator(z)).mean()
        if any(tag.endswith("__gap") for tag in values):
            gaps.append((real - fake).item())
        if "loss__g" in values or len(gaps) == 20:
            said.append(fake.item())
        log(self, **values)

    monkeypatch.setattr(Session, "log", listen)
    fit(name, smoke(name, steps=1, **ONE_STEP[name]), dataset="synthetic", out=tmp_path, options=QUICK)
    assert len(gaps) == 20
    assert gaps[-1] > gaps[0]
    assert said[1] > said[0]


@pytest.mark.parametrize("module", [wgan_clip, wgan_gp])
def test_the_wasserstein_losses_have_the_right_sign(module):
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 0.0])
    assert module.critic_loss(real, fake) == -3.5
    assert module.generator_loss(fake) == -0.5


def test_pairs_push_the_real_one_up_and_the_generated_one_down_and_the_generator_turns_it_round():
    real, fake = torch.tensor([1.0, -2.0], requires_grad=True), torch.tensor([0.0, 3.0], requires_grad=True)
    slopes = torch.autograd.grad(rpgan.discriminator_loss(real, fake), (real, fake))
    assert (slopes[0] < 0).all()
    assert (slopes[1] > 0).all()
    torch.testing.assert_close(slopes[0], -slopes[1])
    torch.testing.assert_close(slopes[0], -torch.sigmoid(fake - real) / 2)
    (slope,) = torch.autograd.grad(rpgan.generator_loss(real, fake), (fake,))
    assert (slope < 0).all()


@pytest.mark.parametrize(("silent", "sign"), [("g_adam", 1), ("d_adam", -1)])
def test_steps_on_pairs_have_the_right_sign_in_the_loop(silent, sign, tmp_path, monkeypatch):
    """One network learns alone, the other's optimiser does nothing: D widens the gap, G closes it."""
    fixed, gaps, log, hold = (
        torch.randn(256, 8, generator=torch.Generator().manual_seed(0)),
        [],
        Session.log,
        Session.hold,
    )

    def hold_still(self, **things):
        if silent in things:  # the networks are held before the optimisers
            things[silent].step = lambda: None
        hold(self, **things)

    def listen(self, **values):
        if "loss__g" in values:
            generator, critic = copy.deepcopy((self.model["generator"], self.model["discriminator"]))
            with torch.no_grad():
                gaps.append((critic(self.order.held_out(25)[0]).mean() - critic(generator(fixed)).mean()).item())
        log(self, **values)

    monkeypatch.setattr(Session, "hold", hold_still)
    monkeypatch.setattr(Session, "log", listen)
    fit("rpgan", smoke("rpgan", steps=10, gamma=1e-3), dataset="synthetic", out=tmp_path, options=QUICK)
    assert sign * gaps[-1] > sign * gaps[0]


def test_the_hinge_has_no_slope_beyond_its_margin():
    real, fake = torch.tensor([2.0, 0.0], requires_grad=True), torch.tensor([-3.0, -0.5], requires_grad=True)
    loss = sngan.discriminator_loss(real, fake)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 + 0.25)
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.tolist() == [0.0, -0.5]
    assert fake.grad.tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("name", "field", "said"),
    [
        ("wgan_clip", "clip", "clip must be a finite number above 0"),
        ("wgan_gp", "penalty", "A critic must be Lipschitz"),
    ],
)
def test_a_critic_without_its_constraint_does_not_train(name, field, said, tmp_path):
    with pytest.raises(WrongInputError, match=said):
        fit(name, smoke(name, **{field: 0.0}), dataset="synthetic", out=tmp_path, options=QUICK)


@pytest.mark.parametrize("name", CRITICS)
def test_the_gap_is_logged_and_no_accuracy(name, tmp_path):
    curves = read_run(fit(name, smoke(name), dataset="synthetic", out=tmp_path, options=QUICK).path).curves
    assert {f"{CRITICS[name]}/gap", f"{CRITICS[name]}/held_out", "overfit_ratio"} <= set(curves)
    assert {"wgan_gp": "critic/penalty", "wgan_clip": "critic/clipped", "sngan": "loss/d", "rpgan": "r2"}[
        name
    ] in curves
    assert not any("acc" in tag for tag in curves)


def test_clipped_weights_stay_in_their_box_and_their_share_at_the_bound_grows(tmp_path):
    config = smoke("wgan_clip", steps=60, lr=1e-3)
    run = fit("wgan_clip", config, dataset="synthetic", out=tmp_path, options=QUICK)
    clipped = read_run(run.path).curves["critic/clipped"].values
    assert 0 < clipped[-1] <= 1
    assert clipped[-1] > clipped[0]


def test_the_critics_share_one_generator():
    """What is compared is the critic: same weights for the same seed."""
    shape, states = (1, 28, 28), []
    for module in (wgan_clip, wgan_gp, sngan, rpgan):
        torch.manual_seed(0)
        states.append(module.Generator(module.PROFILES["cpu"], shape).state_dict())
    for state in states[1:]:
        assert list(state) == list(states[0])
        assert all(torch.equal(state[key], states[0][key]) for key in state)


def test_spectral_norm_bounds_the_slope_of_the_whole_discriminator():
    torch.manual_seed(0)
    discriminator = sngan.Discriminator(sngan.PROFILES["smoke"], (1, 8, 8))
    for weight in discriminator.parameters():
        weight.data.mul_(30)
    for _ in range(50):  # the power method follows
        discriminator(torch.randn(4, 1, 8, 8))
    discriminator.eval()
    x, step = torch.randn(64, 1, 8, 8), 0.1 * torch.randn(64, 1, 8, 8)
    with torch.no_grad():
        slopes = (discriminator(x + step) - discriminator(x)).abs() / step.flatten(1).norm(dim=1)
    # Of stride 2 and kernel 4 each pixel is seen by 2 x 2 windows of a layer, of stride 1 and kernel 3 by 3 x 3: the
    # norm of each map is at most 2 or 3 times that of its matrix.
    assert slopes.max() < 3 * 2 * 2


@pytest.mark.parametrize("name", ["rpgan", "gan_mlp"])
def test_images_held_out_that_are_the_training_images_are_no_sign_of_overfitting(name, tmp_path, monkeypatch):
    """At rates so high that all logits of a pair move far together in one update."""
    data = load_data("synthetic")
    images, labels = data.images[:16], data.labels[:16]
    same = replace(data, images=images, labels=labels, held_images=images, held_labels=labels, _order={})
    monkeypatch.setattr("reference_models.plumbing.system.load_data", lambda *_: same)
    run = fit(name, smoke(name, steps=6, lr=0.05), dataset="synthetic", out=tmp_path, options=QUICK)
    curves = read_run(run.path).curves
    assert curves["d/held_out"].values == pytest.approx(curves["d/real"].values, rel=1e-4)
    assert curves["overfit_ratio"].values == pytest.approx([0] * 6, abs=1e-3)
