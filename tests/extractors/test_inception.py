"""Our Inception against torch-fidelity's own class, on the same random weights with sensible statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from benchmarks.inception import blank_network, seed
from ganeval.errors import MissingFileError, WrongInputError
from ganeval.extractors import EXTRACTORS
from ganeval.extractors.inception import WEIGHTS, Inception, largest, largest_around
from ganeval.numerics import resize as resizing
from ganeval.numerics.resize import resize

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """torch-fidelity's network under seeded weights: He-scaled convolutions and statistics far from the identity."""
    network = blank_network()
    seed(network, torch.Generator().manual_seed(0))
    return network


@pytest.fixture(scope="module")
def ours(theirs: nn.Module) -> Inception:
    return Inception.of(theirs.state_dict(), "0" * 64).to(CPU)


def pictures(n: int, c: int, side: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, c, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_features_and_logits_equal_torch_fidelitys(theirs: nn.Module, ours: Inception) -> None:
    images = pictures(2, 3, 32)
    pool, logits = theirs(images)
    assert pool.std() > 0.1  # the comparison is of numbers that vary
    rows = ours(images)
    assert rows.logits is not None
    torch.testing.assert_close(rows.embeddings, pool, rtol=0, atol=1e-4)
    torch.testing.assert_close(rows.logits, logits, rtol=0, atol=1e-4)


def test_a_grey_image_equals_the_same_image_in_three_channels(ours: Inception) -> None:
    grey = pictures(1, 1, 28)
    torch.testing.assert_close(ours(grey).embeddings, ours(grey.expand(1, 3, 28, 28)).embeddings, rtol=0, atol=1e-5)


def test_without_the_fused_operator_the_features_are_the_same(ours: Inception, monkeypatch: pytest.MonkeyPatch) -> None:
    images = pictures(1, 3, 32)
    expected = ours(images).embeddings
    monkeypatch.setattr("ganeval.extractors.inception.FUSED", None)
    torch.testing.assert_close(ours(images).embeddings, expected, rtol=0, atol=1e-5)


def test_images_that_share_a_pass_in_parts_have_the_features_of_one_pass(
    ours: Inception, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = pictures(5, 3, 16)
    expected = ours(images)
    monkeypatch.setattr("ganeval.extractors.inception.STEM", 2)
    monkeypatch.setattr("ganeval.extractors.inception.MIDDLE", 3)
    torch.testing.assert_close(ours(images).embeddings, expected.embeddings, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_largest_of_windows_is_torchs(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(0)).relu()
    x = x.to(dtype, memory_format=torch.channels_last)
    assert torch.equal(largest(x), nn.functional.max_pool2d(x, 3, stride=2))
    assert torch.equal(largest_around(x), nn.functional.max_pool2d(x, 3, stride=1, padding=1))


def test_spatial_features_are_the_first_channels_of_mixed_6d_by_rows(theirs: nn.Module, ours: Inception) -> None:
    images = pictures(1, 3, 32)
    seen: list[Any] = []
    handle = theirs.get_submodule("Mixed_6d").register_forward_hook(lambda _m, _i, out: seen.append(out))
    theirs(images)
    handle.remove()
    spatial = ours(images).spatial
    assert spatial is not None
    expected = seen[0][0, :7].permute(1, 2, 0).reshape(1, 17 * 17 * 7)
    torch.testing.assert_close(spatial, expected, rtol=0, atol=1e-4)


def test_bfloat16_stays_near_and_float32_comes_out(ours: Inception) -> None:
    images = pictures(1, 3, 32)
    exact, rough = ours(images).embeddings, ours.to(CPU, "bf16")(images).embeddings
    assert rough.dtype == torch.float32
    assert 0 < (exact - rough).abs().mean() < 0.02 * exact.std()


@pytest.mark.parametrize(
    "shape", [(28, 28), (1, 1), (32, 48), (128, 129), (299, 200), (299, 299), (400, 310), (700, 2)]
)
def test_resizing_is_tensorflows(shape: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(0)) * 255
    expected = interpolate_bilinear_2d_like_tensorflow1x(images, size=(299, 299), align_corners=False)
    torch.testing.assert_close(resize(images, 299, 299), expected, rtol=0, atol=2e-4)


def test_both_ways_of_resizing_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(2, 1, 50, 70, generator=torch.Generator().manual_seed(0))
    by_products = resize(images, 30, 90)
    monkeypatch.setattr(resizing, "FEW", 0)
    torch.testing.assert_close(resize(images, 30, 90), by_products, rtol=0, atol=1e-6)


def test_without_weights_the_error_names_the_offline_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GANEVAL_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.retrieve", _no_network)
    with pytest.raises(MissingFileError, match=r"GANEVAL_WEIGHTS.*extractor='digits'"):
        EXTRACTORS["inception"].load()


def _no_network(*_: object, **__: object) -> None:
    raise OSError("no network")


def test_weights_in_the_named_folder_are_found(
    theirs: nn.Module, ours: Inception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    save_file(dict(theirs.state_dict()), tmp_path / "weights-inception-2015-12-05-6726825d.safetensors")
    found = EXTRACTORS["inception"].load()
    assert len(found.weights_sha256) == 64
    images = pictures(1, 1, 28)
    assert torch.equal(found.to(CPU)(images).embeddings, ours(images).embeddings)


def test_a_file_with_the_published_name_and_other_content_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    (tmp_path / WEIGHTS.name).write_bytes(b"half a download")
    with pytest.raises(WrongInputError, match="SHA-256 6726825d0af5"):
        EXTRACTORS["inception"].load()


def test_other_peoples_inception_is_refused() -> None:
    with pytest.raises(WrongInputError, match="torchvision's Inception"):
        Inception.of({"fc.weight": torch.zeros(1000, 2048)}, "")
