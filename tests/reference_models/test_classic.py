"""The classic generators: the studies' parameter counts, the signs of every loss, and labels that are heard."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.runs.readers.native import read_run
from reference_models import cdcgan, cgan, cgan_dense, dcgan, gan_mlp
from reference_models.plumbing.data import resample
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.stabilise import cross_entropy
from reference_models.plumbing.system import SYSTEMS, fit, open_sampler

QUICK = Options(device="cpu", log_every=2, checkpoints=1, sample_per_class=3, grids=2, threads=1)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("variant", "shape", "g", "d"),
    [("study002", (3, 28, 28), 1_176_835, 41_857), ("study003", (1, 64, 64), 12_650_496, 2_761_728)],
)
def test_dcgan_holds_the_studies_networks_to_the_parameter(variant, shape, g, d):
    config = SYSTEMS["dcgan"].profile(variant)
    assert (count(dcgan.Generator(config, shape)), count(dcgan.Discriminator(config, shape))) == (g, d)


def test_dcgan_at_64_pixels_is_the_size_of_the_well_known_example():
    """3,576,704 and 2,765,568 there: without our biases, with its batch normalisation in D (896 parameters)."""
    config, shape = dcgan.Config(), (3, 64, 64)
    assert count(dcgan.Generator(config, shape)) == 3_576_704 + 3
    assert count(dcgan.Discriminator(replace(config, d_norm=True), shape)) == 2_765_568 + 64 + 1


@pytest.mark.parametrize(("classes", "d"), [(10, 80_385), (2, 75_777)])
def test_cgan_holds_the_study_discriminator_to_the_parameter(classes, d):
    assert count(cgan.Discriminator(SYSTEMS["cgan"].profile("study004"), (1, 28, 28), classes)) == d


@pytest.mark.parametrize(("latent", "g"), [(100, 1_092_755), (32, 443_695)])
def test_cgan_holds_the_study_generator_to_the_parameter(latent, g):
    """The latent is 100 in its code and 32 in its text."""
    config = replace(SYSTEMS["cgan"].profile("study004"), latent=latent)
    assert count(cgan.StudyGenerator(config, (1, 28, 28), 10)) == g


def test_cgan_dense_holds_the_study_networks_to_the_parameter():
    config, shape = SYSTEMS["cgan_dense"].profile("cpu"), (1, 28, 28)
    assert count(cgan_dense.Generator(config, shape, 10)) == 1_490_936
    assert count(cgan_dense.Discriminator(config, shape, 10)) == 935_585


def test_a_plane_looked_up_is_a_plane_convolved():
    torch.manual_seed(0)
    look = cgan.PlaneConv(3, 5, 7, 4)
    x, labels = torch.randn(6, 3, 9, 9), torch.tensor([0, 4, 2, 2, 1, 3])
    planes = torch.nn.functional.one_hot(labels, 5).float()[:, :, None, None].expand(-1, -1, 9, 9)
    plain = torch.nn.functional.conv2d(torch.cat([x, planes], dim=1), look.weight, look.bias, stride=2, padding=1)
    torch.testing.assert_close(look(x, labels), plain)


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("system", [cgan, cdcgan, cgan_dense])
def test_conditional_networks_fit_every_size(system, size, channels):
    config, shape, labels = system.PROFILES["smoke"], (channels, size, size), torch.arange(3)
    images = system.Generator(config, shape, 4)(torch.randn(3, config.latent), labels)
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    assert system.Discriminator(config, shape, 4)(images, labels).shape == (3,)


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("d_norm", [False, True])
def test_dcgan_networks_fit_every_size(size, d_norm):
    config, shape = replace(dcgan.PROFILES["smoke"], d_norm=d_norm), (1, size, size)
    images = dcgan.Generator(config, shape)(torch.randn(3, config.latent))
    assert images.shape == (3, *shape)
    assert dcgan.Discriminator(config, shape)(images).shape == (3,)


class Slope(nn.Module):
    """D(x) = w x, the smallest discriminator."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w * x


LOSSES = {
    "plain": tuple(partial(loss, "plain") for loss in (gan_mlp.discriminator_loss, gan_mlp.generator_loss)),
    "modern": tuple(partial(loss, "modern") for loss in (gan_mlp.discriminator_loss, gan_mlp.generator_loss)),
    "cross-entropy": (lambda r, f: cross_entropy(r, 1.0) + cross_entropy(f, 0.0), lambda _r, f: cross_entropy(f, 1.0)),
    "smoothed": (lambda r, f: cross_entropy(r, 0.9) + cross_entropy(f, 0.0), lambda _r, f: cross_entropy(f, 1.0)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_of_d_widens_the_gap_and_a_step_of_g_raises_its_own(name):
    d_loss, g_loss = LOSSES[name]
    d, real, shift = Slope(), torch.tensor([1.0, 1.2]), torch.tensor(-1.0, requires_grad=True)

    def gap() -> float:
        return (d(real).mean() - d(shift + torch.zeros(2)).mean()).item()

    before = gap()
    d_loss(d(real), d(shift.detach() + torch.zeros(2))).backward()
    with torch.no_grad():
        d.w -= 0.1 * d.w.grad
    assert gap() > before

    said = d(shift).item()
    g_loss(d(real).detach(), d(shift + torch.zeros(2))).backward()
    with torch.no_grad():
        shift -= 0.1 * shift.grad
    assert d(shift).item() > said


@pytest.mark.parametrize("loss", ["modern", "plain"])
def test_the_losses_are_their_formulas(loss):
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    d, g = gan_mlp.discriminator_loss(loss, real, fake), gan_mlp.generator_loss(loss, real, fake)
    log1p = lambda x: float(np.log1p(np.exp(x)))  # noqa: E731 -- the formula beside its use
    assert d.item() == pytest.approx(log1p(-3) if loss == "modern" else log1p(-2) + log1p(-1), rel=1e-5)
    assert g.item() == pytest.approx(log1p(3) if loss == "modern" else log1p(1), rel=1e-5)


def test_a_pack_is_judged_as_one_and_must_divide_the_batch(tmp_path):
    config = replace(gan_mlp.PROFILES["smoke"], pack=4)
    assert gan_mlp.Discriminator(config, (2, 1, 1))(torch.randn(16, 2, 1, 1)).shape == (4,)
    with pytest.raises(WrongInputError, match="multiple of pack; got 16 and 3"):
        fit("gan_mlp", replace(config, pack=3), dataset="ring", out=tmp_path, options=QUICK)


@pytest.mark.parametrize("loss", ["modern", "plain"])
def test_a_run_on_points_keeps_its_protocol_and_pictures_and_can_be_reopened(loss, tmp_path):
    config = replace(gan_mlp.PROFILES["smoke"], loss=loss)
    run = fit("gan_mlp", config, dataset="ring", out=tmp_path, options=QUICK)
    record = read_run(run.path)
    assert run.info["trained_on"] == "ring-v1, endless"
    assert {"modes", "high_quality", "reverse_kl"} <= set(record.curves)
    assert (len(record.grids), record.samples, dict(record.protocol)) == (2, (), {})
    points, labels = open_sampler(run.path).evenly(10, seed=0)
    assert (points.shape, points.dtype, labels) == ((10, 2, 1, 1), np.float32, None)


def test_points_are_refused_by_systems_of_images(tmp_path):
    with pytest.raises(
        WrongInputError, match=r"cgan learns images; ring is a set of points in the plane\. Take gan_mlp"
    ):
        fit("cgan", cgan.PROFILES["smoke"], dataset="ring", out=tmp_path, options=QUICK)


def test_the_modern_loss_reaches_the_whole_ring_in_seconds(tmp_path):
    config = replace(gan_mlp.PROFILES["cpu"], steps=400, batch=128, width=64)
    run = fit("gan_mlp", config, dataset="ring", out=tmp_path, options=replace(QUICK, log_every=100))
    curves = read_run(run.path).curves
    assert curves["modes"].values[-1] == 8
    assert curves["reverse_kl"].values[-1] < 0.3


def test_stabilising_is_logged_at_its_realised_rate(tmp_path):
    config = replace(dcgan.PROFILES["smoke"], steps=20, **dcgan.STABILISED)
    curves = read_run(fit("dcgan", config, dataset="synthetic", out=tmp_path, options=QUICK).path).curves
    rates, noise = np.array(curves["flipped"].values), curves["noise"].values
    assert 0 < rates.mean() < 0.15
    assert all(value * 64 == pytest.approx(round(value * 64)) for value in rates)  # 2 steps of 32 targets a line
    assert noise[0] > noise[len(noise) // 2] > noise[-1] == 0


def test_r1_and_batch_normalisation_in_the_discriminator_exclude_each_other(tmp_path):
    config = replace(dcgan.PROFILES["smoke"], r1=0.1, d_norm=True)
    with pytest.raises(WrongInputError, match="not both"):
        fit("dcgan", config, dataset="synthetic", out=tmp_path, options=QUICK)


@pytest.mark.parametrize("variant", ["study002", "stabilised"])
def test_dcgan_variants_train(variant, tmp_path):
    config = replace(SYSTEMS["dcgan"].profile(variant), steps=2, batch=16, g_width=8, d_width=8)
    assert fit("dcgan", config, dataset="synthetic3", out=tmp_path, options=QUICK).info["status"] == "done"


@pytest.mark.parametrize("variant", ["study004", "study004_r1"])
def test_the_study_cgan_trains(variant, tmp_path):
    config = replace(SYSTEMS["cgan"].profile(variant), steps=2, batch=16)
    config = replace(config, r1_every=1) if config.r1 else config
    run = fit("cgan", config, dataset="synthetic", out=tmp_path, options=QUICK)
    assert ("r1" in read_run(run.path).curves) == (variant == "study004_r1")


def test_a_disc_keeps_its_place_when_it_is_resampled():
    """Unlike by np.resize, which repeats the first rows of the buffer (founding study 003)."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((x - 40).square() + (y - 20).square() < 100).float()[None, None]
    small = resample(disc, (1, 28, 28))[0, 0]
    ys, xs = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    centre = [((grid + 0.5) * small).sum().item() / small.sum().item() * 64 / 28 for grid in (xs, ys)]
    assert centre == pytest.approx([40.5, 20.5], abs=0.1)
    assert small.mean().item() == pytest.approx(disc.mean().item(), rel=0.02)
    wrong = torch.from_numpy(np.resize(disc[0, 0].numpy(), (28, 28)))
    assert wrong.sum() == 0 or abs(((ys + 0.5) * wrong).sum() / wrong.sum() * 64 / 28 - 20.5) > 5


def test_data_of_another_size_are_seen_at_it_and_answered_at_their_own():
    data = load_data("synthetic").at(16)
    assert (data.shape, data.native, data.batch(0, 4)[0].shape) == ((1, 16, 16), (1, 8, 8), (4, 1, 16, 16))
    assert data.held_out(3)[0].shape == (3, 1, 16, 16)
    there = data.export(data.batch(0, 64)[0])
    plain = load_data("synthetic").export(load_data("synthetic").batch(0, 64)[0])
    assert there.shape == (64, 1, 8, 8)
    assert np.abs(there.astype(int) - plain.astype(int)).mean() < 40


@pytest.mark.parametrize("blind", [False, True])
def test_label_swap_tells_a_conditional_dcgan_from_one_that_never_hears_its_label(blind, tmp_path):
    config = replace(cdcgan.PROFILES["demo"], blind=blind, steps=450 if not blind else 150)
    run = fit("cdcgan", config, dataset="digits", out=tmp_path, options=replace(QUICK, log_every=150))
    draw = open_sampler(run.path)
    images, labels = draw.per_class(10, seed=0)
    fakes = ImageSet.from_array(images, source="x", labels=labels)
    swap = evaluate(
        "digits:test",
        fakes,
        classifier="digits",
        metrics=["label_swap"],
        generator=draw.generate,
        floor=False,
        cache=False,
        options={"label_swap": {"n": 200}},
    )["label_swap"]
    assert swap.value is not None
    if blind:
        assert swap.value < 0.1
        assert swap.details["changes"] == 0
    else:
        assert swap.value > 0.5
