"""What is cached or shared is what its name says: wrapped networks, copied entries, ranks, features that are given."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganeval import fid, image_set
from ganeval.classifiers import wrap
from ganeval.core.extractor import Embedded
from ganeval.core.folders import cache_root
from ganeval.errors import GanevalError, WrongInputError
from ganeval.features.cache import read_tensors, write_tensors
from ganeval.features.extraction import Features, choose_device, extract
from ganeval.images.generated import evaluating, modules_of
from ganeval.measure.functions import evaluate


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


VARIANTS: dict[str, Callable[[], dict[str, object]]] = {
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
    assert torch.equal(extract(images, other).embeddings, extract(images, other, cache=False).embeddings)


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
        "dtype": rows.double(), "width": rows[:, :5], "first row": rows.flip(0), "rows": rows[:20], "column": rows,
    }[change]  # fmt: skip
    kept = {"embeddings": changed} if change == "column" else {**stored, "embeddings": changed}
    write_tensors(entry.parent, entry.stem, kept)
    assert torch.equal(extract(images, judge).embeddings, right)


class Named:
    """An extractor that returns what it is told to."""

    name, weights_sha256, preprocessing, class_names, confusion = "named", "", "none", (), None

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
        nn.Sequential(*network(), nn.Softmax(1)), name="soft", preprocess=sixteenth, preprocessing="x/16",
        class_names="0123456789", layer="1",
    )  # fmt: skip
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


class Drawing(nn.Module):
    """A generator whose BatchNorm moves in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 64), nn.BatchNorm1d(64), nn.Sigmoid())
        self.frozen = nn.Dropout()
        self.frozen.eval()

    def sample(self, n: int, labels: torch.Tensor | None, rng: torch.Generator) -> torch.Tensor:
        return (self.net(torch.randn(n, 4, generator=rng)) * 255).to(torch.uint8).view(n, 1, 8, 8)


def _ways(model: Drawing) -> dict[str, Callable[..., object]]:
    from functools import partial

    class Holder:
        def __init__(self) -> None:
            self.model = model

        def __call__(self, n: int, labels: object, rng: torch.Generator) -> object:
            return self.model.sample(n, None, rng)

    return {
        "bound method": model.sample,
        "lambda": lambda n, _labels, rng: model.sample(n, None, rng),
        "partial": partial(lambda m, n, labels, rng: m.sample(n, labels, rng), model),
        "object": Holder(),
    }


@pytest.mark.parametrize("way", ["bound method", "lambda", "partial", "object"])
def test_drawing_neither_moves_a_model_nor_its_mode(way: str) -> None:
    torch.manual_seed(0)
    model = Drawing().train()
    model.frozen.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    generator = _ways(model)[way]
    assert model in modules_of(generator)
    first, second = (image_set(generator, n=60).array() for _ in range(2))
    assert np.array_equal(first, second)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training
    assert not model.frozen.training
    with evaluating(generator):
        assert not model.net.training


@pytest.mark.parametrize("wrong", [lambda n: n, lambda: 0, lambda n, labels: n, nn.Linear(2, 2)])
def test_a_generator_of_another_signature_is_refused_before_it_is_called(wrong: Callable[..., object]) -> None:
    with pytest.raises(WrongInputError, match=r"A generator is called as generator\(n, labels, rng\)"):
        image_set(wrong, n=3)


RANK = """
import sys, numpy as np
from ganeval import GanevalError, evaluate, image_set
from ganeval.features.ranks import current, leave
ranks, kind = current(), sys.argv[1]
data = image_set("digits:train")
mine = {"other": slice(60 * ranks.rank, 60 * ranks.rank + 60), "fewer": slice(0, 60 - ranks.rank)}.get(kind, slice(0, 60))
own = np.random.default_rng(ranks.rank + 1)
draw = lambda n, labels, rng: own.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)
fake = draw if kind == "generator" else data.array()[mine]
names = ["fid", "kid"] if kind != "metrics" or ranks.rank == 0 else ["fid"]
labels = data.labels[mine] if kind != "labels" else np.full(60, ranks.rank)
how = {} if kind == "generator" else {"labels": labels}
try:
    evaluate("digits:test", fake, classifier="digits", metrics=names, ranks=ranks, floor=False, n=60 if kind == "generator" else None, **how)
    print("no error")
except GanevalError as error:
    print(type(error).__name__, error)
leave(0)
"""


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("other", "images"),
        ("fewer", "their number"),
        ("labels", "images"),
        ("generator", "images"),
        ("metrics", "metrics"),
    ],
)
def test_ranks_that_bring_other_things_are_told_so_and_nothing_is_stored(kind: str, named: str, tmp_path: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, kind], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "RANK": str(rank),
                              "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1", "GANEVAL_TIMEOUT": "60"},
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [rank.communicate(timeout=120)[0] for rank in ranks]
    assert all(text.startswith("IncomparableError") and named in text for text in said), json.dumps(said)


def test_one_rank_alone_measures_as_ever() -> None:
    x = image_set("digits:train").array()[:60]
    assert evaluate("digits:test", x, classifier="digits", metrics=["kid"], floor=False)["kid"].ok
