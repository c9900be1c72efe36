"""Are pairs pairs? Real image i beside fake image i, in batches, and an exact test that they belong together.

Two folders that are read in two orders give pairs that are none, and numbers that look like a bad generator's. The test
asks whether the pairs are closer than the same images shuffled: under "no pairs" every order is as likely as every
other (a permutation test, exact), so pairs that are none pass with one chance in a thousand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair

AT_ONCE = 1024  # images
LOOKED_AT = 1024  # pairs that the test looks at
SHUFFLES = 999
ENOUGH = 8  # pairs: fewer have too few orders for a chance of one in a thousand
NEARER = 4.0  # squared distance to the partner over that to another image that is then taken for the true partner
STRAYED = 0.05  # share of such pairs above which some were exchanged

Batch = tuple[torch.Tensor, torch.Tensor]  # uint8 (m, c, h, w) each: real, fake


def pixel_batches(pair: Pair, size: int = AT_ONCE) -> Iterator[Batch]:
    """Real and fake images row by row, `size` at once."""
    real, fake = pair.require_real().images, pair.fake.images
    assert real is not None
    assert fake is not None
    for start in range(0, len(fake), size):
        stop = min(start + size, len(fake))
        a, b = (torch.tensor(images.load(start, stop)) for images in (real, fake))
        yield a, b


def of_each_pair(pair: Pair, measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> NDArray[np.float64]:
    """`measure(real, fake)`, (m,) for each batch, of all pairs: (n,)."""
    return np.concatenate([measure(a, b).double().cpu().numpy() for a, b in pixel_batches(pair)])


def require_matched(pair: Pair) -> None:
    """Raise `UndefinedError` where the pairs are no closer than shuffled ones, some were exchanged, or their labels
    differ.
    """
    why = pair.once("matched", lambda: why_unmatched(_squared(pair))) or _why_labels_differ(pair)
    if why:
        raise UndefinedError(why)


def _why_labels_differ(pair: Pair) -> str:
    """A generator is asked for labels of its own, and may pay no heed to them; labels of files belong to the images."""
    real, fake = pair.require_real().labels, pair.fake.labels
    if real is None or fake is None or pair.generator is not None:
        return ""
    apart = torch.nonzero(real.cpu() != fake.cpu()).flatten().tolist()
    if not apart:
        return ""
    row = apart[0]
    return (
        f"The labels of {len(apart)} of {len(real)} pairs differ (first: pair {row}, real {int(real[row])}, generated "
        f"{int(fake[row])}), so they are no pairs, or one side's labels lie in another order. Bring both sets into one "
        "order, or leave the labels out."
    )


def why_unmatched(squared: NDArray[np.float64]) -> str:
    """The sentence about a matrix of squared distances between real (rows) and fake (columns); "" where all is well.

    >>> apart = np.arange(12.0)[:, None]
    >>> why_unmatched((apart - apart.T) ** 2)
    ''
    >>> why_unmatched((apart - apart.T[:, ::-1]) ** 2)[:32]
    'The pairs are no closer than shu'
    """
    n, own = len(squared), float(np.trace(squared))
    if own == 0 or n < 2:
        return ""
    if _as_close_shuffled(squared, own):
        typical = (float(squared.sum()) - own) / (n * (n - 1))
        return (
            f"The pairs are no closer than shuffled ones (root mean square distance {math.sqrt(own / n):.3g}, shuffled "
            f"{math.sqrt(typical):.3g}), so they are no pairs, or the generator ignores its input. Bring both sets "
            "into one order (equal file names), or measure without paired."
        )
    rows = _strayed(squared)
    if len(rows) > STRAYED * n:
        row, other = rows[0]
        return (
            f"{len(rows)} of {n} generated images are much closer to the real image of another pair (first: generated "
            f"image {other}, real image {row}), so some pairs were exchanged. Bring both sets into one order, or look "
            "at how the generator is batched."
        )
    return ""


def _as_close_shuffled(squared: NDArray[np.float64], own: float) -> bool:
    n = len(squared)
    if n < ENOUGH:
        return own >= float(squared.sum()) / n
    rng, rows = np.random.default_rng(0), np.arange(n)
    return any(float(squared[rows, rng.permutation(n)].sum()) <= own for _ in range(SHUFFLES))


def _strayed(squared: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(real row, fake row) that are each other's nearest, and much nearer than their partners."""
    if len(squared) < ENOUGH:
        return []
    nearest, back, own = squared.argmin(1), squared.argmin(0), np.diagonal(squared)
    return [
        (i, int(j))
        for i, j in enumerate(nearest)
        if j != i and back[j] == i and NEARER * squared[i, j] < min(own[i], own[j])
    ]


def _squared(pair: Pair) -> NDArray[np.float64]:
    """Squared distances of at most `LOOKED_AT` pairs, evenly spaced: of pixels where there are any,
    else of embeddings.
    """
    real, fake = pair.require_real(), pair.fake
    rows = np.unique(np.linspace(0, len(fake) - 1, min(len(fake), LOOKED_AT)).astype(np.int64))
    if real.images is not None and fake.images is not None:
        a, b = (torch.from_numpy(f.images.take(rows).array()).flatten(1).double() for f in (real, fake) if f.images)
    else:
        a, b = (f.embeddings[torch.from_numpy(rows).to(f.embeddings.device)].double().cpu() for f in (real, fake))
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square().numpy()
