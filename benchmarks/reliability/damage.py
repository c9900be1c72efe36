"""Damages a file as disks, crashes and strangers damage it, from a seed, so that each case can be had again."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

# what may stand in the place of a value: of another kind, too large, too deep, not finite, half a surrogate pair
STRANGE = (
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e308",
    "1e-320",
    "1e999",
    "NaN",
    "-Infinity",
    "1" + "0" * 400,
    "9" * 5000,
    "123456789012345678901234567890",
    '""',
    '"x"',
    '"\\ud800"',
    '"<b>"',
    '"\\u202e\\u0000"',
    "[]",
    "[1, 2, 3]",
    "[null, null]",
    "[[1]]",
    "{}",
    '{"a": 1}',
    "[" * 500 + "]" * 500,
)


def damage(path: Path, seed: int) -> None:
    """Change the file for the worse: JSON mostly by a strange value in it, anything else by its bytes."""
    rng = random.Random(seed)
    data = path.read_bytes()
    while path.read_bytes() == data:  # one byte in 256 is exchanged for itself
        _damage_once(path, data, rng)


def _damage_once(path: Path, data: bytes, rng: random.Random) -> None:
    if path.suffix in (".json", ".jsonl") and rng.random() < 0.85:
        lines = data.splitlines() if path.suffix == ".jsonl" else [data]
        place = rng.randrange(len(lines))
        lines[place] = _strange(lines[place], rng)
        path.write_bytes(b"\n".join(lines) + b"\n")
    else:
        path.write_bytes(torn(data, rng))


def _strange(text: bytes, rng: random.Random) -> bytes:
    try:
        document = json.loads(text)
    except ValueError:  # some trainers leave torn lines
        return torn(text, rng)
    for _ in range(rng.choice((1, 1, 1, 3))):
        places = [(inside, key) for inside, key in _places(document)]
        if places:
            inside, key = rng.choice(places)
            _spoil(inside, key, rng)
    found = json.dumps(document)
    for number, strange in enumerate(STRANGE):
        found = found.replace(f'"@{number}@"', strange)
    return found.encode()


def _spoil(inside: Any, key: Any, rng: random.Random) -> None:
    kind = rng.random()
    if kind < 0.12:
        del inside[key]
    elif kind < 0.2 and isinstance(inside, dict):
        inside["\ud800"] = inside.pop(key)
    else:
        inside[key] = f"@{rng.randrange(len(STRANGE))}@"


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


def torn(data: bytes, rng: random.Random) -> bytes:
    """The bytes cut, cut and followed by noise, or with one to twenty of them changed."""
    place = rng.randrange(len(data) + 1)
    kind = rng.random()
    if kind < 0.3:
        return data[:place]
    if kind < 0.4:
        return data[:place] + rng.randbytes(rng.randrange(1, 40)) + data[place:]
    flipped = bytearray(data)
    for _ in range(rng.choice((1, 3, 20)) if data else 0):
        flipped[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(flipped)
