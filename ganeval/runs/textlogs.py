"""Logs for people: lines such as `[Epoch 3/200] [Batch 5/938] [D loss: 0.69]`, `[3/5][100/1583] Loss_D: 0.5`, `(epoch:
1, iters: 100, time: 0.1) G_GAN: 0.9` or `Step 400: loss 0.25`. What counts is found by its word, and so is what is
measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ganeval.errors import GanevalError
from ganeval.runs.parsing import lines_of, real
from ganeval.runs.points import Points

SUFFIXES = (".log", ".txt", ".out")
LOOKED_AT = 500  # lines until a log must have shown that it is one
LEAST = 2  # such lines of a log
MAX_TAGS = 100
MAX_LINE = 1000  # signs: a longer line is no line for people
NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf)"
_BRACKETS = re.compile(r"^\W*\[(\d{1,7})/\d{1,7}\]\s*\[(\d{1,9})/(\d{1,9})\]")
_LEADING = re.compile(r"^\s*(\d{1,9})\s*[:\[]")  # Keras-GAN: 400 [D loss: 0.69, acc.: 50.00%] [G loss: 0.7]
_EPOCH = re.compile(r"\bepochs?\W{0,3}(\d{1,7})(?:\s*/\s*\d+)?", re.IGNORECASE)
_INNER = re.compile(
    r"\b(batch|steps?|iter(?:ation)?s?|itrs?|global_step|kimg)\W{0,3}(\d{1,9})(?:\s*/\s*(\d{1,9}))?", re.IGNORECASE
)
_PAIR = re.compile(
    rf"([A-Za-z][\w()./ -]{{0,30}}?)\s*[:=]\s*({NUMBER})(?![\w:/])|\b((?:[DG] )?\w*loss\w*)\s+({NUMBER})(?![\w:/])",
    re.IGNORECASE,
)
_NO_QUANTITY = re.compile(
    r"(epochs?|batch|steps?|iter(ation)?s?|itrs?|time|date|data|eta|elapsed|seed|lr|gpu|rank|hour|min|sec)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Line:
    """One line: the epoch and the step inside of it or overall, as far as they are said, and its quantities."""

    epoch: float | None
    inner: float | None
    of: float | None  # steps of an epoch
    unit: str
    values: dict[str, float]


def is_log(path: Path) -> bool:
    """Whether several of a file's first lines have a counter and a quantity."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        return len(list(islice(_lines(path, LOOKED_AT), LEAST))) == LEAST
    except (OSError, GanevalError):
        return False


def points_in(path: Path) -> tuple[str, dict[str, Points]]:
    """The unit of the steps, and every quantity over them: epochs and their parts where epochs are said."""
    lines = list(_lines(path))
    by_epoch = any(line.epoch is not None for line in lines)
    longest = 1 + max((line.inner for line in lines if line.inner is not None), default=0.0)
    found: dict[str, Points] = {}
    for line in lines:
        step = _step(line, longest) if by_epoch else line.inner
        for tag, value in line.values.items() if step is not None else ():
            if tag in found or len(found) < MAX_TAGS:
                found.setdefault(tag, Points()).add(step or 0.0, value)
    return "epoch" if by_epoch else next((line.unit for line in lines), "step"), found


def _step(line: Line, longest: float) -> float | None:
    if line.epoch is None or line.inner is None:
        return line.epoch
    return line.epoch + min(line.inner / (line.of or longest), 1.0)


def _lines(path: Path, most: int | None = None) -> Iterator[Line]:
    for text in islice(lines_of(path), most):
        if len(text) <= MAX_LINE and (line := _line(text)) is not None:
            yield line


def _line(text: str) -> Line | None:
    brackets, epoch, inner = _BRACKETS.search(text), _EPOCH.search(text), _INNER.search(text)
    pairs = [(m[1] or m[3], real(m[2] or m[4])) for m in _PAIR.finditer(text)]
    values = {
        tag.strip(): value for tag, value in pairs if value is not None and not _NO_QUANTITY.fullmatch(tag.strip())
    }
    if not values:
        return None
    if brackets:
        return Line(float(brackets[1]), float(brackets[2]), float(brackets[3]), "epoch", values)
    if epoch is None and inner is None:
        leading = _LEADING.search(text)
        return None if leading is None else Line(None, float(leading[1]), None, "step", values)
    word = inner[1].lower() if inner else "epoch"
    unit = "itr" if word.startswith("it") else "kimg" if word == "kimg" else "step"
    of = float(inner[3]) if inner and inner[3] else None
    return Line(float(epoch[1]) if epoch else None, float(inner[2]) if inner else None, of, unit, values)
