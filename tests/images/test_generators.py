"""Generators: found networks draw in evaluation mode and come back as they were, and wrong ones are told what is
wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from ganeval import evaluate, image_set
from ganeval.errors import WrongInputError
from ganeval.images.generated import evaluating, modules_of
from ganeval.measure.generators import perturbed

GLOBAL: dict[str, Drawing] = {}
WAYS = (
    "bound method",
    "lambda",
    "partial",
    "object",
    "slots",
    "class attribute",
    "default argument",
    "global in a comprehension",
    "list in a dictionary",
)


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
    class Holder:
        def __init__(self) -> None:
            self.model = model

        def __call__(self, n: int, labels: object, rng: torch.Generator) -> object:
            return self.model.sample(n, None, rng)

    class Slotted:
        __slots__ = ("model",)

        def __init__(self) -> None:
            self.model = model

        def __call__(self, n: int, labels: object, rng: torch.Generator) -> object:
            return self.model.sample(n, None, rng)

    class Shared:
        network = model

        def __call__(self, n: int, labels: object, rng: torch.Generator) -> object:
            return type(self).network.sample(n, None, rng)

    def default(n: int, labels: object, rng: torch.Generator, net: Drawing = model) -> object:
        return net.sample(n, None, rng)

    def inner(n: int, labels: object, rng: torch.Generator) -> object:
        return torch.cat([GLOBAL["model"].sample(size, None, rng) for size in (n - n // 2, n // 2)])

    GLOBAL["model"] = model
    return {
        "slots": Slotted(),
        "class attribute": Shared(),
        "default argument": default,
        "global in a comprehension": inner,
        "list in a dictionary": partial(
            lambda held, n, labels, rng: held["g"][0].sample(n, labels, rng), {"g": [model]}
        ),
        "bound method": model.sample,
        "lambda": lambda n, _labels, rng: model.sample(n, None, rng),
        "partial": partial(lambda m, n, labels, rng: m.sample(n, labels, rng), model),
        "object": Holder(),
    }


@pytest.mark.parametrize("way", WAYS)
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


@pytest.mark.parametrize("network", [nn.Sequential(nn.Linear(4, 64)), nn.Linear(4, 64)])
def test_a_bare_network_is_answered_with_the_line_that_wraps_it(network: nn.Module) -> None:
    with pytest.raises(WrongInputError, match=r"cannot be .*Wrap it: lambda n, labels, rng: to_uint8\(net\("):
        image_set(network, n=10)


def test_the_training_mode_is_mentioned_once_for_a_network(caplog: pytest.LogCaptureFixture) -> None:
    model = Drawing().train()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            image_set(model.sample, n=20)
    assert caplog.text.count("evaluation mode") == 1


def test_a_network_that_does_more_in_evaluation_mode_may_do_it() -> None:
    class Averaged(Drawing):
        """Draws with averaged weights, and goes back to its own when it trains on."""

        swapped = 0

        def train(self, mode: bool = True) -> Averaged:  # noqa: FBT001, FBT002 - torch's signature
            self.swapped = 0 if mode else 1
            return super().train(mode)

        def sample(self, n: int, labels: torch.Tensor | None, rng: torch.Generator) -> torch.Tensor:
            assert self.swapped
            return super().sample(n, labels, rng)

    model = Averaged().train()
    image_set(model.sample, n=20)
    assert not model.swapped


def test_an_error_while_drawing_gives_the_mode_back() -> None:
    model = Drawing().train()

    def broken(n: int, labels: object, rng: torch.Generator) -> object:
        raise KeyError(model.training)

    with pytest.raises(
        WrongInputError, match=r"failed when it was called with n=20, labels=None, rng=a Generator: KeyError"
    ):
        image_set(broken, n=20)
    assert model.training


class Walked(Drawing):
    latent_dim = 4

    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        return (self.net(z) * 255).to(torch.uint8).view(len(z), 1, 8, 8)

    def __call__(self, n: int, labels: torch.Tensor | None, rng: torch.Generator) -> torch.Tensor:
        return self.sample(n, labels, rng)

    forward = Drawing.sample


def test_questions_to_the_generator_leave_it_as_it_was() -> None:
    torch.manual_seed(0)
    model = Walked().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = evaluate(
        "digits:test",
        model,
        classifier="digits",
        metrics=["label_swap", "path_length"],
        n=60,
        floor=False,
        exhibits=True,
        cache=False,
        options={"label_swap": {"n": 40}, "path_length": {"n": 40}},
    )
    assert found["label_swap"].ok
    assert found["path_length"].ok
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.training


def test_a_generator_that_ignores_its_seed_cannot_be_asked_to_change_the_label_alone() -> None:
    own = np.random.default_rng(0)

    def careless(n: int, labels: object, rng: object) -> np.ndarray:
        return own.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)

    found = evaluate(
        "digits:test", careless, classifier="digits", metrics=["label_swap"], n=40, floor=False, cache=False
    )
    assert "draws from the torch.Generator it is given" in found["label_swap"].status


@pytest.mark.parametrize("way", WAYS)
def test_perturbed_weights_are_those_of_the_call_alone(way: str) -> None:
    torch.manual_seed(0)
    model = Drawing()
    generator = _ways(model)[way]
    before = image_set(generator, n=40).array()
    broken = perturbed(generator, scale=0.5, seed=0)
    assert broken is not None
    once, again = (image_set(broken, n=40).array() for _ in range(2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, before)
    assert np.array_equal(image_set(generator, n=40).array(), before)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda n: None, "must be"),
        (lambda n: "images", "must"),
        (lambda n: {"images": np.zeros((n, 8, 8), np.uint8)}, "must"),
        (lambda n: np.zeros((n - 1, 8, 8), np.uint8), "it returned"),
        (lambda n: np.full((n, 1, 8, 8), 0.5, np.float32), "uint8"),
        (lambda n: torch.zeros(n, 64, requires_grad=True), "must"),
        (lambda n: np.arange(n * 64, dtype=np.uint8).reshape(n, 8, 8)[:, : 8 - (n < 500)], "one shape"),
        (lambda n: (np.zeros((n, 8, 8), np.uint8), np.zeros(n - 1)), "label"),
    ],
)
def test_what_a_generator_must_not_return_is_said(returned: Callable[[int], object], message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        image_set(lambda n, labels, rng: returned(n), n=501)


@pytest.mark.parametrize(
    ("decode", "dim", "message"),
    [
        (lambda z: z, 4, "The generator's decode failed when it was called with z="),
        (lambda z, labels: z, 4, "uint8"),
        (lambda z, labels: z, "4", "latent_dim must be a whole number"),
        (lambda z, labels: z, 0, "latent_dim must be a whole number"),
    ],
)
def test_what_is_wrong_with_decode_costs_one_metric(decode: Callable[..., object], dim: object, message: str) -> None:
    odd: Any = type("Odd", (), {"latent_dim": dim, "decode": staticmethod(decode)})()
    found = evaluate(
        "digits:test",
        image_set("digits:test"),
        classifier="digits",
        generator=odd,
        metrics=["fid", "path_length"],
        floor=False,
    )
    assert found["fid"].ok
    assert message in found["path_length"].status


@pytest.mark.parametrize("odd", [3, "generator", np.zeros(3)])
def test_what_can_neither_be_called_nor_decode_is_no_generator(odd: object) -> None:
    with pytest.raises(WrongInputError, match="generator= must be callable"):
        evaluate(
            "digits:test", image_set("digits:test"), classifier="digits", generator=cast("Any", odd), metrics=["fid"]
        )
