"""What the names of image files say about labels; the same rules for folders and for archives.

1. `dataset.json` (StyleGAN: `{"labels": [[name, class], ...]}`) has the last word.
2. Images in two or more sibling folders: one folder per class. Folders that are named by numbers below 1000, in any
   script, are the classes of these numbers; other classes are numbered in the sorted order of their names, as in
   torchvision. An empty folder is a class without images.
3. Images in one folder, all named `<class>_<index>`: the class is the number in the name.
4. Otherwise there are no labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.decode import is_image_name

CLASS_INDEX = re.compile(r"(?P<label>\d{1,5})_\d+")
LISTING = "dataset.json"
IGNORED = frozenset({LISTING, "layout.json", "thumbs.db", "desktop.ini"})
MAX_NUMBER = 1000

Labels = tuple[NDArray[np.int64] | None, tuple[str, ...]]  # labels (n,) or None, and class names


def image_names(files: Iterable[str], where: str) -> list[str]:
    """The images among `files` in natural order; hidden files are ignored, any other stranger is an error."""
    visible = [name for name in files if not _hidden(name)]
    names = [name for name in visible if is_image_name(name)]
    strangers = [n for n in visible if not is_image_name(n) and PurePosixPath(n).name.lower() not in IGNORED]
    if strangers:
        more = f" ({len(strangers)} such files)" if len(strangers) > 1 else ""
        raise WrongInputError(f"{where} must hold images only; {min(strangers)} is none{more}. Move it elsewhere.")
    if not names:
        raise WrongInputError(f"{where} must hold at least one image; it holds none. Is it the right level?")
    return sorted(names, key=natural)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts 2.png before 10.png; no two names have the same one.

    >>> sorted(["10.png", "2.png", "a.png"], key=natural)
    ['2.png', '10.png', 'a.png']
    """
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts], name


def labels_of_layout(names: Sequence[str], folders: Collection[str], where: str) -> Labels:
    """Rules 2 to 4. names: POSIX, relative; folders: all that there are, also the empty ones.

    >>> labels, classes = labels_of_layout(["cat/0.png", "ant/0.png"], [], "here")
    >>> labels.tolist(), classes
    ([1, 0], ('ant', 'cat'))
    """
    parents = [str(PurePosixPath(name).parent) for name in names]
    used = set(parents)
    _require_siblings(used, names, where)
    level = _above(parents[0])
    siblings = used | {f for f in folders if f != "." and _above(f) == level and not _hidden(f)}
    if used == {"."} or len(siblings) < 2:
        return _labels_of_names(names, where), ()
    numbers, classes = _classes(sorted(PurePosixPath(folder).name for folder in siblings))
    return np.array([numbers[PurePosixPath(parent).name] for parent in parents], dtype=np.int64), classes


def labels_of_listing(names: Sequence[str], listing: bytes, base: str, where: str) -> NDArray[np.int64] | None:
    """Rule 1; None where the listing says `"labels": null`. base: the folder in which dataset.json lies."""
    try:
        entries = json.loads(listing)["labels"]
        given = None if entries is None else {str(PurePosixPath(base, name)): label for name, label in entries}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise WrongInputError(
            f'dataset.json in {where} must be {{"labels": [[name, class], ...]}} or {{"labels": null}}; it is not.'
        ) from error
    return None if given is None else _listed(names, given, where)


def _listed(names: Sequence[str], given: Mapping[str, Any], where: str) -> NDArray[np.int64]:
    for name in names:
        if name not in given:
            raise WrongInputError(f"dataset.json in {where} must label every image; {name} has no label.")
        if type(given[name]) is not int or not 0 <= given[name] < 2**31:
            raise WrongInputError(
                f"dataset.json in {where} must give each image the number of its class; {name} has {given[name]!r:.60}."
            )
    if len(given) > len(names):
        lost = min(set(given) - set(names))
        raise WrongInputError(f"dataset.json in {where} labels {lost}, which is not there. Is the set complete?")
    return np.array([given[name] for name in names], dtype=np.int64)


def _above(folder: str) -> str:
    return str(PurePosixPath(folder).parent)


def _require_siblings(used: set[str], names: Sequence[str], where: str) -> None:
    if len(used) == 1:
        return
    if "." in used:
        loose = next(name for name in names if "/" not in name)
        raise WrongInputError(
            f"{where} holds both folders of images and loose images ({loose}). Put every image into its class's folder."
        )
    first, *others = sorted(used)
    for other in others:
        if _above(other) != _above(first):
            raise WrongInputError(
                f"{where} must have one folder per class, side by side; {first} and {other} are not. "
                "Open one split, or one level, at a time."
            )


def _classes(folders: list[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """The number of each class folder, and the names of all classes by number."""
    values = [int(folder) if folder.isdecimal() and len(folder) < 9 else MAX_NUMBER for folder in folders]
    if max(values) < MAX_NUMBER and len(set(values)) == len(values):
        numbers = dict(zip(folders, values, strict=True))
        named = {value: folder for folder, value in numbers.items()}
        return numbers, tuple(named.get(k, str(k)) for k in range(max(values) + 1))
    return {folder: k for k, folder in enumerate(folders)}, tuple(folders)


def _labels_of_names(names: Sequence[str], where: str) -> NDArray[np.int64] | None:
    matches = [CLASS_INDEX.fullmatch(PurePosixPath(name).stem) for name in names]
    if not any(matches):
        return None
    if not all(matches):
        plain = names[matches.index(None)]
        raise WrongInputError(
            f"Some files of {where} are named <class>_<index>, {plain} is not. Name all of them so, or none."
        )
    return np.array([int(match["label"]) for match in matches if match], dtype=np.int64)
