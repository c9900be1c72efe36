"""TensorBoard event files without TensorBoard: scalars and pictures out of TFRecords and protocol buffers.

A record is: length (uint64, little endian), its CRC (4 bytes), the payload, its CRC. Checksums are skipped: they cost
most of the time and a torn tail is noticed without them. Field numbers are those of tensorflow's event.proto,
summary.proto and tensor.proto. Pictures are not copied out: where they lie in the file is remembered.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ganeval.core.files import open_regular
from ganeval.errors import BrokenRunError
from ganeval.runs.messages import fields
from ganeval.runs.points import Points

MARK = "events.out.tfevents."
LARGE = 200 * 2**20  # a file beyond it is read only when asked for
MAX_RECORD = 64 * 2**20
MAX_PICTURES = 200  # of one tag; beyond it every second one is dropped
read_large: ContextVar[bool] = ContextVar("read_large", default=False)

_EVENT_WALL_TIME, _EVENT_STEP, _EVENT_SUMMARY, _SUMMARY_VALUE = 1, 2, 5, 1
_VALUE_TAG, _VALUE_SIMPLE, _VALUE_IMAGE, _VALUE_TENSOR, _IMAGE_ENCODED = 1, 2, 4, 8, 4
_TENSOR_DTYPE, _TENSOR_CONTENT, _TENSOR_FLOAT, _TENSOR_DOUBLE, _TENSOR_STRING = 1, 4, 5, 6, 8
_DT_FLOAT, _DT_DOUBLE = 1, 2


@dataclass
class Events:
    """What the event files of one folder hold: scalars by tag, pictures by tag as (step, file, offset, length)."""

    scalars: dict[str, Points] = field(default_factory=dict)
    pictures: dict[str, list[tuple[int, Path, int, int]]] = field(default_factory=dict)
    started: float = math.inf
    torn: list[str] = field(default_factory=list)


def event_files(folder: Path) -> list[Path]:
    """The event files of one folder, oldest first by the time in their names."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.startswith(MARK) and path.is_file())
    except OSError:
        return []


def read_events(files: list[Path]) -> Events:
    """Read all files into one; raises `BrokenRunError` for a file over 200 MiB unless large ones were asked for."""
    events = Events()
    for path in files:
        size = path.stat().st_size
        if size > LARGE and not read_large.get():
            raise BrokenRunError(
                f"{path.name} is {size / 2**20:,.0f} MiB; event files over {LARGE // 2**20} MiB are read with --tb "
                "only."
            )
        with open_regular(path) as file:
            for offset, payload in _records(file, size, path, events):
                _event(payload, offset, path, events)
    return events


def _records(file: BinaryIO, size: int, path: Path, events: Events) -> Iterator[tuple[int, bytes]]:
    """(offset of the payload, payload); ends at a torn tail, skips records too large to be scalars or pictures."""
    while len(head := file.read(12)) == 12:
        (length,) = struct.unpack("<Q", head[:8])
        offset = file.tell()
        if length == 0 or offset + length + 4 > size:  # no event is empty: zeros are a file system's padding
            events.torn.append(f"{path.name} ends in the middle of a record: what came before it is shown")
            return
        if length > MAX_RECORD:
            file.seek(length + 4, os.SEEK_CUR)
            continue
        payload = file.read(length)
        file.seek(4, os.SEEK_CUR)
        yield offset, payload


def _event(data: bytes, offset: int, path: Path, events: Events) -> None:
    step, summary = 0, None
    for number, value, start, stop in fields(data, 0, len(data)):
        if number == _EVENT_STEP:
            step = value if value < 2**63 else value - 2**64
        elif number == _EVENT_WALL_TIME and stop - start == 8:
            events.started = min(events.started, struct.unpack_from("<d", data, start)[0])
        elif number == _EVENT_SUMMARY:
            summary = (start, stop)
    if summary is None:
        return
    for number, _, start, stop in fields(data, *summary):
        if number == _SUMMARY_VALUE:
            _value(data, start, stop, (step, offset, path), events)


def _value(data: bytes, start: int, stop: int, where: tuple[int, int, Path], events: Events) -> None:
    step, offset, path = where
    tag, scalar, picture = "", None, None
    for number, _, low, high in fields(data, start, stop):
        if number == _VALUE_TAG:
            tag = data[low:high].decode("utf-8", errors="replace")
        elif number == _VALUE_SIMPLE and high - low == 4:
            scalar = struct.unpack_from("<f", data, low)[0]
        elif number == _VALUE_IMAGE:
            picture = next(((a, b) for n, _, a, b in fields(data, low, high) if n == _IMAGE_ENCODED), None)
        elif number == _VALUE_TENSOR:
            scalar, picture = _tensor(data, low, high)
    if scalar is not None:
        events.scalars.setdefault(tag, Points()).add(step, scalar)
    if picture is not None:
        kept = events.pictures.setdefault(tag, [])
        kept.append((step, path, offset + picture[0], picture[1] - picture[0]))
        if len(kept) > MAX_PICTURES:
            del kept[1:-1:2]


def _tensor(data: bytes, start: int, stop: int) -> tuple[float | None, tuple[int, int] | None]:
    """A scalar tensor's value, or where the picture of an image tensor (width, height, PNG ...) lies."""
    kind, scalar, strings = 0, None, []
    for number, value, low, high in fields(data, start, stop):
        if number == _TENSOR_DTYPE:
            kind = value
        elif number in (_TENSOR_CONTENT, _TENSOR_FLOAT, _TENSOR_DOUBLE):
            scalar = _scalar(data, kind, low, high)
        elif number == _TENSOR_STRING:
            strings.append((low, high))
    return scalar, strings[2] if len(strings) > 2 else None


def _scalar(data: bytes, kind: int, low: int, high: int) -> float | None:
    if kind == _DT_FLOAT and high - low == 4:
        return struct.unpack_from("<f", data, low)[0]
    if kind == _DT_DOUBLE and high - low == 8:
        return struct.unpack_from("<d", data, low)[0]
    return None
