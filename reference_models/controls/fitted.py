"""Controls with a textbook density of each class in pixel space: its mean, a Gaussian, a kernel estimate."""

from __future__ import annotations

import math

import torch

from reference_models.controls.control import Control, by_class
from reference_models.controls.copying import noisy
from reference_models.plumbing.data import Data, to_float
from reference_models.plumbing.sampling import Sampler

EXPLAINED = 0.95  # share of a class's variance that the kept principal components explain
WIDTHS = torch.logspace(-1.5, 0.0, 16).tolist()  # kernel widths tried, where images lie in [-1, 1]
JUDGED = 200  # held-out images of each class that choose the width


def class_mean(data: Data) -> Sampler:
    """The mean training image of each class."""
    means = torch.stack([to_float(part).mean(0) for part in _parts(data)])
    return Sampler(lambda _z, labels: means[labels], (1,), len(means), torch.device("cpu"), export=data.export)


def pca_gaussian(data: Data, explained: float = EXPLAINED) -> Sampler:
    """A Gaussian of each class on the principal components that explain `explained` of its variance."""
    fits = [_principal(to_float(part).flatten(1), explained) for part in _parts(data, least=2)]
    width = max(len(scaled) for _, scaled in fits)

    def draw(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        rows = [fits[c][0] + z[i, : len(fits[c][1])] @ fits[c][1] for i, c in enumerate(labels.tolist())]
        return torch.stack(rows).view(-1, *data.native)

    return Sampler(draw, (width,), len(fits), torch.device("cpu"), export=data.export)


def kde(data: Data) -> Sampler:
    """A Gaussian kernel on every training image; of each data set one width, the likeliest for held-out images."""
    parts = _parts(data)
    held = by_class(data.held_images.cpu(), data.held_labels.cpu(), data)
    squared = [
        torch.cdist(to_float(b[:JUDGED]).flatten(1).double(), to_float(a).flatten(1).double()).square()
        for a, b in zip(parts, held, strict=True)
    ]
    size = math.prod(data.native)
    likelihood = [sum(float(log_density(s, width, size).sum()) for s in squared) for width in WIDTHS]
    return noisy(data, parts, WIDTHS[likelihood.index(max(likelihood))])


def log_density(squared: torch.Tensor, width: float, size: int) -> torch.Tensor:
    """Log density (m,) under equal Gaussian kernels, of squared distances (m, n) in `size` dimensions.

    >>> round(float(log_density(torch.zeros(1, 1), 1.0, 1)), 4)
    -0.9189
    """
    mixture = torch.logsumexp(-squared / (2 * width**2), dim=1) - math.log(squared.shape[1])
    return mixture - size * math.log(width * math.sqrt(2 * math.pi))


def _parts(data: Data, least: int = 1) -> list[torch.Tensor]:
    return by_class(data.images.cpu(), data.labels.cpu(), data, least)


def _principal(rows: torch.Tensor, explained: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean (d,) and the kept components, each as long as its standard deviation, (k, d)."""
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((rows - mean).T))
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    kept = int((values.cumsum(0) < explained * values.sum()).sum()) + 1
    return mean, (vectors[:, :kept] * values[:kept].sqrt()).T


CLASS_MEAN = Control("class_mean", "the mean image of each class", class_mean)
PCA_GAUSSIAN = Control("pca_gaussian", "a Gaussian of each class in pixel space", pca_gaussian)
KDE = Control("kde", "a kernel density of each class in pixel space", kde)
