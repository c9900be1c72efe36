"""Paired metrics against scikit-image, torchmetrics and closed forms of known noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import ganeval
from ganeval.numerics.similarity import ssim as ssim_of_batch

Images = NDArray[np.uint8]


def pictures(n: int, side: int, channels: int, seed: int = 0) -> tuple[Images, Images]:
    """Smooth random images and the same with noise, uint8 (n, c, h, w)."""
    rng = np.random.default_rng(seed)
    waves = np.cumsum(np.cumsum(rng.normal(size=(n, channels, side, side)), -1), -2)
    low, high = (f(waves, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    real = np.round(30 + 190 * (waves - low) / (high - low))
    noisy = real + rng.normal(0, 12, real.shape)
    return real.astype(np.uint8), noisy.round().clip(0, 255).astype(np.uint8)


@pytest.fixture(params=[(28, 1), (32, 3), (40, 1)], ids=["28 grey", "32 colour", "40 grey"])
def both(request: pytest.FixtureRequest) -> tuple[Images, Images]:
    return pictures(20, *request.param)


def each(measure: Callable[[Images, Images], float], both: tuple[Images, Images]) -> list[float]:
    return [measure(np.moveaxis(a, 0, -1), np.moveaxis(b, 0, -1)) for a, b in zip(*both, strict=True)]


def test_squared_errors_and_ratios_are_scikit_images(both: tuple[Images, Images]) -> None:
    peer = pytest.importorskip("skimage.metrics", reason="scikit-image is the oracle here")
    mse, psnr = ganeval.mse(*both), ganeval.psnr(*both)
    assert mse == pytest.approx(np.mean(each(peer.mean_squared_error, both)) / 255**2, rel=1e-12)
    assert psnr == pytest.approx(np.mean(each(peer.peak_signal_noise_ratio, both)), rel=1e-12)


def test_structural_similarity_is_scikit_images(both: tuple[Images, Images]) -> None:
    peer = pytest.importorskip("skimage.metrics", reason="scikit-image is the oracle here")

    def theirs(a: Images, b: Images) -> float:
        return peer.structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=-1
        )

    score = ganeval.ssim(*both)
    assert score.per_sample["similarity"] == pytest.approx(each(theirs, both), abs=1e-6)
    assert score == pytest.approx(np.mean(each(theirs, both)), abs=1e-10)


def test_pooled_ratio_and_similarity_are_torchmetrics(both: tuple[Images, Images]) -> None:
    peer = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is the oracle here")
    real, fake = (torch.from_numpy(images).double() for images in both)
    pooled = ganeval.psnr(*both).details["pooled"]
    assert pooled == pytest.approx(float(peer.peak_signal_noise_ratio(fake, real, data_range=255.0)), rel=1e-6)
    _, maps = peer.structural_similarity_index_measure(fake, real, data_range=255.0, return_full_image=True)
    inside = maps[..., 5:-5, 5:-5]  # its own mean also counts places whose window hangs over a mirrored border
    assert ganeval.ssim(*both) == pytest.approx(float(inside.mean()), abs=1e-6)


@pytest.mark.parametrize("sigma", [3.0, 10.0])
def test_known_noise_gives_its_variance_and_ratio(sigma: float) -> None:
    """Rounded Gaussian noise around middle grey has the variance sigma^2 + 1/12."""
    rng = np.random.default_rng(1)
    real = rng.integers(90, 160, (300, 1, 16, 16), dtype=np.uint8)
    fake = (real + rng.normal(0, sigma, real.shape)).round().astype(np.uint8)
    true = (sigma**2 + 1 / 12) / 255**2
    mse, psnr = ganeval.mse(real, fake), ganeval.psnr(real, fake)
    assert mse.se is not None
    assert abs(mse - true) < 4 * mse.se
    assert mse.se == pytest.approx(true * math.sqrt(2 / 256 / 300), rel=0.15)
    assert psnr.details["pooled"] == pytest.approx(-10 * math.log10(true), abs=4 * psnr.details["pooled_se"])


def test_a_constant_offset_gives_its_square_and_the_luminance_term_alone() -> None:
    """SSIM of a flat image and a flat one is (2 a b + C1) / (a^2 + b^2 + C1), with C1 = 0.01^2 (Wang 2004, eq. 6)."""
    flat, brighter = (torch.full((1, 1, 16, 16), level, dtype=torch.uint8) for level in (100, 120))
    a, b, c1 = 100 / 255, 120 / 255, 0.01**2
    assert float(ssim_of_batch(flat, brighter)) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), rel=1e-9)
    real = np.random.default_rng(0).integers(0, 200, (9, 1, 8, 8), dtype=np.uint8)
    assert ganeval.mse(real, real + np.uint8(20)) == pytest.approx((20 / 255) ** 2, rel=1e-12)


def test_the_share_of_shuffled_pairs_is_what_all_pairs_give() -> None:
    real, fake = pictures(25, 12, 1)
    x, y = (images.reshape(25, -1).astype(float) / 255 for images in (real, fake))
    gaps = ((x[:, None] - y[None]) ** 2).mean(-1)
    shuffled = gaps[~np.eye(25, dtype=bool)].mean()
    score = ganeval.mse(real, fake)
    assert score.details["of_shuffled"] == pytest.approx(np.diag(gaps).mean() / shuffled, rel=1e-10)


def test_a_share_of_two_unrelated_sets_would_be_one_and_its_error_is_true() -> None:
    values, errors = [], []
    for seed in range(200):
        details = ganeval.mse(*pictures(40, 12, 1, seed)).details
        values.append(details["of_shuffled"])
        errors.append(details["of_shuffled_se"])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values, ddof=1), rel=0.2)


def test_the_error_of_rfid_is_that_of_pairs_and_that_of_fid_is_not() -> None:
    """Rows and noisy copies of them: over fresh draws of both, the stated error is the spread."""
    rng = np.random.default_rng(0)
    paired, loose, values = [], [], []
    for _ in range(150):
        rows = rng.normal(size=(300, 6)) @ np.diag([3, 2, 1, 1, 0.5, 0.5])
        other = 1.1 * rows + 0.1 + 0.2 * rng.normal(size=rows.shape)
        score = ganeval.rfid(rows, other)
        paired.append(score.se)
        loose.append(ganeval.fid(rows, other).se)
        values.append(float(score))
    spread = np.std(values, ddof=1)
    assert np.sqrt(np.mean(np.square(paired))) == pytest.approx(spread, rel=0.15)
    assert np.sqrt(np.mean(np.square(loose))) > 1.5 * spread
