"""The fingerprint of a set as a tree of two floors: SHA-256 of each image, then of all of these.

Any part of a set can be hashed anywhere, in any order, by whoever has decoded it; the parts give the whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KIND = 2  # of fingerprint; another one makes other fingerprints of the same images
VERSION = b"ganeval.images/%d" % KIND
LEAF = 32  # bytes of one digest


@dataclass
class Seen:
    """What was learnt of the pixels of a set while they were read; sets that differ in labels alone share it."""

    root: str = ""  # of the pixels, once all of them have been seen


def leaves(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 32): SHA-256 of the pixels of each image.

    >>> leaves(np.zeros((2, 1, 4, 4), dtype=np.uint8)).shape
    (2, 32)
    """
    plain = np.ascontiguousarray(images)
    return joined([hashlib.sha256(image.data).digest() for image in plain])


def joined(digests: list[bytes]) -> NDArray[np.uint8]:
    """Digests of 32 bytes as (n, 32)."""
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, LEAF)


class Root:
    """The fingerprint of n images of this shape without labels, from their leaves, which come in order."""

    def __init__(self, n: int, shape: tuple[int, int, int]) -> None:
        self._digest = hashlib.sha256(VERSION + repr((n, tuple(shape))).encode())

    def add(self, marks: NDArray[np.uint8]) -> None:
        self._digest.update(np.ascontiguousarray(marks).data)

    def text(self) -> str:
        return self._digest.hexdigest()


def root(marks: NDArray[np.uint8], shape: tuple[int, int, int]) -> str:
    """The fingerprint of images of this shape without labels, from their (n, 32) leaves in order."""
    whole = Root(len(marks), shape)
    whole.add(marks)
    return whole.text()


def with_labels(pixels: str, labels: NDArray[np.int64] | None) -> str:
    """The fingerprint of images and labels, from that of the pixels."""
    if labels is None:
        return pixels
    return hashlib.sha256(bytes.fromhex(pixels) + labels.astype("<i8").tobytes()).hexdigest()


def noted(facts: object) -> str:
    """SHA-256 of the text of some facts about files: names, sizes, checksums."""
    return hashlib.sha256(repr(facts).encode(errors="replace")).hexdigest()
