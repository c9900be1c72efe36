"""Autoencoders: networks of any size, terms of the bound, latents of a finished run."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.errors import UnknownNameError, WrongInputError
from ganeval.runs.readers.native import read_run
from reference_models import autoencoder, vae
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.seeds import generator
from reference_models.plumbing.system import SYSTEMS, fit, open_codec, open_sampler

BOTH = pytest.mark.parametrize("module", [autoencoder, vae], ids=["autoencoder", "vae"])
QUICK = Options(device="cpu", log_every=50, checkpoints=1, grids=1, sample_per_class=2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    return {
        name: fit(name, SYSTEMS[name].profile("demo"), dataset="digits", out=root, options=QUICK).path
        for name in ("autoencoder", "vae")
    }


@BOTH
@pytest.mark.parametrize("net", ["dense", "conv"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
def test_the_networks_fit_every_size(module, net, shape):
    config = replace(module.PROFILES["smoke"], net=net, channels=4)
    latents = module.make_encoder(config, shape)(torch.rand(2, *shape))
    assert latents.shape == (2, config.latent * (2 if module is vae else 1))
    assert module.make_decoder(config, shape)(latents[:, : config.latent]).shape == (2, *shape)


@BOTH
def test_convolutions_train_and_come_back_in_evaluation_mode(module, tmp_path):
    config = replace(module.PROFILES["smoke"], net="conv", channels=4)
    path = fit(module.SYSTEM.name, config, dataset="synthetic3", out=tmp_path, options=QUICK).path
    one, many = (open_codec(path, device="cpu").encode(load_data("synthetic3").images[:n].numpy()) for n in (1, 30))
    np.testing.assert_array_equal(one, many[:1])


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_latents_of_a_run_do_not_depend_on_the_batch_and_decode_to_the_image(name, runs):
    images = load_data("digits").held_images.numpy()
    codec = open_codec(runs[name], device="cpu")
    latents = codec.encode(images)
    assert latents.shape == (len(images), 12)
    np.testing.assert_array_equal(codec.encode(images[7:9]), latents[7:9])
    error = np.square(codec.decode(latents).astype(float) - images).mean()
    assert error < 0.35 * np.square(images - images.mean(axis=0)).mean()


def test_images_of_another_shape_are_refused(runs):
    codec = open_codec(runs["vae"], device="cpu")
    with pytest.raises(WrongInputError, match=r"uint8 \(n, 1, 8, 8\).*got uint8 \(2, 1, 9, 8\)"):
        codec.encode(np.zeros((2, 1, 9, 8), np.uint8))
    with pytest.raises(WrongInputError, match="got float64"):
        codec.encode(np.zeros((2, 1, 8, 8)))


def test_a_system_without_an_encoder_says_which_have_one(tmp_path):
    path = fit(
        "projection_cgan", SYSTEMS["projection_cgan"].profile("smoke"), dataset="synthetic", out=tmp_path, options=QUICK
    ).path
    with pytest.raises(WrongInputError, match=r"projection_cgan has none\. Take autoencoder or vae"):
        open_codec(path)


def test_only_options_of_sampling_are_changed_on_opening(runs):
    with pytest.raises(UnknownNameError, match="no sampling option of vae named 'latent'"):
        open_sampler(runs["vae"], latent=3)


def test_samples_of_an_autoencoder_show_their_class_and_those_of_a_vae_have_none(runs):
    from ganeval import classifier_score

    images, labels = open_sampler(runs["autoencoder"], device="cpu").per_class(20, seed=0)
    assert float(classifier_score(images, labels=labels, classifier="digits")) > 0.6
    _, none = open_sampler(runs["vae"], device="cpu").evenly(20, seed=0)
    assert none is None


def test_class_gaussians_have_the_moments_of_the_latents_they_saw():
    rng = generator(0)
    mixing = torch.randn(3, 3, generator=rng)
    latents = torch.randn(4000, 3, generator=rng) @ mixing + 2
    labels = torch.arange(4000) % 2
    gaussians = autoencoder.ClassGaussians(3, 3)
    for rows in torch.arange(4000).split(100):
        gaussians.update(latents[rows], labels[rows], halflife=math.inf)
    drawn = gaussians(torch.randn(20_000, 3, generator=rng), torch.ones(20_000, dtype=torch.int64))
    seen = latents[labels == 1]
    torch.testing.assert_close(drawn.mean(dim=0), seen.mean(dim=0), atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), seen.T.cov(), atol=0.15, rtol=0.05)
    assert gaussians(torch.randn(5, 3), torch.full((5,), 2)).abs().max() == 0  # a class never seen


def test_class_gaussians_forget():
    gaussians = autoencoder.ClassGaussians(1, 1)
    for value in (0.0, 1.0):
        for _ in range(50):
            gaussians.update(torch.full((10, 1), value), torch.zeros(10, dtype=torch.int64), halflife=100.0)
    assert gaussians(torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64)).item() == pytest.approx(
        1 / (1 + 0.5**5), abs=1e-4
    )


def test_the_divergence_is_that_of_two_normal_distributions():
    mean, log_variance = torch.randn(2, 4, 3, generator=generator(0)).unbind()
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    theirs = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(vae.divergence(mean, log_variance), theirs)


def test_the_surprise_is_minus_the_log_likelihood():
    decoded, images = torch.randn(2, 5, 1, 4, 4, generator=generator(0)).unbind()
    spread = (decoded - images).square().mean().sqrt()
    normal = torch.distributions.Normal(decoded, spread).log_prob(images).sum() / 5
    torch.testing.assert_close(vae.surprise(decoded, images, "gaussian"), -normal)
    ink = images.sign()
    coin = torch.distributions.Bernoulli(logits=decoded).log_prob((ink + 1) / 2).sum() / 5
    torch.testing.assert_close(vae.surprise(decoded, ink, "bernoulli"), -coin)


def test_the_logged_bound_is_the_sum_of_its_terms_and_rises(runs):
    curves = read_run(runs["vae"]).curves
    elbo, parts = (np.array(c.values) for c in (curves["elbo"], curves["reconstruction"]))
    np.testing.assert_allclose(elbo, -(parts + np.array(curves["kl"].values)), rtol=1e-5)
    assert elbo[-1] > elbo[0]


def test_a_heavy_beta_collapses_the_posterior_and_a_light_one_does_not(tmp_path):
    said = {}
    for beta in (0.1, 1000.0):
        config = replace(vae.PROFILES["demo"], steps=150, beta=beta)
        said[beta] = read_run(fit("vae", config, dataset="digits", out=tmp_path, options=QUICK).path).curves
    assert said[1000.0]["active_units"].values[-1] == 0
    assert said[0.1]["active_units"].values[-1] == 12
    assert said[1000.0]["kl"].values[-1] < 0.5
    assert said[0.1]["kl"].values[-1] > 10


def test_bernoulli_images_are_between_ink_and_no_ink(tmp_path):
    config = replace(vae.PROFILES["smoke"], likelihood="bernoulli")
    path = fit("vae", config, dataset="synthetic", out=tmp_path, options=QUICK).path
    drawn = open_sampler(path, device="cpu").draw(torch.randn(100, 3), torch.zeros(100, dtype=torch.int64))
    assert drawn.abs().max() < 1
