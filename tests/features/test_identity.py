"""What is cached or shared is what its name says: wrapped networks, copied entries, ranks, features that are given."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganeval import fid, image_set
from ganeval.classifiers import Classifier, wrap
from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded
from ganeval.core.folders import cache_root
from ganeval.errors import GanevalError, IncomparableError, WrongInputError
from ganeval.extractors.inception import Inception
from ganeval.features.cache import read_tensors, write_tensors
from ganeval.features.extraction import choose_device, extract, load_extractor
from ganeval.features.rows import Features


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def network(activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), activation(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 10))


def sixteenth(images: torch.Tensor) -> torch.Tensor:
    return images / 16


def eighth(images: torch.Tensor) -> torch.Tensor:
    return images / 8


VARIANTS: dict[str, Callable[[], dict[str, Any]]] = {
    "another layer": lambda: {"module": network(), "layer": "3"},
    "the last layer": lambda: {"module": network(), "layer": "5"},
    "another activation": lambda: {"module": network(nn.Tanh), "layer": "2"},
    "another preprocess under the same line": lambda: {"module": network(), "layer": "1", "preprocess": eighth},
}


def wrapped(module: nn.Module, layer: str, preprocess: Callable[[torch.Tensor], torch.Tensor] = sixteenth):
    return wrap(module, name="mine", preprocess=preprocess, preprocessing="x/16", class_names="0123456789", layer=layer)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_network_that_differs_in_anything_gets_its_own_features(variant: str) -> None:
    images = image_set("digits:test").take(np.arange(40))
    extract(images, wrapped(network(), "2" if "activation" in variant else "1"))
    other = wrapped(**VARIANTS[variant]())
    assert torch.equal(
        extract(images, other).embeddings, extract(images, other, compute=Compute(cache=False)).embeddings
    )


def test_a_network_that_was_trained_on_gets_new_features() -> None:
    images, judge = image_set("digits:test").take(np.arange(40)), wrapped(network(), "1")
    before = extract(images, judge).embeddings
    with torch.no_grad():
        for parameter in judge.module.parameters():
            parameter.mul_(2)
    assert not torch.equal(extract(images, judge).embeddings, before)


def test_an_entry_copied_over_another_is_not_served() -> None:
    first, second = (image_set("digits:test").take(np.arange(a, a + 40)) for a in (0, 40))
    one, two = (extract(images, "pixels").embeddings for images in (first, second))
    folder = cache_root() / "features"
    entries = sorted(folder.glob("*.safetensors"))
    if len(entries) == 2:  # networks that cost nothing may be kept in no cache
        shutil.copyfile(entries[0], entries[1])
    assert torch.equal(extract(first, "pixels").embeddings, one)
    assert torch.equal(extract(second, "pixels").embeddings, two)


@pytest.mark.parametrize("change", ["dtype", "width", "first row", "rows", "column"])
def test_an_entry_of_another_kind_is_computed_again(change: str) -> None:
    images, judge = image_set("digits:test").take(np.arange(40)), wrapped(network(), "1")
    right = extract(images, judge).embeddings
    (entry,) = (cache_root() / "features").glob("*.safetensors")
    stored = read_tensors(entry.parent, entry.stem)
    assert stored is not None
    rows = stored["embeddings"]
    changed = {
        "dtype": rows.double(),
        "width": rows[:, :5],
        "first row": rows.flip(0),
        "rows": rows[:20],
        "column": rows,
    }[change]
    kept = {"embeddings": changed} if change == "column" else {**stored, "embeddings": changed}
    write_tensors(entry.parent, entry.stem, kept)
    assert torch.equal(extract(images, judge).embeddings, right)


class Named:
    """An extractor that returns what it is told to."""

    name, weights_sha256, preprocessing, class_names, confusion = "named", "ab" * 32, "none", (), None

    def __init__(self, gives: Callable[[int], object]) -> None:
        self.gives = gives

    def to(self, device: torch.device, precision: str = "fp32") -> Named:
        return self

    def __call__(self, images: torch.Tensor) -> object:
        return self.gives(len(images))


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (lambda n: torch.zeros(n, 3), "must return ganeval.core.extractor.Embedded"),
        (lambda n: Embedded(torch.zeros(n + 1, 3)), "must return floating-point embeddings"),
        (lambda n: Embedded(torch.zeros(n)), "must return floating-point embeddings"),
        (lambda n: Embedded(torch.zeros(n, 0)), "must return floating-point embeddings"),
        (lambda n: (torch.zeros(n, 3), None), "it returned tuple"),
        (lambda n: None, "it returned NoneType"),
        (lambda n: Embedded(torch.zeros(n, 3, dtype=torch.int64)), "must return floating-point embeddings"),
        (lambda n: Embedded(torch.zeros(n, 3), torch.full((n, 4), 0.25)), "they are probabilities"),
        (lambda n: Embedded(torch.zeros(n, 3), torch.zeros(n, 1)), "k >= 2 classes"),
    ],
)
def test_what_is_no_rows_of_a_network_is_said(gives: Callable[[int], object], message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        extract(image_set("digits:test").take(np.arange(5)), Named(gives))  # pyright: ignore[reportArgumentType]


def test_a_network_that_ends_in_a_softmax_is_refused() -> None:
    judge = wrap(
        nn.Sequential(*network(), nn.Softmax(1)),
        name="soft",
        preprocess=sixteenth,
        preprocessing="x/16",
        class_names="0123456789",
        layer="1",
    )
    with pytest.raises(WrongInputError, match="before its softmax"):
        extract(image_set("digits:test"), judge)


def test_logarithms_of_probabilities_are_logits() -> None:
    p = torch.softmax(torch.randn(9, 4, generator=torch.Generator().manual_seed(0)), 1)
    with pytest.raises(WrongInputError, match="probabilities"):
        Features.given(torch.zeros(9, 2), logits=p)
    assert len(Features.given(torch.zeros(9, 2), logits=p.log())) == 9


def test_features_of_one_network_are_not_measured_as_another_ones() -> None:
    rows = Features.given(np.random.default_rng(0).normal(size=(50, 4)))
    with pytest.raises(WrongInputError, match="were made by 'given' and bring no images"):
        fid(rows, rows, extractor="pixels")


def test_features_of_another_network_go_through_the_named_one_where_they_bring_images() -> None:
    images = image_set("digits:test").take(np.arange(40))
    rows = extract(images, "digits")
    assert fid(rows, rows, extractor="pixels", n=40) == fid(images, images, extractor="pixels", n=40)


def test_features_are_what_they_were_after_a_file(tmp_path: Path) -> None:
    rows = extract(image_set("digits:test").take(np.arange(30)), "digits")
    again = Features.load(rows.save(tmp_path / "f.safetensors"))
    assert again.passport == rows.passport
    for name in ("embeddings", "logits", "labels"):
        assert torch.equal(getattr(again, name), getattr(rows, name))
    assert np.array_equal(again.confusion, rows.confusion)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign", "fifo"])
def test_a_damaged_file_of_features_is_refused(damage: str, tmp_path: Path) -> None:
    path = Features.given(np.eye(3)).save(tmp_path / "f.safetensors")
    content = bytearray(path.read_bytes())
    if damage == "fifo":
        path.unlink()
        os.mkfifo(path)
    elif damage == "foreign":
        shutil.copyfile(Path(__file__), path)
    else:
        content[-3] ^= 1
        path.write_bytes(content if damage == "flip" else content[:-5])
    with pytest.raises(GanevalError):
        Features.load(path)


@pytest.mark.parametrize("device", ["tpu", "cuda:7", "meta", "", "cpu:x", 3.5])
def test_a_device_that_is_not_here_is_said(device: str) -> None:
    with pytest.raises(WrongInputError, match="A device must be 'auto' or one that is here"):
        choose_device(device)


def pairs(kept: object, other: object) -> tuple[torch.Tensor, torch.Tensor]:
    images = image_set("digits:test").take(np.arange(40))
    first, second = (extract(images, cast("Any", network)).embeddings for network in (kept, other))
    return first, second


def test_a_layer_that_differs_only_on_real_images_gets_its_own_features() -> None:
    """Both bright and dark noise become zeros, and so one width looks like another."""

    def near_80(width: float) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda x: torch.relu(width - (x.float().mean(dim=(1, 2, 3), keepdim=True) - 80).abs()) * x

    one, other = pairs(wrapped(network(), "1", near_80(30.0)), wrapped(network(), "1", near_80(35.0)))
    assert not torch.equal(one, other)


def test_a_network_of_the_library_whose_weights_were_changed_gets_its_own_features() -> None:
    judge = load_extractor("digits").to(torch.device("cpu"))
    images = image_set("digits:test").take(np.arange(40))
    before = extract(images, judge).embeddings
    with torch.no_grad():
        judge.module.head.bias[0] += 1e-3  # pyright: ignore[reportAttributeAccessIssue]
    after = extract(images, judge)
    assert after.logits is not None
    assert torch.equal(after.embeddings, before)
    afresh = extract(images, judge, compute=Compute(cache=False))
    assert torch.equal(after.logits, afresh.logits)  # pyright: ignore[reportArgumentType]


def test_grey_images_in_three_channels_pass_a_judge_of_grey_images_with_the_cache() -> None:
    grey = image_set("digits:test").take(np.arange(40))
    colour = image_set(np.repeat(grey.array(), 3, axis=1))
    assert torch.equal(extract(colour, "digits").embeddings, extract(grey, "digits").embeddings)


def test_features_go_through_a_network_of_their_name_that_is_another() -> None:
    images = image_set("digits:test").take(np.arange(60))
    one, other = wrapped(network(), "1"), wrapped(network(), "1", eighth)
    kept, changed = extract(images, one), images.take(np.arange(20, 60))
    assert one.name == other.name
    assert fid(kept, changed, extractor=other) == fid(images, changed, extractor=other)
    assert fid(kept, changed, extractor=one) == fid(images, changed, extractor=one)


def test_images_that_change_while_they_are_measured_are_kept_under_no_key() -> None:
    pixels = image_set("digits:test").array()[:40].copy()
    judge = wrapped(network(), "1")

    class Disturbing(Named):
        def __call__(self, images: torch.Tensor) -> object:
            pixels[0] = len(images) % 2
            return judge(images)

    with pytest.raises(WrongInputError, match="changed while it was being measured"):
        extract(image_set(pixels), Disturbing(len))  # pyright: ignore[reportArgumentType]


def test_probabilities_are_refused_before_a_temperature_hides_them() -> None:
    train = image_set("digits:train")
    assert train.labels is not None
    with pytest.raises(WrongInputError, match="before its softmax"):
        wrap(
            nn.Sequential(*network(), nn.Softmax(1)),
            name="soft",
            preprocess=sixteenth,
            preprocessing="x/16",
            class_names="0123456789",
            layer="1",
            held_out=(train.array(), train.labels),
        )


@pytest.mark.parametrize("gives", [dict, tuple, torch.Tensor])
def test_a_network_that_returns_no_logits_says_what_to_wrap(gives: type) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(*network())

        def forward(self, x: torch.Tensor) -> object:
            z = self.net(x)
            return {dict: {"logits": z}, tuple: (z, z), torch.Tensor: z.argmax(1)}[gives]

    judge = {"name": "odd", "preprocess": sixteenth, "preprocessing": "x/16", "class_names": "0123456789"}
    with pytest.raises(WrongInputError, match=r"must return its logits, a tensor \(n, k\); this one returned"):
        extract(image_set("digits:test"), wrap(Odd(), layer="net.1", **judge))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_probabilities_of_any_precision_are_refused(dtype: torch.dtype) -> None:
    p = torch.softmax(5 * torch.randn(99, 10, generator=torch.Generator().manual_seed(0)), 1)
    with pytest.raises(WrongInputError, match="probabilities"):
        Features.given(torch.zeros(99, 2), logits=p.to(dtype))


def test_a_judge_that_pools_looks_at_images_of_one_size() -> None:
    torch.manual_seed(0)
    pooled = nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6), nn.Linear(6, 10))

    def judge(preprocess: Callable[[torch.Tensor], torch.Tensor]) -> Classifier:
        return wrap(pooled, name="pools", preprocess=preprocess, preprocessing="x", class_names="0123456789", layer="3")

    rng = np.random.default_rng(0)
    small, large = (rng.integers(0, 256, (50, 1, side, side), dtype=np.uint8) for side in (28, 32))
    with pytest.raises(IncomparableError, match=r"28 x 28 with 1 channels.*32 x 32"):
        fid(small, large, extractor=judge(sixteenth))
    assert fid(small, large, extractor=judge(lambda x: nn.functional.interpolate(x / 16.0, (16, 16)))) > 0


def test_a_passport_with_a_changed_letter_is_damaged(tmp_path: Path) -> None:
    path = extract(image_set("digits:test").take(np.arange(9)), "digits").save(tmp_path / "f.safetensors")
    path.write_bytes(path.read_bytes().replace(b"digits-cnn", b"digits-cnm"))
    with pytest.raises(WrongInputError, match="damaged"):
        Features.load(path)


def test_a_file_of_weights_is_no_file_of_features(tmp_path: Path) -> None:
    save_file({"embeddings": torch.eye(3), "steps": torch.tensor(7)}, tmp_path / "weights.safetensors")
    with pytest.raises(WrongInputError, match="holds no checksum"):
        Features.load(tmp_path / "weights.safetensors")


class OfOneFile:
    """Stands for Inception: nothing but its weights can differ."""

    name, weights_sha256, preprocessing, class_names, confusion, one_will_do = "one", "cd" * 32, "none", (), None, True

    def __init__(self) -> None:
        self.factor, self.shown = 1.0, 0

    def to(self, device: torch.device, precision: str = "fp32") -> OfOneFile:
        return self

    def __call__(self, images: torch.Tensor) -> Embedded:
        self.shown += len(images)
        return Embedded(images.float().flatten(1) * self.factor)


def test_a_network_of_one_file_is_recognised_by_two_images_and_still_told_from_another() -> None:
    images, judge = image_set("digits:test").take(np.arange(40)), OfOneFile()
    rows = extract(images, judge).embeddings
    judge.shown = 0
    assert torch.equal(extract(images, judge).embeddings, rows)
    assert judge.shown == 2
    judge.factor = 1.001
    assert not torch.equal(extract(images, judge).embeddings, rows)


def test_inception_with_a_preparation_of_your_own_is_shown_all_that_tell_it_apart() -> None:
    none = torch.empty(0)
    theirs = Inception({}, none, none, "0" * 64, torch.device("cpu"))
    assert theirs.one_will_do
    assert not dataclasses.replace(theirs, prepare=eighth).one_will_do
