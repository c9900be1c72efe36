"""Protocol buffers as far as logs need them: the fields of a message,
without a description of it and without a library.
"""

from __future__ import annotations

from collections.abc import Iterator

Field = tuple[int, int, int, int]  # field number, varint value (0 for others), start, stop


def fields(data: bytes, start: int, stop: int) -> Iterator[Field]:
    """The fields of one message in data[start:stop]; ends quietly at anything malformed."""
    place = start
    while place < stop:
        key, place = _varint(data, place, stop)
        kind, value = key & 7, 0
        if kind == 0:
            value, end = _varint(data, place, stop)
        elif kind in (1, 5):
            end = place + (8 if kind == 1 else 4)
        elif kind == 2:
            length, place = _varint(data, place, stop)
            end = place + length
        else:
            return
        if end > stop or key == 0:
            return
        yield key >> 3, value, place, end
        place = end


def _varint(data: bytes, place: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while place < stop and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    return 0, stop + 1
