"""Styles: the ways in which a class is written, found by k-means, so that a rare one is asked for and cannot be lost.

Within each class k-means cuts the images, seen by their main components, into `k` parts: Persian sixes written like a
Latin 7 become one of their own. A generator that is told the part (Liu et al. 2020, arXiv:2006.10728, cluster by the
discriminator's features) is judged in each part alone, so that leaving one out no longer pays; asked for a class, it
draws parts as often as the training images have them.
"""

from __future__ import annotations

from typing import Self

import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import nn

from reference_models.plumbing.data import Data, to_float
from reference_models.plumbing.seeds import derive

COMPONENTS = 20  # main components of a class that k-means sees


class Styles(nn.Module):
    """The centres and shares of the parts of every class: known from the data, kept with the network, never learnt.

    Without images, as in a session that only restores, it is empty until a checkpoint fills it.
    """

    centres: torch.Tensor  # (classes, k, pixels), of images in [-1, 1]
    shares: torch.Tensor  # (classes, k), each row sums to one

    def __init__(self, data: Data, k: int) -> None:
        super().__init__()
        classes, pixels = len(data.class_names), data.images[:0].flatten(1).shape[1]
        self.register_buffer("centres", torch.zeros(classes, k, pixels))
        self.register_buffer("shares", torch.full((classes, k), 1 / k))
        for label in range(classes):
            own = to_float(data.images[data.labels == label]).flatten(1).cpu()
            if len(own) > k:
                self.centres[label], self.shares[label] = _clustered(own, k, derive(data.seed, "styles", label))

    @classmethod
    def found(cls, data: Data, k: int) -> Self | None:
        """The styles of the classes, or nothing where each is left whole."""
        return cls(data, k) if k > 1 else None

    @property
    def parts(self) -> int:
        return self.shares.numel()

    def of(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The part (n,), in 0 to `parts` - 1, of images (n, c, h, w) in [-1, 1]: that of the nearest centre."""
        away = (images.float().flatten(1)[:, None] - self.centres[labels]).square().sum(dim=2)
        return labels * self.shares.shape[1] + away.argmin(dim=1)

    def drawn(self, place: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The part (n,) of each label that standard normal numbers (n,) choose, each as often as its share says."""
        below = self.shares[labels].cumsum(dim=1)[:, :-1]
        chosen = (torch.special.ndtr(place)[:, None] >= below).sum(dim=1)
        return labels * self.shares.shape[1] + chosen


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


def _clustered(rows: torch.Tensor, k: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres (k, pixels) and shares (k,) of rows (n, pixels), the largest part first.

    A centre lies in the plane of the main components, so that the nearest one is the same seen in pixels.
    """
    mean = rows.mean(dim=0)
    count = min(COMPONENTS, rows.shape[1])
    axes = torch.linalg.eigh((rows - mean).double().T.cov()).eigenvectors[:, -count:].float()
    found = KMeans(k, n_init="auto", random_state=seed % 2**32).fit(((rows - mean) @ axes).numpy())
    sizes = torch.bincount(torch.from_numpy(found.labels_).long(), minlength=k)
    order = sizes.argsort(descending=True, stable=True)
    centres = torch.from_numpy(found.cluster_centers_).float() @ axes.T + mean
    return centres[order], (sizes[order] / len(rows)).float()
