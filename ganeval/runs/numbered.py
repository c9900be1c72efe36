"""Names that differ in numbers only, and what each number counts: steps, classes, or images.

What was told (`ganeval.runs.told`) goes first, then the size of the real images, then what names and numbers suggest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from ganeval.core.tiling import may_hold
from ganeval.runs.parsing import picture_size
from ganeval.runs.reals import size_beside
from ganeval.runs.told import Size, told

SAMPLES = 500  # numbered pictures of one name: beyond it they are a set of samples
FEW = 50  # so many small pictures that are numbered without a gap are samples, too
SMALL = 64  # pixels: a picture for people, of several tiles, is larger
MAX_CLASSES = 1000
_STEP = re.compile(
    r"(?:epochs?|steps?|iter(?:ation)?s?|itrs?|kimg|batch(?:es)?|ticks?|milestone|checkpoint|ckpt|ep|it|(?<![a-z])e)"
    r"[^a-z]*$",
    re.IGNORECASE,
)
_CLASS = re.compile(r"(?:class(?:es)?|label|cls|digit|category|(?<![a-z])[yc])[^a-z]*$", re.IGNORECASE)
_IMAGE = re.compile(r"(?:seed|index|idx|img|image|(?<![a-z])(?:id|no|nr|i|n))s?[^a-z]*$", re.IGNORECASE)
_SEED = re.compile(r"(?<![a-z])seed[^a-z]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Series:
    """Pictures of one folder: `numbers` has the numbers of each name that vary, `before` what precedes each of them.

    `loose`: the names have nothing in common; then they count nothing. `others`: what else lies in the folder.
    """

    files: tuple[Path, ...]
    numbers: tuple[tuple[int, ...], ...]
    before: tuple[str, ...]
    loose: bool = False
    others: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[int, ...]:
        """The number that counts steps, of each file; their order where two of them do (epoch and batch)."""
        if self._counts_twice:
            return tuple(range(len(self.files)))
        return tuple(row[self._step_axis or 0] for row in self.numbers)

    @property
    def unit(self) -> str:
        if self._counts_twice:
            return "picture"
        axis = self._step_axis
        words = self.before[axis].lower() if axis is not None else ""
        return next((unit for unit in ("epoch", "kimg", "itr") if unit in words), "step")

    @property
    def many_a_step(self) -> bool:
        """Whether the first axis counts steps, each with several pictures: it says so, or leaves gaps as classes do
        not.
        """
        firsts = sorted(set(self.steps))
        if len(self.before) < 2 or len(firsts) == len(self.files):
            return False
        if self._step_axis is not None:
            return True
        named = self._class_axis is not None or _IMAGE.search(self.before[0]) is not None
        return not named and not _dense(firsts)

    @cached_property
    def are_samples(self) -> bool:
        """Whether each picture is one generated image."""
        known = told.get()
        by_size = self._by_size(known.size or size_beside(self.files[0].parent))
        if known.pictures != "auto" or len(self.files) < 2:
            return known.pictures == "samples" or (known.pictures == "sheets" and bool(by_size))
        if by_size is not None:
            return by_size
        if self.loose or len(self.files) > SAMPLES:
            return True
        if len(self.before) > 1 and not self._counts_twice and len(set(self.steps)) < len(self.files):
            return True
        return self._step_axis is None and self._dense and (self._are_seeds or self._small)

    def _by_size(self, real: Size | None) -> bool | None:
        """What the size of the real images says: theirs is that of samples, a multiple of it that of sheets."""
        own = {size for path in _some(self.files) if (size := picture_size(path))} if real else set()
        if real in own:
            return True
        return False if any(may_hold(size, real) for size in own if real) else None

    @property
    def labels(self) -> tuple[int, ...]:
        """The class of each sample where a number of its name says it: after such a word, else class and index."""
        axis = self._class_axis
        if axis is None and (len(self.before) != 2 or self._step_axis is not None or _IMAGE.search(self.before[0])):
            return ()
        own = tuple(row[axis or 0] for row in self.numbers)
        count = len(set(own))
        fits = 1 < count <= MAX_CLASSES and count < len(self.files) and sorted(set(own)) == list(range(count))
        return own if fits else ()

    @property
    def _step_axis(self) -> int | None:
        return next((axis for axis, text in enumerate(self.before) if _STEP.search(text)), None)

    @property
    def _class_axis(self) -> int | None:
        return next((axis for axis, text in enumerate(self.before) if _CLASS.search(text)), None)

    @property
    def _counts_twice(self) -> bool:
        """Whether two numbers count steps, as epoch and batch do: both say so, or the second one goes in strides."""
        if len(self.before) < 2 or self._class_axis is not None:
            return False
        said = [bool(_STEP.search(text)) for text in self.before]
        if sum(said) > 1:
            return True
        seconds = sorted({row[1] for row in self.numbers})
        strides = {b - a for a, b in pairwise(seconds)}
        silent = not any(said) and not any(_IMAGE.search(text) for text in self.before)
        return silent and len(self.before) == 2 and len(strides) == 1 and strides != {1}

    @property
    def _dense(self) -> bool:
        numbers = [row[0] for row in self.numbers]
        return len(numbers) >= FEW and numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1

    @property
    def _are_seeds(self) -> bool:
        return _SEED.search(self.before[0]) is not None

    @property
    def _small(self) -> bool:
        return max(picture_size(self.files[0]) or (SMALL + 1,)) <= SMALL


def _dense(numbers: list[int]) -> bool:
    return numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _some(files: tuple[Path, ...], n: int = 8) -> list[Path]:
    """A few of them, from the first to the last."""
    return [files[len(files) * i // n] for i in range(min(n, len(files)))]
