"""Hoda: 102,352 handwritten Persian digits from 12,000 registration forms (Khosravi and Kabir 2007).

H. Khosravi, E. Kabir, "Introducing a very large dataset of handwritten Farsi digits and a study on their varieties",
Pattern Recognition Letters 28, 2007. Binary, ink 255 on 0, each image a tight box of its own size (4 to 64 pixels).

On the 28x28 canvas an image larger than the canvas is shrunk, keeping its aspect, by area averaging, which makes it
grey; a smaller one is left alone. Then it is centred. Nothing is enlarged: a Persian zero is a small dot, and size
tells it from a five. (HodaDatasetReader instead interpolates cubically and cuts at one half; its canvas is 32x32.)

File format (.cdb, little-endian): 1024 bytes of header (year u16, month, day, H, W, records u32, 128 counts u32, type
u8, comment, padding); then per record 0xFF, label, [W, H where the header has 0, 0], u16 payload length, payload.
The payload of a binary image is run lengths, row by row, beginning with background; a row ends when its runs add up
to W. A grey image is W * H bytes, column by column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.datasets._read import checked_split, read_bounded
from ganeval.datasets.dataset import Dataset, RemoteFile, Split
from ganeval.errors import WrongInputError

PERSIAN_DIGITS = tuple("۰۱۲۳۴۵۶۷۸۹")  # 0 1 2 3 4 5 6 7 8 9
COUNTS = {
    "train": (6000,) * 10,
    "remaining": (2070, 2330, 1923, 2334, 2333, 2110, 2254, 2363, 2264, 2371),
    "test": (2000,) * 10,
}
CANVAS = 28
HEADER_BYTES = 1024
MAX_CDB_BYTES = 64 * 2**20
CHUNK = 4096  # records decoded together: bounds the memory, whatever sizes the records claim


@dataclass(frozen=True, eq=False)
class Records:
    """The index of a .cdb file: where each record's payload lies and what it should be."""

    grey: bool
    labels: NDArray[np.int64]  # (n,)
    starts: NDArray[np.int64]  # (n,) offset of the payload
    sizes: NDArray[np.int64]  # (n,) bytes of the payload
    widths: NDArray[np.int64]  # (n,)
    heights: NDArray[np.int64]  # (n,)


def read_hoda(split: str, files: Mapping[str, Path]) -> Split:
    """`train` (60,000), `remaining` (22,352) or `test` (20,000): images uint8 (n, 1, 28, 28), labels int64 (n,).

    A copy re-encoded from another packing is accepted as long as it decodes to the published class counts.
    """
    path = files[FILES[split][0].name]
    labels, boxes = read_cdb(path)
    images = np.zeros((len(labels), 1, CANVAS, CANVAS), dtype=np.uint8)
    for row, box in enumerate(boxes):
        place(box, images[row, 0])
    return checked_split(str(path), images, labels, classes=10, counts=COUNTS[split])


def read_cdb(path: Path) -> tuple[NDArray[np.int64], Iterator[NDArray[np.uint8]]]:
    """Labels (n,), and the images one by one, uint8 (h, w) in their own sizes, ink 255 (grey files: as stored)."""
    data = read_bounded(path, MAX_CDB_BYTES)
    records = index_records(path, data)
    return records.labels, _decode(path, np.frombuffer(data, dtype=np.uint8), records)


def index_records(path: Path, data: bytes) -> Records:
    """Walk the record headers; every length is checked against the file before it is used."""
    if len(data) < HEADER_BYTES:
        raise WrongInputError(f"{path} must begin with a header of {HEADER_BYTES} bytes; it has {len(data)}.")
    height, width, total = data[4], data[5], int.from_bytes(data[6:10], "little")
    own_size = not (height or width)
    prefix = 6 if own_size else 4
    if total > (len(data) - HEADER_BYTES) // prefix:
        raise WrongInputError(
            f"{path} promises {total:,} records; {len(data):,} bytes cannot hold them. Fetch it again."
        )
    rows = np.empty((total, 5), dtype=np.int64)
    at = HEADER_BYTES
    for record in range(total):
        head = data[at : at + prefix]
        if len(head) < prefix or head[0] != 0xFF:
            raise _damaged(path, record, f"it should begin with ff at byte {at}, found {head[:1].hex() or 'the end'}")
        if own_size:
            width, height = head[2], head[3]
        size = head[-2] | head[-1] << 8
        if at + prefix + size > len(data):
            raise _damaged(path, record, f"its {size} bytes at {at + prefix} run past the end of the file")
        rows[record] = head[1], at + prefix, size, width, height
        at += prefix + size
    if at != len(data):
        raise WrongInputError(f"{path} has {len(data) - at:,} bytes after its {total:,} records. Fetch it again.")
    labels, starts, sizes, widths, heights = rows.T.copy()
    return Records(data[522] == 1, labels, starts, sizes, widths, heights)


def _decode(path: Path, data: NDArray[np.uint8], records: Records) -> Iterator[NDArray[np.uint8]]:
    for first in range(0, len(records.labels), CHUNK):
        rows = slice(first, first + CHUNK)
        widths, heights = records.widths[rows], records.heights[rows]
        if not (widths * heights).all():
            raise _damaged(path, first + int(np.argmin(widths * heights)), "its width or height is 0")
        pixels = (_stored_pixels if records.grey else _run_pixels)(path, data, records, first)
        for width, height, flat in zip(
            widths.tolist(), heights.tolist(), np.split(pixels, np.cumsum(widths * heights)[:-1]), strict=True
        ):
            yield flat.reshape(width, height).T if records.grey else flat.reshape(height, width)


def _payloads(data: NDArray[np.uint8], records: Records, first: int) -> NDArray[np.uint8]:
    rows = slice(first, first + CHUNK)
    spans = zip(records.starts[rows].tolist(), records.sizes[rows].tolist(), strict=True)
    return np.concatenate([data[start : start + size] for start, size in spans])


def _stored_pixels(path: Path, data: NDArray[np.uint8], records: Records, first: int) -> NDArray[np.uint8]:
    rows = slice(first, first + CHUNK)
    wrong = np.flatnonzero(records.sizes[rows] != records.widths[rows] * records.heights[rows])
    if len(wrong):
        raise _damaged(path, first + int(wrong[0]), "its bytes are not width times height")
    return _payloads(data, records, first)


def _run_pixels(path: Path, data: NDArray[np.uint8], records: Records, first: int) -> NDArray[np.uint8]:
    """All rows of all records of a chunk at once: a run is ink when its position within its row is odd."""
    rows = slice(first, first + CHUNK)
    widths, heights, sizes = records.widths[rows], records.heights[rows], records.sizes[rows]
    runs = _payloads(data, records, first).astype(np.int64)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    ends = np.cumsum(runs)
    base = np.concatenate([[0], ends])[np.cumsum(sizes) - sizes]
    closes = (runs > 0) & ((ends - base[owner]) % widths[owner] == 0)
    found = np.bincount(owner, weights=runs, minlength=len(sizes)), np.bincount(owner, closes, minlength=len(sizes))
    # Runs that add up to W*H and touch all H multiples of W never cross the end of a row.
    wrong = np.flatnonzero((found[0] != widths * heights) | (found[1] != heights))
    if len(wrong):
        raise _damaged(path, first + int(wrong[0]), "its run lengths do not add up to its width in every row")
    opens = np.concatenate([[True], closes[:-1] | (owner[1:] != owner[:-1])])
    position = np.arange(len(runs))
    odd = (position - np.maximum.accumulate(np.where(opens, position, 0))) % 2
    return np.repeat((odd * 255).astype(np.uint8), runs)


def place(box: NDArray[np.uint8], canvas: NDArray[np.uint8]) -> None:
    """Write `box` (h, w) into the middle of `canvas` (0 elsewhere); shrunk by area, aspect kept, only if larger."""
    height, width = canvas.shape
    scale = min(height / box.shape[0], width / box.shape[1], 1.0)
    if scale < 1.0:
        box = shrink(box, max(1, round(box.shape[0] * scale)), max(1, round(box.shape[1] * scale)))
    top, left = (height - box.shape[0]) // 2, (width - box.shape[1]) // 2
    canvas[top : top + box.shape[0], left : left + box.shape[1]] = box


def shrink(box: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Area average onto (height, width), rounded half up; in whole numbers, so that every machine gets the same bytes.

    >>> shrink(np.array([[0, 255, 255]], dtype=np.uint8), 1, 2).tolist()
    [[85, 255]]
    """
    total = _overlaps(box.shape[0], height) @ box.astype(np.float64) @ _overlaps(box.shape[1], width).T
    return np.floor(total / (box.shape[0] * box.shape[1]) + 0.5).astype(np.uint8)


@lru_cache(maxsize=1024)
def _overlaps(before: int, after: int) -> NDArray[np.float64]:
    """(after, before): how much of each old pixel lies in each new one, in units of 1 / after of an old pixel."""
    old, new = np.arange(before) * after, np.arange(after)[:, None] * before
    return np.clip(np.minimum(old + after, new + before) - np.maximum(old, new), 0, None).astype(np.float64)


def _damaged(path: Path, record: int, what: str) -> WrongInputError:
    return WrongInputError(f"{path}: record {record} is damaged: {what}. Fetch the file again.")


_MIRROR = (
    "https://raw.githubusercontent.com/amir-saniyan/HodaDatasetReader/a12d639fa9e768a2616f047ba9bc36d0758871ec/DigitDB"
)
_HOW = (
    "Hoda is free for research and non-commercial use; its .cdb files come with the HodaDatasetReader project on "
    "GitHub (folder DigitDB) and from the authors' site, farsiocr.ir."
)
FILES = {
    "train": (RemoteFile("hoda/Train 60000.cdb", "", None, _HOW),),
    "remaining": (
        RemoteFile(
            "hoda/RemainingSamples.cdb",
            f"{_MIRROR}/RemainingSamples.cdb",
            "11c9b0661b8de5f743b1b01ac76b4de19b238062d6da3500b5d6128fb1989e3d",
            _HOW,
        ),
    ),
    "test": (
        RemoteFile(
            "hoda/Test 20000.cdb",
            f"{_MIRROR}/Test%2020000.cdb",
            "f947c38071c886677ec212fe5000863fafae0b4ed349d97d51c33abe3c8e2b07",
            _HOW,
        ),
    ),
}

DATASET = Dataset(
    name="hoda",
    classes=PERSIAN_DIGITS,
    splits=("train", "remaining", "test"),
    shape=(1, CANVAS, CANVAS),
    licence="free for research and non-commercial use",
    read=read_hoda,
    files=FILES,
)
