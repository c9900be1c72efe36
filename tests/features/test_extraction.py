"""Images x extractor -> Features: batching, cache, memory, passports."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded
from ganeval.errors import GanevalError, UnknownNameError, WrongInputError
from ganeval.features.extraction import choose_device, extract, load_extractor
from ganeval.images.imageset import ImageSet


@dataclasses.dataclass(frozen=True)
class Sums:
    """Row and column sums with a made-up weights hash, counting how many images it was shown."""

    shown: list[int]
    limit: int = 10**9
    name: str = "sums"
    weights_sha256: str = "ab" * 32
    preprocessing: str = "none"
    class_names: tuple[str, ...] = ()
    confusion: None = None

    def to(self, device: torch.device, precision: str = "fp32") -> Sums:
        return self

    def __call__(self, images: torch.Tensor) -> Embedded:
        if len(images) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.shown.append(len(images))
        x = images.float()
        return Embedded(x.sum(3).flatten(1), logits=x.sum(2).flatten(1))


def in_batches(network: Sums) -> int:
    """How many images it was shown, but for the single ones that tell whether an entry of the
    cache is this network's.
    """
    return sum(n for n in network.shown if n > 1)


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ganeval" / "features"


def images(n: int = 23, seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 1, 5, 5), dtype=np.uint8)
    return ImageSet.from_array(pixels, labels=np.arange(n) % 3, class_names=("a", "b", "c"))


@pytest.mark.parametrize("batch_size", [1, 4, 23, 100])
def test_the_batch_size_does_not_change_the_features(batch_size: int) -> None:
    rows = extract(images(), Sums([]), compute=Compute(batch_size=batch_size, cache=False))
    assert torch.equal(rows.embeddings, extract(images(), Sums([]), compute=Compute(cache=False)).embeddings)


def test_a_set_that_was_seen_is_not_shown_again() -> None:
    network = Sums([])
    first = extract(images(), network)
    second = extract(images(), network)
    assert in_batches(network) == 23
    assert torch.equal(first.embeddings, second.embeddings)
    assert second.logits is not None
    assert torch.equal(second.logits, first.logits)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("change", ["images", "weights_sha256", "preprocessing", "precision", "name"])
def test_anything_that_changes_the_features_misses_the_cache(change: str) -> None:
    network = Sums([])
    extract(images(), network)
    other = network if change in ("images", "precision") else dataclasses.replace(network, **{change: "other"})
    extract(images(seed=change == "images"), other, precision="bf16" if change == "precision" else "fp32")
    assert in_batches(network) == 46


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_cache_entry_is_computed_again(damage: str, cache_home: Path) -> None:
    network = Sums([])
    first = extract(images(), network)
    (entry,) = cache_home.glob("*.safetensors")
    content = bytearray(entry.read_bytes())
    if damage == "flip":
        content[-3] ^= 0x40
    entry.write_bytes({"truncate": content[:-7], "flip": content, "empty": b""}[damage])
    assert torch.equal(extract(images(), network).embeddings, first.embeddings)
    assert in_batches(network) == 46


def test_features_without_a_weights_hash_are_not_cached(cache_home: Path) -> None:
    extract(images(), dataclasses.replace(Sums([]), weights_sha256=""))
    assert not cache_home.exists()


def test_a_cache_that_cannot_be_written_costs_only_time(cache_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache_home.parent.parent.joinpath("ganeval").write_text("a file where the folder should be")
    assert len(extract(images(), Sums([]))) == 23
    assert "computed again" in caplog.text


def test_out_of_memory_halves_the_batch_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    network = Sums([], limit=5)
    with caplog.at_level(logging.WARNING):
        rows = extract(images(), network, compute=Compute(batch_size=16, cache=False))
    assert network.shown == [4, 4, 4, 4, 4, 3]
    assert torch.equal(rows.embeddings, extract(images(), Sums([]), compute=Compute(cache=False)).embeddings)
    assert "going on with 4" in caplog.text


def test_one_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(GanevalError, match="One image at a time"):
        extract(images(), Sums([], limit=0), compute=Compute(cache=False))


def test_the_passport_says_where_the_rows_come_from() -> None:
    passport = extract(images(), Sums([]), compute=Compute(cache=False)).passport
    assert (passport.extractor, passport.n, passport.dim) == ("sums", 23, 5)
    assert passport.fingerprint == images().fingerprint
    assert passport.class_names == ("a", "b", "c")


def test_labels_and_images_are_carried_over() -> None:
    rows = extract(images(), Sums([]), compute=Compute(cache=False))
    assert rows.labels is not None
    assert rows.labels.tolist() == [i % 3 for i in range(23)]
    assert rows.images is not None


def test_pixels_are_the_image_in_zero_to_one() -> None:
    rows = extract(images(), "pixels")
    expected = images().array().reshape(23, 25) / np.float32(255)
    np.testing.assert_array_equal(rows.embeddings.numpy(), expected)


def test_an_unknown_extractor_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'pixels'"):
        load_extractor("pixel")


def test_what_is_no_extractor_is_refused() -> None:
    with pytest.raises(WrongInputError, match="wrap"):
        load_extractor(3)  # pyright: ignore[reportArgumentType]


def test_an_unknown_precision_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="bf16, fp32"):
        extract(images(), "pixels", precision="fp8")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(WrongInputError, match="'auto'"):
        choose_device("tpu9000")


def test_taken_features_keep_labels_images_and_passport_in_step() -> None:
    rows = extract(images(), Sums([]), compute=Compute(cache=False))
    some = rows.take(np.array([5, 2]))
    assert some.labels is not None
    assert some.images is not None
    assert some.labels.tolist() == [2, 2]
    np.testing.assert_array_equal(some.images.array(), images().array()[[5, 2]])
    assert (some.passport.n, len(some)) == (2, 2)
    assert some.passport.fingerprint != rows.passport.fingerprint
