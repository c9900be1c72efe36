"""The binary history of an offline run of Weights & Biases (`run-ID.wandb`), read with the standard library.

The file is LevelDB's log format: after a header of 7 bytes, blocks of 32 KiB with pieces of records (checksum, length,
kind: whole, first, middle or last). A record is a protocol buffer; of its kinds the history (2), the summary (3), the
run with its configuration (17) and the exit code (18) are read. Values are JSON texts. A torn tail costs the last
record.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ganeval.core.files import MAX_LOG, open_regular
from ganeval.runs.messages import fields
from ganeval.runs.parsing import real
from ganeval.runs.points import Points

HEADER, BLOCK, PIECE = 7, 32768, 7
MAX_RECORD = 16 * 2**20
COUNTED = "trainer/global_step"  # Lightning's own count of steps, by which W&B draws its curves; `_step` counts calls
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HISTORY, _CONFIG, _RUN, _EXIT = 2, 5, 17, 18
_ITEM, _ITEM_KEY, _ITEM_NESTED, _ITEM_JSON = 1, 1, 2, 16
_STEP, _RUN_CONFIG, _RUN_CONFIG_ITEM = 2, 4, 1


@dataclass
class History:
    """What the file holds: quantities over steps, the configuration, and whether the run said good-bye (None:
    it did not).
    """

    points: dict[str, Points] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None


def read_history(path: Path) -> History:
    """Everything that can be read; nothing of a file that is none of this kind."""
    history = History()
    with open_regular(path) as file:
        if file.read(HEADER)[:4] != b":W&B":
            return history
        for record in _records(file):
            _read(record, history)
    return history


def _records(file: BinaryIO) -> Iterator[bytes]:
    """Whole records; it ends at zeros, at a torn tail, and after `MAX_LOG` bytes."""
    parts: list[bytes] = []
    while (place := file.tell()) < MAX_LOG:
        left = BLOCK - place % BLOCK
        if left < PIECE:
            file.seek(left, 1)
            continue
        head = file.read(PIECE)
        if len(head) < PIECE:
            return
        length, kind = struct.unpack("<HB", head[4:])
        body = file.read(length)
        if kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST) or len(body) < length:
            return
        parts = [body] if kind in (_WHOLE, _FIRST) else [*parts, body]
        if kind in (_WHOLE, _LAST) and sum(map(len, parts)) <= MAX_RECORD:
            yield b"".join(parts)


def _read(data: bytes, history: History) -> None:
    for number, _, start, stop in fields(data, 0, len(data)):
        if number == _HISTORY:
            _row(data, start, stop, history.points)
        elif number == _RUN:
            for inner, _, low, high in fields(data, start, stop):
                if inner == _RUN_CONFIG:
                    history.config.update(_items(data, low, high, _RUN_CONFIG_ITEM))
        elif number == _CONFIG:
            history.config.update(_items(data, start, stop, _RUN_CONFIG_ITEM))
        elif number == _EXIT:
            history.exit_code = next((value for inner, value, *_ in fields(data, start, stop) if inner == 1), 0)


def _row(data: bytes, start: int, stop: int, points: dict[str, Points]) -> None:
    values = _items(data, start, stop, _ITEM)
    step = real(values.pop(COUNTED, None))
    step = real(values.get("_step")) if step is None else step
    for number, _, low, high in fields(data, start, stop):
        if step is None and number == _STEP:
            step = float(next((value for inner, value, *_ in fields(data, low, high) if inner == 1), 0))
    for key, value in values.items():
        if step is not None and not key.startswith("_"):
            for name, number in _numbers(key, value):
                points.setdefault(name, Points()).add(step, number)


def _items(data: bytes, start: int, stop: int, which: int) -> dict[str, Any]:
    """key -> value of the items of one record; the keys of nested ones are joined by dots."""
    found: dict[str, Any] = {}
    for number, _, low, high in fields(data, start, stop):
        if number != which:
            continue
        names: list[str] = []
        text = ""
        for inner, _, a, b in fields(data, low, high):
            part = data[a:b].decode("utf-8", errors="replace")
            if inner in (_ITEM_KEY, _ITEM_NESTED):
                names.append(part)
            elif inner == _ITEM_JSON:
                text = part
        try:
            found[".".join(filter(None, names))] = json.loads(text)
        except (ValueError, RecursionError):
            continue
    return found


def _numbers(key: str, value: Any, depth: int = 0) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict) and depth < 4 and "_type" not in value:
        for inner, part in value.items():
            yield from _numbers(f"{key}.{inner}", part, depth + 1)
    elif (number := real(value)) is not None:
        yield key, number
