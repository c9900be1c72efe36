"""Spread: MS-SSIM against its definition, the pairing, and what a collapsed generator gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics.spread import embedding_spread, ms_ssim
from ganeval.numerics.similarity import multiscale_ssim


def features(images: np.ndarray, labels: np.ndarray | None = None) -> Features:
    rows = Features.given(images.reshape(len(images), -1) / 255.0, labels=labels)
    return Features(rows.embeddings, rows.passport, labels=rows.labels, images=ImageSet.from_array(images))


def noise(n: int, seed: int = 0, side: int = 28) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 1, side, side), dtype=np.uint8)


def ssim_by_loops(x: np.ndarray, y: np.ndarray) -> float:
    """Single-scale SSIM of one 2-D pair, window by window."""
    weights = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    values = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * a * a).sum() - ma**2, (window * b * b).sum() - mb**2
            cov = (window * a * b).sum() - ma * mb
            values.append((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    return float(np.mean(values))


def test_one_scale_is_ssim_by_its_definition() -> None:
    a = noise(1, 1, side=16)
    b = ((a.astype(int) + noise(1, 2, side=16)) // 2).astype(np.uint8)
    by_loops = ssim_by_loops(a[0, 0] / 255.0, b[0, 0] / 255.0)
    assert float(multiscale_ssim(torch.from_numpy(a), torch.from_numpy(b))) == pytest.approx(by_loops, abs=1e-5)


def test_equal_images_have_similarity_one_at_every_size() -> None:
    for side in (8, 28, 64, 200):
        x = torch.from_numpy(noise(2, side=side))
        assert torch.allclose(multiscale_ssim(x, x), torch.ones(2), atol=1e-5)


def test_more_noise_means_less_similarity() -> None:
    clean = torch.from_numpy(np.repeat(np.linspace(0, 200, 28, dtype=np.uint8)[None, None, None], 28, axis=2))
    values = []
    for sd in (0.0, 5.0, 20.0, 60.0):
        shift = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)) * sd
        values.append(float(multiscale_ssim(clean, (clean + shift).clamp(0, 255).byte())))
    assert values == sorted(values, reverse=True)


def test_a_generator_of_one_image_a_class_has_ms_ssim_one() -> None:
    labels = np.repeat([0, 1], 20)
    fake = features(noise(2)[labels], labels)
    assert float(ms_ssim(Pair(None, fake))) == pytest.approx(1.0, abs=1e-5)


def test_the_real_baseline_stands_beside_the_value() -> None:
    real, fake = features(noise(40, 1)), features(np.repeat(noise(1), 40, axis=0))
    score = ms_ssim(Pair(real, fake))
    assert score.details["real"] < 0.2 < float(score)


def test_half_the_distance_is_half_the_spread() -> None:
    rows = torch.randn(200, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert float(embedding_spread(Pair(Features.given(rows), Features.given(rows / 2)))) == pytest.approx(0.5, rel=0.1)


def test_the_standard_error_of_the_spread_ratio_is_its_spread_over_fresh_fakes() -> None:
    g = torch.Generator().manual_seed(1)
    real = Features.given(torch.randn(100, 3, generator=g))
    draws = [embedding_spread(Pair(real, Features.given(torch.randn(100, 3, generator=g)))) for _ in range(400)]
    truth = np.std([float(d) for d in draws], ddof=1)
    assert np.mean([d.se for d in draws]) == pytest.approx(truth, rel=0.1)


def test_classes_asked_for_in_equal_numbers_are_no_chance_in_the_error_of_the_spread() -> None:
    labels = torch.arange(200) % 2
    g = torch.Generator().manual_seed(2)
    real = Features.given(torch.randn(200, 16, generator=g), labels=labels)
    wide = torch.where(labels == 0, 1.0, 4.0)[:, None]
    draws = [
        embedding_spread(Pair(real, Features.given(wide * torch.randn(200, 16, generator=g), labels=labels)))
        for _ in range(300)
    ]
    truth = np.std([float(d) for d in draws], ddof=1)
    assert np.mean([d.se for d in draws]) == pytest.approx(truth, rel=0.1)


def test_three_images_are_too_few_for_two_pairs() -> None:
    with pytest.raises(TooFewSamplesError, match="two pairs"):
        ms_ssim(Pair(None, features(noise(3))))
