"""Images x extractor -> `Features`: rows with the passport of where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet
from ganeval.scores import Passport


@dataclass(frozen=True, eq=False)
class Features:
    """Rows of one set of images; nothing here changes after it was made.

    embeddings (n, d) floating, logits (n, k) or None, labels (n,) int64 or None (the class that was asked for),
    spatial (n, s) or None, images: the set they came from, for metrics that look at pixels.
    """

    embeddings: torch.Tensor
    passport: Passport
    logits: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    spatial: torch.Tensor | None = None
    confusion: NDArray[np.int64] | None = None  # of the judge, on its real test split
    images: ImageSet | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or not self.embeddings.is_floating_point():
            raise WrongInputError(
                f"Embeddings must be floating point (n, d); got {self.embeddings.dtype} {tuple(self.embeddings.shape)}. "
                "Flatten each sample to one row."
            )
        for name in ("embeddings", "logits", "spatial"):
            rows = getattr(self, name)
            if rows is not None and not bool(torch.isfinite(rows).all()):
                bad = int((~torch.isfinite(rows).all(dim=1)).nonzero()[0])
                raise WrongInputError(
                    f"{name} must be finite; row {bad} holds NaN or infinity. Find out why before measuring."
                )
        for name in ("logits", "labels", "spatial"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != len(self):
                raise WrongInputError(f"{name} must have one row per image: {len(self)}; got {len(rows)}.")

    def __len__(self) -> int:
        return len(self.embeddings)

    @classmethod
    def given(cls, embeddings: Any, *, labels: Any = None, logits: Any = None, source: str = "array") -> Features:
        """Features from bare arrays (numpy or torch), computed elsewhere.

        >>> Features.given(np.zeros((3, 2))).passport.extractor
        'given'
        """
        rows = torch.as_tensor(embeddings)
        passport = Passport(
            source=source, fingerprint="", n=len(rows), dim=rows.shape[-1] if rows.ndim else 0,
            extractor="given", weights_sha256="", preprocessing="",
        )  # fmt: skip
        return cls(
            embeddings=rows, passport=passport,
            logits=None if logits is None else torch.as_tensor(logits),
            labels=None if labels is None else torch.as_tensor(labels, dtype=torch.int64),
        )  # fmt: skip
