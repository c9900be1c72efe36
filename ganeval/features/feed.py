"""Batches of a set, in order, read ahead: image files are decoded by threads while the network works.

Pillow and its codecs release the interpreter's lock, so threads are enough. Never more than a few batches wait.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ganeval.images.encoded import Encoded
from ganeval.images.imageset import ImageSet
from ganeval.images.leaves import leaves

MOST_WORKERS = 16  # by default: more rarely help, for the network is waited for
AT_ONCE = 16  # images that a thread decodes before it looks for other work
WAITING = 256 * 2**20  # bytes of pixels that are made ahead of the network; but two batches at least
MOST_WAITING = 16  # batches


@dataclass(frozen=True)
class Batch:
    """pixels: uint8 (m, c, h, w); leaves: (m, 32), the digest of each."""

    pixels: NDArray[np.uint8]
    leaves: NDArray[np.uint8]


def default_workers() -> int:
    """Threads that decode: the cores that this process may use, shared with the others of one torchrun here."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    here = max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    return max(1, min(MOST_WORKERS, cores // here))


def feed(images: ImageSet, spans: Sequence[tuple[int, int]], workers: int | None = None) -> Iterator[Batch]:
    """The rows of each span, in the order of the spans. workers: threads that decode image files; 0 uses none.

    An error of a thread is raised where its batch would have come, and the threads end with the iteration.
    """
    workers = default_workers() if workers is None else workers
    if images.encoded is None or not workers:
        for start, stop in spans:
            pixels = images.load(start, stop)
            pixels = pixels.copy() if images.in_memory else pixels  # what is hashed is what the network sees
            yield Batch(pixels, leaves(pixels))
        return
    yield from _decoded(images.encoded, spans, workers)


def _decoded(encoded: Encoded, spans: Sequence[tuple[int, int]], workers: int) -> Iterator[Batch]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ganeval-decode")
    try:
        begun = (_begin(encoded, start, stop, pool) for start, stop in spans)
        ahead = deque(islice(begun, _depth(encoded, spans)))
        while ahead:
            pixels, parts = ahead.popleft()
            marks = [part.result() for part in parts]
            ahead.extend(islice(begun, 1))
            yield Batch(pixels, np.concatenate(marks))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _depth(encoded: Encoded, spans: Sequence[tuple[int, int]]) -> int:
    largest = max((stop - start for start, stop in spans), default=1)
    return min(max(2, WAITING // (largest * int(np.prod(encoded.shape)))), MOST_WAITING)


def _begin(
    encoded: Encoded, start: int, stop: int, pool: ThreadPoolExecutor
) -> tuple[NDArray[np.uint8], list[Future[NDArray[np.uint8]]]]:
    """Memory for the pixels of a batch, and the threads' promises to fill it."""
    pixels = np.empty((stop - start, *encoded.shape), dtype=np.uint8)

    def fill(first: int, last: int) -> NDArray[np.uint8]:
        part = pixels[first - start : last - start]
        encoded.load_into(part, first)
        return leaves(part)

    bounds = range(start, stop, AT_ONCE)
    return pixels, [pool.submit(fill, first, min(first + AT_ONCE, stop)) for first in bounds]
