"""One pass of a network over a set of images: each is decoded once, hashed while it is there, and embedded.

Processes that measure together share the pass: each decodes, or draws, and embeds its own part of the images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded, Extractor
from ganeval.core.machine import quiet
from ganeval.errors import GanevalError
from ganeval.features.embedding import columns, embed
from ganeval.features.feed import Batch, feed
from ganeval.features.ranks import Ranks
from ganeval.images.imageset import ImageSet
from ganeval.images.leaves import leaves, root

_log = logging.getLogger(__name__)


def see(
    images: ImageSet, network: Extractor, device: torch.device, batch: int, ranks: Ranks, compute: Compute
) -> Embedded:
    """The rows of all images, on every rank. The content of the images is known afterwards (`images.seen`)."""
    mine = Share(images, batch, ranks)
    rows, marks = ranks.together(
        lambda: _embed_all(mine, network, device, replace(compute, progress=compute.progress and ranks.rank == 0))
    )
    if not images.in_memory:
        images.seen.root = root(ranks.gather(torch.tensor(marks)).numpy(), images.shape)
    if images.encoded is not None:
        read = torch.tensor(images.encoded.bytes_seen[mine.start : mine.stop])
        images.encoded.bytes_seen[:] = ranks.gather(read).numpy()
    return Embedded(**{name: ranks.gather(column[: mine.stop - mine.start]) for name, column in columns(rows).items()})


def see_share(
    images: ImageSet, network: Extractor, device: torch.device, batch: int, share: Ranks, compute: Compute
) -> tuple[Embedded, NDArray[np.uint8], slice]:
    """What one of several processes would see, without a word to the others: rows, leaves, and which images they are of.

    A share without images has the rows of none, in the right shape.
    """
    mine = Share(images, batch, share)
    rows, marks = _embed_all(mine, network, device, compute)
    n = mine.stop - mine.start
    none_left = {name: column[:n] for name, column in columns(rows).items()}
    return Embedded(**none_left), marks[:n], slice(mine.start, mine.stop)


class Share:
    """The images start..stop that one rank looks at, and the batches that it does so in.

    Every rank takes whole units: batches, or whole blocks of images that are made together. So the network sees the very
    batches that one process would show it, and nothing is made twice.
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
    share: Share, network: Extractor, device: torch.device, compute: Compute
) -> tuple[Embedded, NDArray[np.uint8]]:
    """Rows and leaves of a share, in the order of its images."""
    rows: list[Embedded] = []
    marks: list[NDArray[np.uint8]] = []
    most = share.batch
    silent = not compute.progress or quiet()
    title = f"{share.images.source} x {network.name}"
    with tqdm(total=share.stop - share.start, desc=title, disable=silent, leave=False) as bar:
        for batch in share.batches(compute.workers):
            found, most = _embed_within(batch.pixels, network, device, most)
            rows += found
            marks.append(batch.leaves)
            bar.update(len(batch.leaves))
    return _joined(rows), np.concatenate(marks)


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


def _joined(parts: list[Embedded]) -> Embedded:
    found = [columns(part) for part in parts]
    return Embedded(**{name: torch.cat([part[name].float() for part in found]) for name in found[0]})


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
