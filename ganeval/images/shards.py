"""Folders and file names that number pieces of a set (shards, batches, ranks), and so say nothing about classes.

Programs cut large sets into pieces: `000000/ 001000/ ...` (EDM), `00000/ 00001/ ...` (StyleGAN), `rank0/ rank1/`, or
`<batch>_<index>.png`. Taken for classes they would give wrong numbers; a class taken for a piece only asks for a word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

PIECE = re.compile(
    r"(shard|part|piece|chunk|batch|rank|gpu|device|worker|job|task|proc(ess)?|node|seed|split|step|iter(ation)?"
    r"|epoch|run|bucket|dir|folder|subset|sample|fake|out(put)?)s?[ _.-]*\d+|\d+[ _-]of[ _-]\d+",
    re.IGNORECASE,
)
NUMBER = re.compile(r"(\d{1,18})([ _-]+\d{1,18})?")  # or a range of them


def folders_look_like_shards(names: Sequence[str]) -> bool:
    """Do the folders of these images, side by side, number the pieces of one set?

    >>> folders_look_like_shards(["00000/img0.png", "00000/img1.png", "00001/img2.png"])
    True
    >>> folders_look_like_shards(["0/0.png", "0/1.png", "1/0.png", "1/1.png"])
    False
    """
    stems: dict[str, list[str]] = defaultdict(list)
    for name in names:
        path = PurePosixPath(name)
        stems[path.parent.name].append(path.stem)
    if all(PIECE.fullmatch(folder) for folder in stems):
        return True
    numbered = {folder: NUMBER.fullmatch(folder) for folder in stems}
    pieces = {int(found[1]): [_number(stem) for stem in stems[folder]] for folder, found in numbered.items() if found}
    if len(pieces) < len(stems) or len(stems) < 2:
        return False
    return _run_on(pieces) or (_even(pieces) and (_padded(stems) or _in_steps(pieces)))


def names_look_like_batches(names: Sequence[str]) -> bool:
    """Do all files `<a>_<b>` have a batch as their first number: as many images each, counted anew or on and on?

    >>> names_look_like_batches(["0_0.png", "0_1.png", "1_0.png", "1_1.png", "2_0.png"])
    True
    >>> names_look_like_batches(["3_0.png", "7_1.png", "3_2.png"])
    False
    """
    pieces: dict[int, list[int | None]] = defaultdict(list)
    for name in names:
        batch, index = PurePosixPath(name).stem.split("_")
        pieces[int(batch)].append(int(index))
    return len(pieces) == 1 or _run_on(pieces) or (_even(pieces) and _counted_anew(pieces))


def _number(stem: str) -> int | None:
    """The last number in a file's name: which image it is."""
    found = re.findall(r"\d{1,18}", stem)
    return int(found[-1]) if found else None


def _even(pieces: Mapping[int, Sequence[int | None]]) -> bool:
    """As many images in every piece; fewer at most in the last."""
    *full, last = (len(pieces[key]) for key in sorted(pieces))
    return len(set(full)) == 1 and last <= full[0]


def _run_on(pieces: Mapping[int, Sequence[int | None]]) -> bool:
    """Every piece goes on counting where the one before it stopped."""
    numbers = [_known(pieces[key]) for key in sorted(pieces)]
    if not all(numbers) or len(numbers) < 2:
        return False
    return all(max(before) < min(after) for before, after in pairwise(numbers))


def _known(numbers: Iterable[int | None]) -> list[int]:
    found = list(numbers)
    known = [number for number in found if number is not None]
    return known if len(known) == len(found) else []


def _counted_anew(pieces: Mapping[int, Sequence[int | None]]) -> bool:
    """Every piece counts its images from the same number up."""
    spans = [sorted(_known(numbers)) for numbers in pieces.values()]
    return all(span == list(range(spans[0][0], spans[0][0] + len(span))) for span in spans)


def _padded(folders: Iterable[str]) -> bool:
    """All names have one width, with more zeros in front than the largest number needs."""
    names = list(folders)
    width = len(names[0])
    return all(name.isdecimal() and len(name) == width for name in names) and all(int(name[0]) == 0 for name in names)


def _in_steps(pieces: Mapping[int, Sequence[int | None]]) -> bool:
    """The number of a piece is that of its first image: 0, 1000, 2000 with a thousand images each."""
    keys = sorted(pieces)
    size = len(pieces[keys[0]])
    return size > 1 and all(after - before == size for before, after in pairwise(keys))
