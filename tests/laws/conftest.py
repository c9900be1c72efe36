"""A small world in which every metric has what it needs: rows, classes, a judge with its confusion, images, a
generator.

Rows are a mixture of K classes in D dimensions. The judge measures distances to the class centres; images are an
orthogonal picture of the row, so that a row can be read back from its image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import GanevalError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics import Metric

K = 4
SIDE = 28


@dataclass(frozen=True)
class World:
    """Draws sets of features; everything is a function of seeds."""

    dim: int = 6

    @cached_property
    def centres(self) -> torch.Tensor:
        return 3 * torch.eye(K, self.dim, dtype=torch.float64)

    @cached_property
    def canvas(self) -> torch.Tensor:
        """(dim, 784) orthonormal rows."""
        raw = torch.randn(SIDE * SIDE, self.dim, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
        return torch.linalg.qr(raw).Q.T

    def rows(self, n: int, seed: int, classes: int = K) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(n) % classes
        noise = torch.randn(n, self.dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return self.centres[labels] + 0.8 * noise, labels

    def features(self, rows: torch.Tensor, labels: torch.Tensor | None) -> Features:
        """The rows in float32 precision, whatever their dtype, so that both dtypes hold the same numbers."""
        rows = rows.float().to(rows.dtype)
        far = torch.cdist(rows, self.centres.to(rows), compute_mode="donot_use_mm_for_euclid_dist").square()
        logits = -4 * far.log1p()  # a heavy-tailed judge: uncertain about what lies far from every class
        judge = np.full((K, K), 1, dtype=np.int64) + np.diag([997] * K)
        images = self.images(rows)
        whole = Features.given(rows, labels=labels, logits=logits)
        return replace(
            whole,
            spatial=torch.cat([rows, rows.square()], dim=1),
            confusion=judge,
            images=ImageSet.from_array(images, labels=None if labels is None else labels.numpy()),
        )

    def images(self, rows: torch.Tensor) -> np.ndarray:
        picture = (40 * rows.double() @ self.canvas).add_(128).round_().clamp_(0, 255)
        return picture.to(torch.uint8).numpy().reshape(-1, 1, SIDE, SIDE)

    def embed(self, images: Any, labels: Any = None) -> Features:
        flat = torch.as_tensor(np.asarray(images)).double().flatten(1)
        rows = (flat - 128) @ self.canvas.T / 40
        return self.features(rows, None if labels is None else torch.as_tensor(np.asarray(labels)))

    def pair(self, real: Features, fake: Features, *, heldout: Features | None = None, seed: int = 0) -> Pair:
        if heldout is None:
            heldout = self.features(*self.rows(len(real), 1234))
            heldout = replace(heldout, embeddings=heldout.embeddings.to(fake.embeddings.dtype))
        eyes = (Pair(squashed(real), squashed(fake), seed=seed),)
        return Pair(real, fake, heldout=heldout, generator=Sampler(self), embed=self.embed, seed=seed, eyes=eyes)


def squashed(features: Features) -> Features:
    """The same images by a second network, to which large numbers are nearly alike."""
    return replace(
        features,
        embeddings=torch.tanh(features.embeddings / 4),
        passport=replace(features.passport, extractor="squashed"),
    )


@dataclass(frozen=True)
class Sampler:
    """A generator of the world: latents are noise, labels choose the centre. Can be walked, too."""

    world: World

    @property
    def latent_dim(self) -> int:
        return self.world.dim

    def __call__(self, n: int, labels: torch.Tensor | None, g: torch.Generator) -> np.ndarray:
        return self.decode(torch.randn(n, self.latent_dim, generator=g), labels)

    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> np.ndarray:
        chosen = torch.arange(len(z)) % K if labels is None else labels
        return self.world.images(self.world.centres[chosen] + 0.8 * z.double())


Measure = Callable[..., float]


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> Callable[..., World]:
    return World


@pytest.fixture
def pair(world: World) -> Pair:
    """160 real and 120 fake rows of the same classes, the fakes a little off."""
    real, fake = world.rows(160, 0), world.rows(120, 1)
    return world.pair(world.features(*real), world.features(1.1 * fake[0] + 0.2, fake[1]))


@pytest.fixture
def value_or_skip() -> Callable[[Metric, Pair], float]:
    def measure(metric: Metric, pair: Pair) -> float:
        try:
            return float(metric(pair))
        except GanevalError as error:
            pytest.skip(f"{metric.name} refuses this input: {error}")

    return measure
