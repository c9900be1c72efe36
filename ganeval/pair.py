"""The shared quantities of (real, fake): computed lazily, once, on the device the features live on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features import Features
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.neighbours import Neighbours, neighbours
from ganeval.numerics.strata import are_balanced

NEIGHBOURS = 5  # the largest default k of any metric
SPARE = 1  # neighbours beyond k: shows whether there are ties at the k-th

T = TypeVar("T")


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
        embed: Callable[..., Features] | None = None,
        seed: int = 0,
    ) -> None:
        for other in (real, heldout):
            if other is not None:
                other.passport.require_comparable(fake.passport)
        self.real = real
        self.fake = fake
        self.heldout = heldout
        self.generator = generator
        self.embed = embed  # (images, labels or None) -> Features of new images, by the network behind this pair
        self.seed = seed
        self._shared: dict[Hashable, Any] = {}
        self._neighbours: Neighbours | None = None

    def missing(self, needs: Iterable[str]) -> list[str]:
        """Those of `needs` that this pair cannot give."""
        have = {
            "real": self.real, "heldout": self.heldout, "generator": self.generator, "embed": self.embed,
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

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()` the first time a key is asked for, its result ever after: what metrics of one family share."""
        if key not in self._shared:
            self._shared[key] = compute()
        return self._shared[key]

    @cached_property
    def real_gaussian(self) -> Gaussian:
        """Mean and covariance factor of the real embeddings: 8 d min(n, d) bytes."""
        return Gaussian.of(self.require_real().embeddings)

    @cached_property
    def fake_gaussian(self) -> Gaussian:
        """Mean and covariance factor of the fake embeddings: 8 d min(n, d) bytes."""
        return Gaussian.of(self.fake.embeddings)

    @cached_property
    def strata(self) -> NDArray[np.int64] | None:
        """The class each fake was asked for, where all were in equal numbers: what happens between them is no chance."""
        labels = None if self.fake.labels is None else self.fake.labels.cpu().numpy()
        return labels if labels is not None and are_balanced(labels) else None

    def neighbours(self, k: int) -> Neighbours:
        """The sweep over (real, fake), exact for every number of neighbours up to k; done once, again for a larger k."""
        real = self.require_real().embeddings
        _require_neighbours(k, len(real), len(self.fake))
        if self._neighbours is None or self._neighbours.k < k + SPARE:
            if bool((real == real[0]).all()):
                raise UndefinedError(
                    "Neighbour metrics need real features that differ; all real rows are equal. Check the extractor."
                )
            k = max(k, NEIGHBOURS)
            self._neighbours = neighbours(
                real, self.fake.embeddings, k + SPARE, further=_further(k), strata=self.strata
            )
        return self._neighbours

    @property
    def signature(self) -> tuple[str, ...]:
        passport = self.fake.passport
        n_real = 0 if self.real is None else len(self.real)
        weights = f"@{passport.weights_sha256[:8]}" if passport.weights_sha256 else ""
        return (f"x:{passport.extractor}{weights}", f"n:{n_real}/{len(self.fake)}", f"dtype:{passport.precision}")


def _further(k: int) -> int:
    """Nearest fakes to know beyond k, so that k are left of nearly every list when the jackknife leaves out a third."""
    return 5 + k // 2


def _require_neighbours(k: int, n: int, m: int) -> None:
    if k < 1:
        raise UndefinedError(f"The number of neighbours must be at least 1; got k = {k}.")
    if min(n, m) <= k:
        raise TooFewSamplesError(
            f"{k} nearest neighbours need more than {k} rows in each set; got {n} real and {m} fake. "
            "Pass more images or a smaller k."
        )
