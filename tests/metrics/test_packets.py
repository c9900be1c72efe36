"""The eye for frequencies: packets lose nothing, find the band of a fault, and raise no alarm without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from scipy.stats import binomtest

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.extractors.wavelet import WAVELET
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import find_fault
from ganeval.metrics.packets import worst_packet
from ganeval.numerics.grids import grey_levels, small_coefficients
from ganeval.numerics.packets import haar_packets

HAAR = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64) / 2**0.5


def clouds(n: int, seed: int, channels: int = 1, side: int = 12) -> np.ndarray:
    """Smooth random images with a little noise."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.uniform(40, 200, (n, channels, side // 4, side // 4)), np.ones((4, 4)))
    return np.clip(coarse + rng.normal(0, 3, coarse.shape), 0, 255).round().astype(np.uint8)


def pair(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> Pair:
    sets = (replace(Features.given(np.zeros((len(x), 2))), images=ImageSet.from_array(x)) for x in (real, fake))
    return Pair(*sets, seed=seed)


def test_packets_keep_the_sum_of_squares_and_are_products_of_haar_matrices() -> None:
    images = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = haar_packets(images)
    assert found.shape == (2, 3, 16, 2, 3)
    assert float(found.square().sum()) == pytest.approx(float(images.square().sum()), rel=1e-12)
    matrix = torch.kron(HAAR, HAAR)[[0, 2, 3, 1]]  # of four pixels, the rows ordered by their changes of sign
    blocks = images.unfold(2, 4, 4).unfold(3, 4, 4)  # (2, 3, 2, 3, 4, 4)
    expected = torch.einsum("ri,ncabij,sj->ncrsab", matrix, blocks, matrix).flatten(2, 3)
    assert torch.allclose(found.abs(), expected.abs(), atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (5, 7), (1, 1)])
def test_the_eye_takes_images_of_any_size(height: int, width: int) -> None:
    images = torch.randint(0, 256, (3, 3, height, width), generator=torch.Generator().manual_seed(0))
    assert WAVELET.load()(images.to(torch.uint8)).embeddings.shape == (3, 96)


@pytest.mark.parametrize("name", ["checkerboard", "jpeg", "blur", "aliasing", "noise"])
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
def test_a_fault_of_frequency_is_seen(name: str, channels: int) -> None:
    fake = find_fault(name)(clouds(300, 1, channels), None, np.random.default_rng(0))
    found = worst_packet(pair(clouds(300, 0, channels), fake), permutations=199)
    assert found.details["p_value"] <= 0.01


def test_a_checkerboard_is_seen_in_the_fastest_band_and_in_no_other() -> None:
    fake = find_fault("checkerboard")(clouds(300, 1), None, np.random.default_rng(0))
    found = worst_packet(pair(clouds(300, 0), fake))
    assert found.details["worst"] == {"channel": 0, "rows": 3, "columns": 3, "of": "level"}
    level = np.abs(found.details["level"])[0]
    assert level[3, 3] > 1
    assert np.delete(level.ravel(), [0, 15]).max() < 0.4


def test_two_sets_of_one_distribution_are_told_apart_one_time_in_a_hundred() -> None:
    p = [
        worst_packet(pair(clouds(40, 2 * s), clouds(30, 2 * s + 1), s), permutations=99).details["p_value"]
        for s in range(150)
    ]
    for level in (0.01, 0.1, 0.5):
        assert binomtest(sum(value <= level + 1e-9 for value in p), len(p), level).pvalue > 1e-3


def test_constant_packets_count_nothing_and_all_constant_ones_are_refused() -> None:
    flat = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None] * 5, (40, 1, 8, 8)).copy()
    found = worst_packet(pair(flat, flat[::-1].copy()))
    assert found == pytest.approx(0, abs=1e-9)
    with pytest.raises(UndefinedError, match="Every packet is constant"):
        worst_packet(pair(flat[:1].repeat(30, 0), flat[:1].repeat(30, 0)))


def test_nineteen_images_are_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="20 fake images"):
        worst_packet(pair(clouds(40, 0), clouds(19, 1)))


@pytest.mark.parametrize(("name", "strength", "trace"), [("jpeg", 90, "zeros"), ("quantise", 4, "values")])
def test_traces_of_storage_are_seen_where_bands_hardly_change(name: str, strength: float, trace: str) -> None:
    fake = find_fault(name)(clouds(300, 1), None, np.random.default_rng(0), strength=strength)
    found = worst_packet(pair(clouds(300, 0), fake), permutations=199)
    assert found.details["p_value"] <= 0.01
    bands = max(np.abs(found.details[of]).max() for of in ("level", "energy"))
    assert abs(found.details[trace]) > bands


def test_cosines_are_those_of_scipy_and_grey_values_are_counted() -> None:
    images = torch.from_numpy(clouds(3, 0).repeat(2, axis=2).repeat(2, axis=3))  # 24 x 24: nine blocks
    blocks = images[:, 0].double().numpy().reshape(3, 3, 8, 3, 8).swapaxes(2, 3)
    expected = dctn(blocks, axes=(-2, -1), norm="ortho").reshape(3, 9, 64)[..., 1:]
    assert torch.allclose(small_coefficients(images).double(), torch.from_numpy((np.abs(expected) < 1).mean((1, 2))))
    counted = [len(np.unique(image)) for image in images.numpy()]
    assert grey_levels(images).exp().round().int().tolist() == counted
    assert small_coefficients(images[:, :, :7]).tolist() == [0, 0, 0]


def _sides(real: np.ndarray, fake: np.ndarray) -> Pair:
    sides = (replace(Features.given(np.eye(len(x))), images=ImageSet.from_array(x)) for x in (real, fake))
    return Pair(*sides)


def test_grey_images_that_were_saved_as_colours_have_the_number_of_grey_ones() -> None:
    """torchvision's `save_image` writes them so, and the data sets that they are compared with are grey."""
    real, fake = clouds(40, 0), clouds(40, 1)
    colours = fake.repeat(3, axis=1)
    assert worst_packet(_sides(real, colours)) == worst_packet(_sides(real, fake))
    assert worst_packet(_sides(real.repeat(3, axis=1), fake)) == worst_packet(_sides(real, fake))


def test_colours_are_compared_with_grey_as_colours() -> None:
    real, fake = clouds(40, 0), clouds(40, 1, channels=3)
    assert worst_packet(_sides(real, fake)) == worst_packet(_sides(real.repeat(3, axis=1), fake))
