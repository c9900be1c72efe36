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

# What numbers a piece when a number stands beside it, and nothing else does: rank_0_of_4, node1-gpu0, epoch=3.
WORD = re.compile(
    r"(shard|part|piece|chunk|batch|bucket|block|slice|partition|fold|rank|local|global|gpu|cuda|device|"
    r"worker|job|task|proc|process|node|host|machine|thread|pod|replica|seed|split|step|iter|iteration|"
    r"epoch|ckpt|checkpoint|kimg|run|trial|draw|dir|folder|subset|set|dump|tar|zip|archive|file|vol|"
    r"volume|disk|sample|fake|real|gen|generated|output|out|image|img|picture|pic|png|jpg|idx|index|"
    r"offset|start|of)s?"
)
# What stands for a part of a set without a number, too. As names of classes they ask for a word.
BARE = re.compile(
    r"(train|training|val|valid|validation|dev|test|testing|eval|heldout|holdout|extra|unlabeled|"
    r"unlabelled|real|fake|generated|gen|sample|image|output|out)s?"
)
CLASSY = re.compile(
    r"(class|cls|label|category|cat|type|kind|group|cluster|grade|stage|level|species|digit|person|subject)s?"
)
TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
NUMBER = re.compile(r"(\d{1,18})([ _-]+\d{1,18})?")  # or a range of them
DATE = re.compile(r"(19|20)\d\d([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])([-_ T.]?\d\d([-_:.h]?\d\d){0,2})?")
HASH = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}")
FEW = 4  # images from which it is no chance that no two are of one class
COUNTED = re.compile(r"(\D*)(\d{1,6})")


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
    if all(map(_is_piece, stems)) or _hashed(stems) or _counted_through(stems) or _ranges(stems):
        return True
    numbered = {folder: NUMBER.fullmatch(folder) for folder in stems}
    pieces = {int(found[1]): [_number(stem) for stem in stems[folder]] for folder, found in numbered.items() if found}
    if len(pieces) < len(stems) or len(stems) < 2:
        return False
    return _run_on(pieces) or (_even(pieces) and (_padded(stems) or _in_steps(pieces)))


def names_look_like_batches(names: Sequence[str]) -> bool:
    """Do all files `<a>_<b>` have a batch as their first number: as many images each, counted anew or on and on?

    Nor is it a class where every image has a number of its own: `<index>_<class>`.

    >>> names_look_like_batches(["0_0.png", "0_1.png", "1_0.png", "1_1.png", "2_0.png"])
    True
    >>> names_look_like_batches(["3_0.png", "7_1.png", "3_2.png"])
    False
    """
    pieces: dict[int, list[int | None]] = defaultdict(list)
    for name in names:
        batch, index = PurePosixPath(name).stem.split("_")
        pieces[int(batch)].append(int(index))
    alone = len(pieces) == len(names) >= FEW
    return alone or len(pieces) == 1 or _run_on(pieces) or (_even(pieces) and _counted_anew(pieces))


def _is_piece(folder: str) -> bool:
    """Whether a folder's name says which part of a set lies in it, or when it was made.

    >>> [_is_piece(name) for name in ("rank_0_of_4", "trainA", "2024-01-05", "samples (1)", "gen", "ant", "ant 2")]
    [True, True, True, True, True, False, False]
    """
    if DATE.fullmatch(folder):
        return True
    tokens = [token.lower() for token in TOKEN.findall(folder)]
    words = [token for token in tokens if token.isalpha() and len(token) > 1]
    if not words or not all(WORD.fullmatch(word) or BARE.fullmatch(word) for word in words):
        return False
    return len(words) < len(tokens) or all(map(BARE.fullmatch, words))


def _hashed(stems: Mapping[str, Sequence[str]]) -> bool:
    """Folders that are the first letters of their files' checksums, or checksums themselves."""
    if all(map(HASH.fullmatch, stems)):
        return True
    return all(HASH.fullmatch(stem) and stem.startswith(folder) for folder in stems for stem in stems[folder])


def _counted_through(stems: Mapping[str, Sequence[str]]) -> bool:
    """One word with a number, and the images are counted from the first folder to the last without a gap: b0, b1, b2.

    Not a word that says that these are classes.
    """
    found = {folder: COUNTED.fullmatch(folder) for folder in stems}
    named = {match[1].strip(" _.-").lower() for match in found.values() if match}
    if (
        None in found.values()
        or len(named) != 1
        or not all(named)
        or all(map(CLASSY.fullmatch, named))
        or len(stems) < 2
    ):
        return False
    ordered = sorted(stems, key=lambda folder: int(match[2]) if (match := found[folder]) else 0)
    numbers = [number for folder in ordered for number in sorted(_known(map(_number, stems[folder])))]
    return len(numbers) == sum(map(len, stems.values())) and all(b - a == 1 for a, b in pairwise(numbers))


def _ranges(stems: Mapping[str, Sequence[str]]) -> bool:
    """Each folder's name is a range of as many numbers as it has images; fewer at most in the last."""
    found = {folder: re.fullmatch(r"\D*(\d{1,18})[ _-]+(\d{1,18})", folder) for folder in stems}
    spans = sorted((int(m[1]), int(m[2]) - int(m[1]) + 1, len(stems[f])) for f, m in found.items() if m)
    if len(spans) < len(stems) or len(spans) < 2:
        return False
    return all(width == held for _, width, held in spans[:-1]) and spans[-1][2] <= spans[-1][1]


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
