"""Label swap and path length on generators whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganeval.errors import UndefinedError, UnknownNameError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.probes import generator
from ganeval.metrics.probes.generator import label_swap, path_length, slerp


def embed(images: np.ndarray, labels: np.ndarray | None = None) -> Features:
    """A judge of 4-pixel images: the brightest pixel is the class."""
    rows = torch.as_tensor(images).flatten(1).double()
    return Features.given(rows, logits=rows, labels=labels)


def pair_of(generator: object) -> Pair:
    fake = embed(9 * np.eye(4))
    return Pair(None, fake, generator=generator, embed=embed)  # type: ignore[arg-type]


def obedient(n: int, labels: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return torch.eye(4)[labels] * 200 + torch.rand(n, 4, generator=g)


def blind(n: int, labels: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    return torch.eye(4)[torch.randint(4, (n,), generator=g)] * 200


def test_a_generator_that_obeys_follows_every_swapped_label() -> None:
    score = label_swap(pair_of(obedient), n=200)
    assert float(score) == 1.0
    assert score.details["changes"] == 1.0


def test_a_label_blind_generator_fails() -> None:
    score = label_swap(pair_of(blind), n=400)
    assert score == 0.0
    assert score.details["changes"] == 0.0
    assert score.details["first"] == pytest.approx(0.25, abs=0.1)


def test_label_swap_says_what_it_lacks() -> None:
    with pytest.raises(UndefinedError, match="embed"):
        label_swap(Pair(None, embed(9 * np.eye(4)), generator=obedient))


class Linear:
    """G(z) = z: on a great circle of radius r the squared speed of a path of angle a is (r a)^2."""

    latent_dim = 4

    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        return z


def test_the_path_length_of_the_identity_is_the_squared_arc() -> None:
    score = path_length(pair_of(Linear()), n=4000, step=0.01)
    g = torch.Generator().manual_seed(0)
    z0, z1 = torch.randn(4000, 4, generator=g), torch.randn(4000, 4, generator=g)
    r0, r1 = z0.norm(dim=1), z1.norm(dim=1)
    angle = ((z0 * z1).sum(1) / (r0 * r1)).acos()
    # mean over t of the squared speed of a path of angle a whose radius runs linearly from r0 to r1
    expected = ((r1 - r0).square() + angle.square() * (r0.square() + r0 * r1 + r1.square()) / 3).mean()
    assert float(score) == pytest.approx(float(expected), rel=0.03)


def test_a_constant_generator_has_path_length_zero() -> None:
    class Constant(Linear):
        def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
            return torch.zeros(len(z), 4)

    assert float(path_length(pair_of(Constant()), n=10)) == 0.0


class Bright:
    """A generator of grey 16 x 16 images: the latent's first number is their brightness."""

    latent_dim = 4

    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        grey = (127 + 40 * z[:, 0]).clamp(0, 255).to(torch.uint8)
        return grey[:, None, None, None].expand(-1, 1, 16, 16).contiguous()


class Brightness:
    """Stands in for LPIPS: the squared difference of mean brightness. Counts the pairs it saw at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def to(self, device: torch.device) -> Brightness:
        return self

    def __call__(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(a))
        return (a.float() - b.float()).mean(dim=(1, 2, 3)).square()


def test_the_path_length_can_be_measured_by_a_perceptual_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    eye = Brightness()
    monkeypatch.setattr(generator, "load_lpips", lambda: eye)
    pair = pair_of(Bright())
    seen = path_length(pair, n=100, distance="lpips")
    assert eye.sizes == [64, 36]
    by_rows = path_length(Pair(None, pair.fake, generator=pair.generator, embed=lambda x, _: embed(x / 16.0)), n=100)
    assert float(seen) == pytest.approx(float(by_rows), rel=1e-6)  # 256 pixels, each a sixteenth: the mean's square
    assert "distance:lpips" in seen.signature
    assert "distance" not in by_rows.signature


def test_an_unknown_distance_of_the_path_length_is_named() -> None:
    with pytest.raises(UnknownNameError, match="lpips"):
        path_length(pair_of(Linear()), n=10, distance="lpip")


def test_slerp_keeps_to_the_sphere() -> None:
    z = torch.nn.functional.normalize(torch.randn(50, 8, generator=torch.Generator().manual_seed(0)))
    w = torch.nn.functional.normalize(torch.randn(50, 8, generator=torch.Generator().manual_seed(1)))
    middle = slerp(z, w, torch.full((50, 1), 0.3))
    assert torch.allclose(middle.norm(dim=1), torch.ones(50), atol=1e-5)
    assert torch.allclose((z * middle).sum(1).acos(), 0.3 * (z * w).sum(1).acos(), atol=1e-3)


def test_a_callable_without_latents_cannot_be_walked() -> None:
    with pytest.raises(UndefinedError, match=r"latent_dim and decode"):
        path_length(pair_of(obedient))


def test_the_standard_error_of_label_swap_is_binomial() -> None:
    def half(n: int, labels: torch.Tensor, g: torch.Generator) -> torch.Tensor:
        obeys = torch.rand(n, 1, generator=g) < 0.5
        return torch.where(obeys, torch.eye(4)[labels], torch.eye(4)[(labels * 0)]) * 200

    score = label_swap(pair_of(half), n=400)
    assert score.se == pytest.approx(math.sqrt(float(score) * (1 - float(score)) / 400))
