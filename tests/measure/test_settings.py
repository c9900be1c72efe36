"""A loop may set torch as it likes: the numbers stay, the generator draws as it is set, and the setting comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from ganeval import Compute, Protocol, measure
from ganeval.classifiers.train_own import train_classifier
from ganeval.core.extractor import Embedded
from ganeval.extractors.pixels import Pixels
from ganeval.features.extraction import extract
from ganeval.features.streaming import stream
from ganeval.images import image_set
from ganeval.numerics.settings import Settings

FAKE = image_set("digits:train", n=200).array()
ALONE = Compute(cache=False)


@contextmanager
def kept(change: Callable[[Any], object], value: Any, before: Any) -> Iterator[None]:
    change(value)
    try:
        yield
    finally:
        change(before)


LOOPS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "half of autocast": lambda: torch.autocast("cpu", torch.float16),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "double": lambda: kept(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: kept(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "coarse products": lambda: kept(torch.set_float32_matmul_precision, "medium", "highest"),
    "another device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("network", [{"classifier": "digits"}, {"extractor": "wavelet"}])
def test_no_setting_of_a_training_loop_moves_a_number_or_an_error(loop: str, network: dict[str, Any]) -> None:
    metrics = ("fid", "kid", "recall", "mmd_rbf")
    protocol = Protocol(real="digits:test", metrics=metrics, **network)
    plain = measure(FAKE, protocol, ALONE)
    with LOOPS[loop]():
        before = Settings.now()
        found = measure(FAKE, protocol, ALONE)
        assert Settings.now() == before
    for name in metrics:
        assert (found[name].value, found[name].se) == (plain[name].value, plain[name].se), name
        assert found[name].floor == plain[name].floor


@dataclass(frozen=True)
class Watching(Pixels):
    """Pixels, and a note of how torch was set when they were asked for."""

    seen: tuple[list[Settings], ...] = ([],)

    def __call__(self, images: torch.Tensor) -> Embedded:
        self.seen[0].append(Settings.now())
        return super().__call__(images)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_network_sees_torch_as_it_is_and_the_generator_as_its_owner_set_it(loop: str) -> None:
    drawn: list[Settings] = []

    def generator(n: int, labels: object, rng: torch.Generator) -> np.ndarray:
        drawn.append(Settings.now())
        return FAKE[:n]

    network = Watching(seen=([],))
    with LOOPS[loop]():
        mine = Settings.now()
        measure(generator, Protocol(real="digits:test", extractor=network, metrics=("fid",), n=60, floor=False), ALONE)
        for look in (extract, stream):
            look(image_set(FAKE), network, compute=ALONE)
    still = [(s.autocast, s.dtype, s.device, s.products, s.inference) for s in network.seen[0]]
    own = Settings()
    assert set(still) == {(own.autocast, own.dtype, own.device, own.products, own.inference)}
    assert drawn
    for one in drawn:
        assert (one.autocast, one.dtype, one.device, one.products) == (
            mine.autocast,
            mine.dtype,
            mine.device,
            mine.products,
        )
        assert not one.gradients


@pytest.mark.parametrize("loop", ["no gradients", "inference", "autocast"])
def test_a_judge_is_trained_where_the_caller_wants_no_gradients(loop: str) -> None:
    images, labels = FAKE[:60], np.arange(60) % 3
    plain = train_classifier(images, labels, 3, steps=2)
    with LOOPS[loop]():
        found = train_classifier(images, labels, 3, steps=2)
    assert found.weights_sha256 == plain.weights_sha256
