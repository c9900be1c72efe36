"""One pass of a network over a set of images: each is decoded once, hashed while it is there, and embedded.

Processes that measure together share the pass: each decodes, or draws, and embeds its own part of the images.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded, Extractor
from ganeval.core.machine import quiet
from ganeval.errors import GanevalError
from ganeval.features.columns import Columns
from ganeval.features.embedding import EVERYTHING, columns, embed, only
from ganeval.features.feed import Batch, feed
from ganeval.features.ranks import Ranks
from ganeval.features.shared import merged_moments, merged_verdicts
from ganeval.images.imageset import ImageSet
from ganeval.images.leaves import LEAF, Root, leaves, root
from ganeval.numerics.logits import Verdicts
from ganeval.numerics.moments import Moments, Running

_log = logging.getLogger(__name__)


def see(
    images: ImageSet,
    network: Extractor,
    device: torch.device,
    batch: int,
    ranks: Ranks,
    compute: Compute,
    asked: frozenset[str] = EVERYTHING,
    *,
    stay: bool = False,
) -> tuple[Embedded, frozenset[str]]:
    """The rows of all images, on every rank: the columns that are asked for,
    and the names of all that the network gives.

    stay: of rows that are `too_many` each rank has its own only.
    The content of the images is known afterwards (`images.seen`).
    """
    share = Share(images, batch, ranks)
    found = Columns(share.stop - share.start, compute.cache_gib * 2**30)
    offered: set[str] = set()

    def keep(part: Embedded) -> None:
        offered.update(columns(part))
        found.add(only(part, asked))

    _look_at(share, network, device, ranks, compute, keep)
    rows = found.rows
    if not (stay and too_many(len(images), rows["embeddings"].shape[1], ranks, compute)):
        rows = {name: ranks.gather(column) for name, column in rows.items()}
    return Embedded(**rows), frozenset(offered)


def too_many(n: int, dim: int, ranks: Ranks, compute: Compute) -> bool:
    """Whether n rows are more than every rank should have: more than the cache would keep."""
    return ranks.size > 1 and 4 * n * dim > compute.cache_gib * 2**30


def see_moments(
    images: ImageSet, network: Extractor, device: torch.device, batch: int, ranks: Ranks, compute: Compute
) -> tuple[dict[str, Moments], Verdicts | None]:
    """The moments of the embeddings and, where there are any, of the spatial features, and sums of the verdicts, of all
    images, on every rank.

    No row is kept: memory is that of a few batches and of d^2 numbers, however many images there are.
    """
    sums: dict[str, Running] = {}
    judged: list[Verdicts] = []
    mine = Share(images, batch, ranks)

    def add(part: Embedded) -> None:
        for name, column in columns(part).items():
            rows = column[: mine.stop - mine.start]  # none of them, of an image that only shows their shape
            if name == "logits":
                judged[:] = [*judged, Verdicts.of(rows)] if not judged else [judged[0].merge(Verdicts.of(rows))]
                continue
            if name not in sums:
                sums[name] = Running(rows.shape[1], rows.device)
            sums[name].add(rows)

    _look_at(mine, network, device, ranks, compute, add)
    found = {name: sums[name].finish() for name in sorted(sums)}
    moments = {name: merged_moments(one, ranks) for name, one in found.items()}
    return moments, merged_verdicts(judged[0], ranks) if judged else None


def _look_at(
    share: Share,
    network: Extractor,
    device: torch.device,
    ranks: Ranks,
    compute: Compute,
    keep: Callable[[Embedded], None],
) -> None:
    """Show this rank's share to the network and `keep` what it makes of it; then all ranks know the content."""
    images = share.images
    quietly = replace(compute, progress=compute.progress and ranks.rank == 0)
    marks = Root(len(images), images.shape) if ranks.size == 1 else Marks(share.stop - share.start)
    ranks.together(lambda: _embed_all(share, network, device, quietly, keep, marks.add))
    if not images.in_memory:
        images.seen.root = marks.text() if isinstance(marks, Root) else _root_of_all(marks, images, ranks)
    if images.encoded is not None:
        read = torch.tensor(images.encoded.bytes_seen[share.start : share.stop])
        images.encoded.bytes_seen[:] = ranks.gather(read).numpy()


def _root_of_all(mine: Marks, images: ImageSet, ranks: Ranks) -> str:
    return root(ranks.gather(torch.from_numpy(mine.rows)).numpy(), images.shape)


class Marks:
    """The leaves of n images, in one array from the start: small ones between large ones would pin these."""

    def __init__(self, n: int) -> None:
        self.rows = np.empty((n, LEAF), dtype=np.uint8)
        self._filled = 0

    def add(self, leaves: NDArray[np.uint8]) -> None:
        self.rows[self._filled : self._filled + len(leaves)] = leaves
        self._filled += len(leaves)


def see_share(
    images: ImageSet, network: Extractor, device: torch.device, batch: int, share: Ranks, compute: Compute
) -> tuple[Embedded, NDArray[np.uint8], slice]:
    """What one of several processes would see, without a word to the others: rows, leaves,
    and which images they are of.

    A share without images has the rows of none, in the right shape.
    """
    mine = Share(images, batch, share)
    found = Columns(mine.stop - mine.start, compute.cache_gib * 2**30)
    marks = Marks(mine.stop - mine.start)
    _embed_all(mine, network, device, compute, found.add, marks.add)
    return Embedded(**found.rows), marks.rows, slice(mine.start, mine.stop)


class Share:
    """The images start..stop that one rank looks at, and the batches that it does so in.

    Every rank takes whole units: batches, or whole blocks of images that are made together. So the network sees the
    very batches that one process would show it, and nothing is made twice.
    """

    def __init__(self, images: ImageSet, batch: int, ranks: Ranks) -> None:
        n, self.images, self.batch = len(images), images, batch
        self.unit = images.block * max(1, batch // images.block) if images.block > 1 else batch
        self.start, self.stop = (min(unit * self.unit, n) for unit in ranks.span(-(-n // self.unit)))

    def spans(self) -> Iterator[tuple[int, int]]:
        for unit in range(self.start, self.stop, self.unit):
            end = min(unit + self.unit, self.stop)
            for start in range(unit, end, self.batch):
                yield start, min(start + self.batch, end)

    def batches(self, workers: int | None) -> Iterator[Batch]:
        """What this rank looks at; one without images looks at one, to learn the shape of a row."""
        if self.start < self.stop:
            yield from feed(self.images, list(self.spans()), workers)
        else:
            pixels = self.images.load(0, 1) if self.images.trial is None else self.images.trial()[:1]
            yield Batch(pixels, leaves(pixels)[:0])


def _embed_all(
    share: Share,
    network: Extractor,
    device: torch.device,
    compute: Compute,
    keep: Callable[[Embedded], None],
    note: Callable[[NDArray[np.uint8]], None],
) -> None:
    """`keep` the rows of a share, in the order of its images, and `note` their leaves."""
    most = share.batch
    silent = not compute.progress or quiet()
    title = f"{share.images.source} x {network.name}"
    with tqdm(total=share.stop - share.start, desc=title, disable=silent, leave=False) as bar:
        for batch in share.batches(compute.workers):
            found, most = _embed_within(batch.pixels, network, device, most)
            for part in found:
                keep(part)
            note(batch.leaves)
            bar.update(len(batch.leaves))


def _embed_within(
    pixels: NDArray[np.uint8], network: Extractor, device: torch.device, most: int
) -> tuple[list[Embedded], int]:
    """The rows of a batch, in calls of at most `most` images, and how many fit: fewer where memory ran out."""
    parts: list[Embedded] = []
    start = 0
    while start < len(pixels):
        try:
            parts.append(embed(pixels[start : start + most], network, device))
        except RuntimeError as error:
            most = _halved(min(most, len(pixels)), error)
            continue
        start += most
    return parts, most


def _halved(batch: int, error: RuntimeError) -> int:
    """Half the batch when `error` says that memory ran out; every other error is not ours to handle."""
    if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
        raise error
    if batch == 1:
        raise GanevalError(
            "One image at a time must fit into memory; it did not. Use another device or smaller images."
        ) from error
    _log.warning("Out of memory with %d images a batch; going on with %d.", batch, batch // 2)
    return batch // 2
