"""Styles: the ways in which a class is written, found by clustering, so that a rare one is asked for and is not lost.

Within each class k-means cuts the images, seen by their main components, into `k` parts. Most cuts go through the midst
of a cloud; a part that lies `apart` from the rest of its class, with a valley of few images between, is a style:
Persian sixes written like a Latin 7, fours like the letter ayn. What is left of the class is its first style. A
generator that is told the style (Liu et al. 2020, arXiv:2006.10728, cluster by the discriminator's features) is judged
in each alone, so that leaving one out no longer pays; asked for a class, it draws styles as often as the training
images have them.

Cutting alone would do, too, but each condition more is learnt from fewer images: a hundred of them cost more fidelity
than they bring in variety (docs/results/tried.md).
"""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import nn

from ganeval.generators.network import drawn_style
from reference_models.plumbing.data import Data, to_float
from reference_models.plumbing.seeds import derive

COMPONENTS = 20  # main components of a class that k-means sees
POINTS, BANDWIDTH = 81, 0.08  # of the density between two means, which are 1 apart
RESTARTS = 4  # of k-means; the best is kept


class Styles(nn.Module):
    """The styles of every class, at most `k`: known from the data, kept with the network, never learnt.

    Without images, as in a session that only restores, it is empty until a checkpoint fills it.
    """

    centres: torch.Tensor  # (classes, k, pixels), of parts, in images in [-1, 1]
    style_of: torch.Tensor  # (classes, k), of parts, in 0 to k - 1
    shares: torch.Tensor  # (classes, k), of styles; each row sums to one, styles that a class lacks have 0

    def __init__(self, data: Data, k: int, apart: float = 1.0) -> None:
        super().__init__()
        classes, pixels = len(data.class_names), data.images[:0].flatten(1).shape[1]
        self.register_buffer("centres", torch.zeros(classes, k, pixels))
        self.register_buffer("style_of", torch.arange(k).repeat(classes, 1))
        self.register_buffer("shares", torch.full((classes, k), 1 / k))
        for label in range(classes):
            own = to_float(data.images[data.labels == label]).flatten(1).cpu()
            if len(own) > k:
                found = _found(own, k, apart, derive(data.seed, "styles", label))
                self.centres[label], self.style_of[label], self.shares[label] = found

    @classmethod
    def found(cls, data: Data, k: int, apart: float = 1.0) -> Self | None:
        """The styles of the classes, or nothing where each is left whole."""
        return cls(data, k, apart) if k > 1 else None

    def of(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The style (n,), label * k + its number, of images (n, c, h, w) in [-1, 1]: that of the nearest centre."""
        away = (images.float().flatten(1)[:, None] - self.centres[labels]).square().sum(dim=2)
        return labels * self.shares.shape[1] + self.style_of[labels, away.argmin(dim=1)]

    def drawn(self, place: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The style (n,) of each label that standard normal numbers (n,) choose, each as often as its share says."""
        return drawn_style(self.shares, place, labels)


class StyleEmbedding(nn.Embedding):
    """Vectors of the parts (n,) of `classes` classes, `k` of each: the row of the class plus a row of the part.

    The rows of parts begin at zero: every style begins as its class, and only has to learn what is its own. A table of
    parts alone would show each row a k-th of the images, and learn a hundred conditions as if they were strangers.
    """

    def __init__(self, classes: int, k: int, width: int) -> None:
        super().__init__(classes * k, width)
        nn.init.zeros_(self.weight)
        self.whole = nn.Parameter(torch.empty(classes, width))
        self.k = k

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch names it so
        return super().forward(input) + F.embedding(input // self.k, self.whole)


def embedding(classes: int, k: int, width: int, std: float) -> nn.Embedding:
    """Vectors (n, width) of what is asked for, classes or parts of them; rows of classes begin with spread `std`."""
    table = StyleEmbedding(classes, k, width) if k > 1 else nn.Embedding(classes, width)
    begins = table.whole if isinstance(table, StyleEmbedding) else table.weight
    nn.init.normal_(begins, std=std) if std else nn.init.zeros_(begins)
    return table


def _found(rows: torch.Tensor, k: int, apart: float, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centres of the parts (k, pixels) of rows (n, pixels), their styles (k,) and the shares of styles (k,).

    The largest style comes first. A centre lies in the plane of the main components, so that the nearest one is the
    same seen in pixels.
    """
    mean = rows.mean(dim=0)
    count = min(COMPONENTS, rows.shape[1])
    axes = torch.linalg.eigh((rows - mean).double().T.cov()).eigenvectors[:, -count:].float()
    seen = ((rows - mean) @ axes).numpy()
    means = KMeans(k, n_init=RESTARTS, random_state=seed % 2**32)  # pyright: ignore[reportArgumentType]
    found = means.fit(seen)
    alone = [apart >= 1 or valley(seen, found.labels_ == part) < apart for part in range(k)]
    group = torch.tensor([part if alone[part] else k for part in range(k)])  # k is the rest of the class
    sizes = torch.bincount(group[torch.from_numpy(found.labels_).long()], minlength=k + 1)
    order = sizes.argsort(descending=True, stable=True)
    centres = torch.from_numpy(found.cluster_centers_).float() @ axes.T + mean
    return centres, order.argsort()[group], (sizes[order] / len(rows)).float()[:k]


def valley(rows: NDArray[np.floating], part: NDArray[np.bool_]) -> float:
    """How thinly the space between a `part` of rows (n, d) and the others is settled: 0 empty, 1 no gap at all.

    All are seen along Fisher's direction, in which the two differ most beside their own widths; between their means the
    density is divided by the lower one of the peaks on its two sides. A cut through one cloud leaves no gap: there the
    smaller side is densest at the cut itself.
    """
    if not 1 < part.sum() < len(part) - 1:
        return 1.0
    low, high = rows[~part].mean(axis=0), rows[part].mean(axis=0)
    within = sum(np.cov(rows[side].T, bias=True) * side.mean() for side in (part, ~part))
    steady = np.atleast_2d(within) + 1e-3 * np.trace(np.atleast_2d(within)) / rows.shape[1] * np.eye(rows.shape[1])
    direction = np.linalg.solve(steady, high - low)
    places = (rows - low) @ direction / ((high - low) @ direction)  # the others lie about 0, the part about 1
    grid = np.linspace(-0.5, 1.5, POINTS)
    density = np.exp(-0.5 * ((grid[:, None] - places) / BANDWIDTH) ** 2).sum(axis=1)
    left, right = np.maximum.accumulate(density), np.maximum.accumulate(density[::-1])[::-1]
    between = (grid >= 0) & (grid <= 1)
    return float((density / np.minimum(left, right))[between].min())
