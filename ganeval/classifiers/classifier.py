"""`Classifier`: an extractor with class names and calibrated logits; what every zoo member is."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganeval.classifiers.card import Card
from ganeval.core.extractor import Embedded
from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError, WrongInputError
from ganeval.images.imageset import ImageSet
from ganeval.images.tensors import as_numpy

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}  # of the arithmetic
EIGENVALUE_FLOOR = 1e-6  # below this share of the largest, a direction of the embedding counts as dead


Images = torch.Tensor | NDArray[np.uint8] | ImageSet  # uint8 (n, c, h, w)


@dataclass(frozen=True, eq=False)
class Classifier:
    """uint8 (n, c, h, w) -> embeddings (n, d) and calibrated logits (n, k); satisfies
    `ganeval.core.extractor.Extractor`.

    `module` takes what `preprocess` returns and gives (embeddings, logits). `confusion` was measured on real test
    images; metrics that correct for the classifier's own errors need it.
    """

    name: str
    class_names: tuple[str, ...]
    preprocessing: str
    weights_sha256: str
    module: nn.Module = field(repr=False)
    preprocess: Callable[[torch.Tensor], torch.Tensor] = field(repr=False)
    confusion: NDArray[np.int64] | None = field(default=None, repr=False)
    card: Card | None = field(default=None, repr=False)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"

    def to(self, device: torch.device | str, precision: str = "fp32") -> Self:
        """A copy on `device`; `precision` is that of the arithmetic (autocast): fp32, bf16 or fp16."""
        if precision not in PRECISIONS:
            raise UnknownNameError(unknown_name("precision", precision, PRECISIONS))
        module = copy.deepcopy(self.module).eval().to(device)
        return replace(self, module=module, device=torch.device(device), precision=precision)

    def __call__(self, images: torch.Tensor) -> Embedded:
        lower = torch.autocast(self.device.type, PRECISIONS[self.precision], enabled=self.precision != "fp32")
        with torch.inference_mode(), lower:
            embeddings, logits = self.module(self.preprocess(images.to(self.device)))
        if not self.class_names:
            return Embedded(embeddings.float())
        shape = None if logits is None else tuple(logits.shape)
        if shape is None or len(shape) != 2 or shape[1] != len(self.class_names):
            raise WrongInputError(
                f"{self.name} has {len(self.class_names)} class names; its network gave logits of shape {shape}. "
                "Name every class, in the order of the logits; or name none, for a network that only embeds."
            )
        assert logits is not None
        return Embedded(embeddings.float(), logits.float())

    def logits(self, images: Images, batch: int = 500) -> torch.Tensor:
        """Calibrated logits (n, k), float32 on the CPU, of uint8 (n, c, h, w) images, `batch` at a time."""
        return run(self, images, batch)[1]

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        """The shape (c, h, w) in which images of `shape` reach the network, after its own preprocessing."""
        return tuple(self.preprocess(torch.zeros(1, *shape, dtype=torch.uint8, device=self.device)).shape[1:])


def run(classifier: Classifier, images: Images, batch: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (n, d) and logits (n, k) of all images, float32 on the CPU; k = 0 for a network without a head."""
    images = pixels_of(images, classifier.name)
    if not len(images):
        raise WrongInputError(f"{classifier.name} needs at least one image; got none.")
    parts = [classifier(rows) for rows in images.split(batch)]
    logits = [part.logits.cpu() for part in parts if part.logits is not None]
    embeddings = torch.cat([part.embeddings.cpu() for part in parts])
    return embeddings, torch.cat(logits) if logits else torch.empty(len(images), 0)


def pixels_of(images: Images, name: str) -> torch.Tensor:
    """uint8 (n, c, h, w), whatever they come in; raises for anything else, since a preprocessing takes all it is
    given.
    """
    array = images.array() if isinstance(images, ImageSet) else as_numpy(images, f"The images for {name}")
    if array.dtype != np.uint8 or array.ndim != 4:
        kind = torch.from_numpy(np.zeros(0, array.dtype)).dtype if array.dtype.kind in "biuf" else array.dtype
        raise WrongInputError(
            f"{name} looks at uint8 images (n, c, h, w) in [0, 255]; got {kind} {array.shape}. "
            "Pass (x * 255).round().to(torch.uint8), channels first."
        )
    if isinstance(images, torch.Tensor):
        return images
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))  # torch warns about read-only arrays


def require_two(labelled: object, name: str) -> None:
    if not isinstance(labelled, tuple) or len(labelled) != 2:
        raise WrongInputError(f"{name} must be a pair (images, labels); got {type(labelled).__name__}. Pass both.")


def spectrum(embeddings: torch.Tensor) -> tuple[int, float]:
    """Rank and condition number of the correlation matrix of rows (n, d).

    The rank counts eigenvalues above a millionth of the largest; the condition is largest over smallest.
    """
    rows = embeddings.double()
    values = torch.linalg.eigvalsh(torch.cov(((rows - rows.mean(0)) / rows.std(0).clamp_min(1e-300)).T))
    return int((values > EIGENVALUE_FLOOR * values[-1]).sum()), float(values[-1] / values[0].clamp_min(1e-300))


def require_live(embeddings: torch.Tensor, name: str) -> None:
    """Refuse an embedding with constant or linearly dependent units: its covariance has no honest error."""
    spread = embeddings.double().std(0)
    dead = int((spread <= EIGENVALUE_FLOOR * spread.max()).sum())
    rank = spectrum(embeddings)[0] if not dead else embeddings.shape[1] - dead
    if rank < embeddings.shape[1]:
        raise WrongInputError(
            f"The embedding of {name} has {embeddings.shape[1]} units but rank {rank} on its training images"
            f" ({dead} units never change). Take it before the last activation, or make it smaller."
        )


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of all parameters and buffers, in the order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        flat = value.detach().cpu().contiguous().flatten().view(torch.uint8) if value.numel() else value
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(flat.numpy().tobytes())
    return digest.hexdigest()
