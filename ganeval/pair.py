"""The shared quantities of (real, fake): computed lazily, once, on the device the features live on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from ganeval.errors import UndefinedError
from ganeval.features import Features
from ganeval.numerics.gaussian import Gaussian


class Pair:
    """Real and fake features of one passport, an optional held-out real set, an optional generator.

    `real` may be absent for questions about the fake set alone. Nothing is computed before it is asked for.
    """

    def __init__(
        self,
        real: Features | None,
        fake: Features,
        *,
        heldout: Features | None = None,
        generator: Callable[..., Any] | None = None,
        seed: int = 0,
    ) -> None:
        for other in (real, heldout):
            if other is not None:
                other.passport.require_comparable(fake.passport)
        self.real = real
        self.fake = fake
        self.heldout = heldout
        self.generator = generator
        self.seed = seed

    def missing(self, needs: Iterable[str]) -> list[str]:
        """Those of `needs` that this pair cannot give."""
        have = {
            "real": self.real, "heldout": self.heldout, "generator": self.generator,
            "logits": self.fake.logits, "labels": self.fake.labels, "pixels": self.fake.images,
            "confusion": self.fake.confusion, "spatial": self.fake.spatial,
            "real_spatial": self.real and self.real.spatial,
            "real_logits": self.real and self.real.logits, "real_labels": self.real and self.real.labels,
        }  # fmt: skip
        return sorted(need for need in needs if have[need] is None)

    def require_real(self) -> Features:
        """The real features, or `UndefinedError` where this pair was made of a fake set alone."""
        if self.real is None:
            raise UndefinedError("This question needs real images to compare with. Pass real images.")
        return self.real

    @cached_property
    def real_gaussian(self) -> Gaussian:
        """Mean and covariance factor of the real embeddings: 8 d min(n, d) bytes."""
        return Gaussian.of(self.require_real().embeddings)

    @cached_property
    def fake_gaussian(self) -> Gaussian:
        """Mean and covariance factor of the fake embeddings: 8 d min(n, d) bytes."""
        return Gaussian.of(self.fake.embeddings)

    @property
    def signature(self) -> tuple[str, ...]:
        passport = self.fake.passport
        n_real = 0 if self.real is None else len(self.real)
        weights = f"@{passport.weights_sha256[:8]}" if passport.weights_sha256 else ""
        return (f"x:{passport.extractor}{weights}", f"n:{n_real}/{len(self.fake)}", f"dtype:{passport.precision}")
