"""Stacked digits: what a class is, that the order is fair and resumes, and that a judge's errors invent no modes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.errors import WrongInputError
from reference_models.plumbing import health
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.stacked import Stacked, judged_modes
from reference_models.plumbing.system import SYSTEMS, fit, open_sampler

N = 1347 - 134  # training digits that are not held out


@pytest.fixture(scope="module")
def data() -> Stacked:
    stacks = load_data("stacked_digits")
    assert isinstance(stacks, Stacked)
    return stacks


def test_each_channel_is_a_digit_and_the_class_reads_them_in_order(data):
    images, labels = data.batch(0, 300)
    assert images.shape == (300, 3, 8, 8)
    digits = load_data("digits")
    known = {image.numpy().tobytes(): int(label) for image, label in zip(digits.images, digits.labels, strict=True)}
    pixels = ((images + 1) * 127.5).round().to(torch.uint8)
    read = [int("".join(str(known[channel[None].numpy().tobytes()]) for channel in image)) for image in pixels]
    assert read == labels.tolist()
    assert data.class_names[labels[0]] == f"{labels[0]:03d}"


def test_every_digit_is_in_each_channel_once_per_epoch_and_in_other_company_in_the_next(data):
    first, second = data.batch(0, N)[0], data.batch(N, N)[0]
    for channel in range(3):
        rows = [{image.numpy().tobytes() for image in part[:, channel]} for part in (first, second)]
        assert rows[0] == rows[1]
    whole = [{image.numpy().tobytes() for image in part} for part in (first, second)]
    assert len(whole[0] & whole[1]) < 5
    assert not torch.equal(first[:, 0], first[:, 1])


def test_a_stack_is_a_function_of_its_number(data):
    images, labels = data.batch(100, 50)
    parts = [load_data("stacked_digits").batch(100 + start, 25) for start in (0, 25)]
    assert torch.equal(images, torch.cat([part[0] for part in parts]))
    assert torch.equal(labels, torch.cat([part[1] for part in parts]))
    assert not torch.equal(images, load_data("stacked_digits", seed=1).batch(100, 50)[0])


def test_held_out_stacks_are_made_of_held_out_digits(data):
    held, _ = data.held_out(1000)
    trained = {image.numpy().tobytes() for image in data.orders[0].images.float() / 127.5 - 1}
    assert len(held) == 134
    assert not any(channel[None].numpy().tobytes() in trained for image in held for channel in image)


def test_frequencies_are_products_and_a_batch_of_64_sounds_no_alarm(data):
    assert data.frequencies.sum().item() == pytest.approx(1)
    drawn = torch.bincount(torch.cat([data.batch(seen, 5000)[1] for seen in range(0, 200_000, 5000)]), minlength=1000)
    assert (drawn / drawn.sum() - data.frequencies).abs().max() < 1e-3
    heard = [health.batch_entropy(data.batch(seen, 64)[1], data.frequencies) for seen in range(0, 6400, 64)]
    assert torch.stack(heard).min() > health.ENTROPY_ALARM


def test_classes_cannot_be_left_out(data):
    with pytest.raises(WrongInputError, match="all its classes"):
        data.only((1, 2))


def test_it_can_be_resized_and_moved(data):
    assert data.at(16).to(torch.device("cpu")).batch(0, 2)[0].shape == (2, 3, 16, 16)


def test_modes_that_the_judges_errors_explain_do_not_count():
    """A generator that knows 8 digits in each channel, 512 modes, read by a judge that errs in 2 % of the cases."""
    rng = np.random.default_rng(0)
    confusion = np.full((10, 10), 2) + np.diag([880] * 10)
    true = rng.integers(0, 8, (26_000, 3))
    wrong = rng.random(true.shape) < 18 / 900
    read = np.where(wrong, (true + rng.integers(1, 10, true.shape)) % 10, true)
    score = judged_modes(read, confusion)
    assert score.details["naive"] > 700
    assert float(score) == 512


def test_a_perfect_generator_reaches_all_modes_in_spite_of_the_correction():
    rng = np.random.default_rng(0)
    confusion = np.diag([990] * 10) + 1
    score = judged_modes(rng.integers(0, 10, (26_000, 3)), confusion)
    assert float(score) == 1000
    assert score.details["reverse_kl"] < 0.03


@pytest.mark.parametrize("name", ["rpgan", "wgan_gp"])
def test_unconditional_systems_train_on_stacks(name, tmp_path):
    config = replace(SYSTEMS[name].profile("smoke"), steps=2)
    options = Options(device="cpu", sample_per_class=1, grids=1, checkpoints=1)
    run = fit(name, config, dataset="stacked_digits", out=tmp_path, options=options)
    sampler = open_sampler(run.path, device="cpu")
    assert sampler.evenly(1, seed=0)[0].shape == (1000, 3, 8, 8)
    assert run.info["protocol"] == {}
