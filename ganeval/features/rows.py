"""`Features`: one set of images as one network saw them, rows with the passport of where they came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.typed import typed
from ganeval.errors import WrongInputError, guarded
from ganeval.features.cache import read_file, write_file
from ganeval.features.held import Held
from ganeval.features.own import Own
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.rows import checked_rows
from ganeval.images.tensors import as_tensor
from ganeval.numerics.logits import require_logits
from ganeval.records.scores import Passport

SCHEMA = "ganeval.features/1"
ROWS = ("embeddings", "logits", "labels", "spatial")  # in the order of the fields


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
    confusion: NDArray[np.int64] | None = None  # of the classifier, on its real test split
    images: ImageSet | None = field(default=None, repr=False)
    withheld: frozenset[str] = frozenset()  # columns that the network gives and nobody asked for
    held: Held | None = field(default=None, repr=False)  # where no rank has all rows: embeddings have no numbers then
    own: Own = field(default_factory=Own.of_none, repr=False)  # what was worked out of the embeddings alone
    also: tuple[Features, ...] = field(default=(), repr=False)  # the same images as other networks saw them
    brought: str | None = field(default=None, repr=False)  # SHA-256 of the labels the rows came with, "" without any

    def __post_init__(self) -> None:
        if self.own.rows is not self.embeddings:
            own = Own(self.embeddings, self.held)  # a copy has it from those it was made of, if at all
            object.__setattr__(self, "own", own)
        if self.embeddings.ndim != 2 or not self.embeddings.is_floating_point():
            raise WrongInputError(
                f"Embeddings must be floating point (n, d); got {self.embeddings.dtype} "
                f"{tuple(self.embeddings.shape)}. Flatten each sample to one row."
            )
        for name in ("embeddings", "logits", "spatial"):
            _require_finite(name, getattr(self, name))
        for name in ("logits", "labels", "spatial"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != len(self):
                raise WrongInputError(f"{name} must have one row per image: {len(self)}; got {len(rows)}.")
        if self.logits is not None:
            require_logits(self.logits)
        if self.labels is not None:
            checked_labels(self.labels, len(self), self.passport.source)
        if self.brought is None:  # a copy with other labels remembers the first ones: they tell one set from another
            object.__setattr__(self, "brought", "" if self.labels is None else _digest(self.labels))

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the classes that the labels number; () where nobody named them."""
        return () if self.images is None else self.images.class_names

    def with_labels(self, labels: NDArray[np.int64] | None, names: tuple[str, ...] = (), why: str = "") -> Features:
        """The same rows with other labels, of classes with these names, or without labels and with the reason."""
        rows = None if labels is None else torch.as_tensor(labels, device=self.embeddings.device)
        images = self.images and replace(self.images, labels=labels, class_names=names, unlabelled=why)
        return replace(self, labels=rows, images=images)

    @property
    def rows_sha256(self) -> str:
        """SHA-256 of the embeddings: what tells bare rows apart."""
        return self.own.once("sha256", lambda: _digest(self.embeddings))

    def require_unchanged(self) -> None:
        """Bare rows that were written into are measured afresh; what a network made of images has to stay that."""
        if self.own.forget_if_changed() and self.passport.extractor != "given":
            raise WrongInputError(
                f"The rows that {self.passport.extractor} made of {self.passport.source} have been changed since. "
                "Write into a copy, and measure it with Features.given."
            )

    @property
    def content(self) -> str:
        """SHA-256 of what is in the set: the fingerprint of its images and labels, or where there are no images that of
        its rows and of the labels that these came with.
        """
        if self.passport.fingerprint or not self.brought:
            return self.passport.fingerprint or self.rows_sha256
        return hashlib.sha256(f"{self.rows_sha256} {self.brought}".encode()).hexdigest()

    def drawn_by(self, how: str) -> Features:
        """The same rows, with a note of what chose them among others; "" changes nothing."""
        return replace(self, passport=replace(self.passport, drawn=how)) if how else self

    def take(self, rows: NDArray[np.int64]) -> Features:
        """The features at `rows` (integers, any order), images and labels with them; pixels are read when asked for.

        >>> Features.given(np.arange(6.0).reshape(3, 2)).take(np.array([2, 0])).embeddings.tolist()
        [[4.0, 5.0], [0.0, 1.0]]
        """
        rows = checked_rows(rows, len(self))
        index = torch.as_tensor(rows, device=self.embeddings.device)
        mark = hashlib.sha256(self.passport.fingerprint.encode() + np.asarray(rows, dtype="<i8").tobytes()).hexdigest()
        passport = replace(self.passport, n=len(rows), fingerprint=mark if self.passport.fingerprint else "")
        return replace(
            self,
            embeddings=self.embeddings[index],
            passport=passport,
            logits=None if self.logits is None else self.logits[index],
            labels=None if self.labels is None else self.labels[index],
            spatial=None if self.spatial is None else self.spatial[index],
            images=self.images and self.images.rows(rows),
            also=(),
            brought=None,
        )

    @classmethod
    @guarded
    def given(cls, embeddings: Any, *, labels: Any = None, logits: Any = None, source: str = "array") -> Features:
        """Features from bare arrays (numpy or torch), computed elsewhere.

        >>> Features.given(np.zeros((3, 2))).passport.extractor
        'given'
        """
        rows = as_tensor(embeddings, source)
        if rows.ndim == 0:
            raise WrongInputError(f"Features must be (n, d), one row for each image; got {tuple(rows.shape)}.")
        passport = Passport(
            source=source,
            fingerprint="",
            n=len(rows),
            dim=rows.shape[-1],
            extractor="given",
            weights_sha256="",
            preprocessing="",
        )
        return cls(
            embeddings=rows,
            passport=passport,
            logits=None if logits is None else as_tensor(logits, f"Logits of {source}"),
            labels=None if labels is None else torch.from_numpy(checked_labels(labels, len(rows), source)),
        )

    @guarded
    def save(self, path: str | Path) -> Path:
        """Write rows and passport as one safetensors file, whole or not at all; images are not kept.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Features.given(np.eye(3), labels=[0, 1, 2]).save(f"{folder}/three.safetensors")
        ...     Features.load(file).labels.tolist()
        [0, 1, 2]
        """
        passport = json.dumps(asdict(self.passport), sort_keys=True)
        return write_file(path, self.tensors(), {"passport": passport, "schema": SCHEMA})

    def tensors(self) -> dict[str, torch.Tensor]:
        """What is stored of these features, by name; images are not."""
        found = {name: getattr(self, name) for name in ROWS if getattr(self, name) is not None}
        if self.confusion is not None:
            found["confusion"] = torch.from_numpy(np.ascontiguousarray(self.confusion))
        return found

    @classmethod
    @guarded
    def load(cls, path: str | Path) -> Features:
        """What `save` wrote; a damaged or foreign file raises `WrongInputError`."""
        tensors, metadata = read_file(path)
        if metadata.get("schema") != SCHEMA:
            raise WrongInputError(f"{path} must hold features with schema {SCHEMA!r}; got {metadata.get('schema')!r}.")
        return cls.of_tensors(tensors, passport_from(metadata, path), path)

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, torch.Tensor], passport: Passport, path: str | Path) -> Features:
        """The features that `tensors()` gave, as they were read from `path`."""
        if "embeddings" not in tensors or not set(tensors) <= {*ROWS, "confusion"}:
            raise WrongInputError(f"{path} must hold features with schema {SCHEMA!r}; it holds {sorted(tensors)}.")
        if passport.n != len(tensors["embeddings"]) or passport.dim != tensors["embeddings"].shape[-1]:
            raise WrongInputError(
                f"{path} says {passport.n} rows of {passport.dim}; it holds others. Extract them again."
            )
        confusion = tensors.get("confusion")
        return cls(
            tensors["embeddings"],
            passport,
            *(tensors.get(name) for name in ROWS[1:]),
            confusion=None if confusion is None else confusion.numpy(),
        )


def _require_finite(name: str, rows: torch.Tensor | None) -> None:
    """A finite sum proves every entry finite, ten times faster than looking at each."""
    if rows is None or rows.is_meta or bool(rows.sum().isfinite()) or bool(torch.isfinite(rows).all()):
        return
    bad = int((~torch.isfinite(rows).all(dim=1)).nonzero()[0])
    raise WrongInputError(f"{name} must be finite; row {bad} holds NaN or infinity. Find out why before measuring.")


def passport_from(metadata: Mapping[str, str], path: str | Path) -> Passport:
    """The passport in the metadata of a file of ours."""
    try:
        return typed(Passport, json.loads(metadata.get("passport", "")), "passport")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WrongInputError(f"{path} does not say where its features come from. Extract them again.") from error


def _digest(rows: torch.Tensor) -> str:
    rows = rows.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{rows.dtype} {tuple(rows.shape)}".encode())
    digest.update(rows.view(torch.uint8).numpy().data)
    return digest.hexdigest()
