"""What the names of image files say about labels; the same rules for folders and for archives.

Asked with `classes="auto"`:

1. `dataset.json` (StyleGAN: `{"labels": [[name, class], ...]}`) has the last word.
2. Images in two or more sibling folders: one folder per class. Folders that are named by numbers below 1000, in any
   script, are the classes of these numbers; other classes are numbered in the sorted order of their names, as in
   torchvision. An empty folder is a class without images. Folders that look like shards (`shards.py`) are no classes.
3. Images in one folder, all named `<class>_<index>`: the class is the number in the name, unless it looks like the
   number of a batch.
4. Otherwise there are no labels.

`classes="folders"` and `"names"` ask for rule 2 or 3 whatever it looks like; `"none"` asks for no labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError, printable
from ganeval.images.decode import is_image_name
from ganeval.images.shards import folders_look_like_shards, names_look_like_batches

CLASS_INDEX = re.compile(r"(?P<label>\d{1,5})_\d+")
LISTING = "dataset.json"
IGNORED = frozenset({LISTING, "layout.json", "thumbs.db", "desktop.ini"})
MAX_NUMBER = 1000


class Labels(NamedTuple):
    """labels (n,) or None, the names of the classes, and why there are no labels where some might be expected."""

    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    unlabelled: str = ""


def image_names(files: Iterable[str], where: str) -> list[str]:
    """The images among `files` in natural order; hidden files are ignored, any other stranger is an error."""
    visible = [name for name in files if not _hidden(name)]
    names = [name for name in visible if is_image_name(name)]
    strangers = [n for n in visible if not is_image_name(n) and _own_name(n).lower() not in IGNORED]
    if strangers:
        more = f" ({len(strangers)} such files)" if len(strangers) > 1 else ""
        raise WrongInputError(
            f"{where} must hold images only; {printable(min(strangers))} is none{more}. Move it elsewhere."
        )
    if not names:
        raise WrongInputError(f"{where} must hold at least one image; it holds none. Is it the right level?")
    return sorted(names, key=natural)


def _hidden(name: str) -> bool:
    return any((part.startswith(".") and part != ".") or part == "__MACOSX" for part in name.split("/"))


def _own_name(name: str) -> str:
    """Without the folders; a `PurePosixPath` of each of a million names would take seconds."""
    return name.rpartition("/")[2]


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts 2.png before 10.png; no two names have the same one.

    >>> sorted(["10.png", "2.png", "a.png"], key=natural)
    ['2.png', '10.png', 'a.png']
    """
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(0, int(part), "") if part.isdecimal() and len(part) < 1000 else (1, 0, part) for part in parts], name


def labels_of(
    names: Sequence[str],
    files: Sequence[str],
    folders: Collection[str],
    read: Callable[[str], bytes],
    where: str,
    classes: str = "auto",
) -> Labels:
    """names: of the images; files, folders: all that there are; read: the bytes of a file. All POSIX and relative."""
    if classes != "auto":
        return _asked(names, folders, where, classes)
    listings = [name for name in files if _own_name(name) == LISTING and not _hidden(name)]
    if len(listings) > 1:
        raise WrongInputError(f"{where} holds two files {LISTING}, {listings[0]} and {listings[1]}. Keep one of them.")
    if listings:
        base = str(PurePosixPath(listings[0]).parent)
        return Labels(labels_of_listing(names, read(listings[0]), base, where))
    return labels_of_layout(names, folders, where)


def _asked(names: Sequence[str], folders: Collection[str], where: str, classes: str) -> Labels:
    if classes == "none":
        return Labels(unlabelled="The image set was opened with classes='none'.")
    if classes == "names":
        labels = _labels_of_names(names, where)
        if labels is None:
            raise WrongInputError(f"classes='names' needs files named <class>_<index>; {where} has none.")
        return Labels(labels)
    siblings = _siblings(names, folders, where)
    if not siblings:
        raise WrongInputError(f"classes='folders' needs one folder per class; {where} has a single folder of images.")
    return _labels_of_folders(names, siblings)


def labels_of_layout(names: Sequence[str], folders: Collection[str], where: str) -> Labels:
    """Rules 2 to 4. names: POSIX, relative; folders: all that there are, also the empty ones.

    >>> labels, classes, _ = labels_of_layout(["cat/0.png", "ant/0.png"], [], "here")
    >>> labels.tolist(), classes
    ([1, 0], ('ant', 'cat'))
    """
    siblings = _siblings(names, folders, where)
    if siblings and not folders_look_like_shards(names):
        return _labels_of_folders(names, siblings)
    labels = _labels_of_names(names, where)
    if labels is not None and not names_look_like_batches(names):
        return Labels(labels)
    if labels is None and not siblings:
        return Labels()
    return Labels(unlabelled=_unlabelled(names, where, "folders" if siblings else "names"))


def _unlabelled(names: Sequence[str], where: str, asked: str) -> str:
    first, last = (
        printable(PurePosixPath(name).parent.name if asked == "folders" else name) for name in (names[0], names[-1])
    )
    what = "The folders" if asked == "folders" else "The numbers before the underscore in the files"
    return (
        f"{what} {first} to {last} of {where} look like shards, batches or splits, so they are no classes. "
        f"If they are, open it with image_set(path, classes={asked!r})."
    )


def _siblings(names: Sequence[str], folders: Collection[str], where: str) -> set[str]:
    """The folders that may be classes, two or more side by side, also empty ones."""
    parents = {str(PurePosixPath(folder)) for folder in {name.rpartition("/")[0] for name in names}}
    _require_siblings(parents, names, where)
    level = _above(str(PurePosixPath(names[0]).parent))
    found = parents | {f for f in folders if f != "." and _above(f) == level and not _hidden(f)}
    return set() if parents == {"."} or len(found) < 2 else found


def _labels_of_folders(names: Sequence[str], siblings: Collection[str]) -> Labels:
    numbers, classes = _classes(sorted(PurePosixPath(folder).name for folder in siblings))
    return Labels(np.array([numbers[PurePosixPath(name).parent.name] for name in names], dtype=np.int64), classes)


def labels_of_listing(names: Sequence[str], listing: bytes, base: str, where: str) -> NDArray[np.int64] | None:
    """Rule 1; None where the listing says `"labels": null`. base: the folder in which dataset.json lies."""
    try:
        entries = json.loads(listing, object_pairs_hook=_without_repeats)["labels"]
        pairs = None if entries is None else [(str(PurePosixPath(base, name)), label) for name, label in entries]
    except WrongInputError as error:
        raise WrongInputError(f"dataset.json in {where} {error}") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise WrongInputError(
            f'dataset.json in {where} must be {{"labels": [[name, class], ...]}} or {{"labels": null}}; it is not.'
        ) from error
    if pairs is None:
        return None
    given = dict(pairs)
    if len(given) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise WrongInputError(f"dataset.json in {where} labels {printable(twice)} twice. Keep one of the two.")
    return _listed(names, given, where)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise WrongInputError(f"has the key {printable(twice)} twice. Keep one of the two.")
    return found


def _listed(names: Sequence[str], given: Mapping[str, Any], where: str) -> NDArray[np.int64]:
    for name in names:
        if name not in given:
            raise WrongInputError(f"dataset.json in {where} must label every image; {printable(name)} has no label.")
        if type(given[name]) is not int or not 0 <= given[name] < 2**31:
            raise WrongInputError(
                f"dataset.json in {where} must give each image the number of its class; {printable(name)} has "
                f"{given[name]!r:.60}."
            )
    if len(given) > len(names):
        lost = printable(min(set(given) - set(names)))
        raise WrongInputError(f"dataset.json in {where} labels {lost}, which is not there. Is the set complete?")
    return np.array([given[name] for name in names], dtype=np.int64)


def _above(folder: str) -> str:
    return str(PurePosixPath(folder).parent)


def _require_siblings(used: set[str], names: Sequence[str], where: str) -> None:
    if len(used) == 1:
        return
    if "." in used:
        loose = printable(next(name for name in names if "/" not in name))
        raise WrongInputError(
            f"{where} holds both folders of images and loose images ({loose}). Put every image into its class's folder."
        )
    first, *others = sorted(used)
    for other in others:
        if _above(other) != _above(first):
            raise WrongInputError(
                f"{where} must have one folder per class, side by side; {printable(first)} and {printable(other)} are "
                "not. Open one split, or one level, at a time."
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
    matches = [CLASS_INDEX.fullmatch(_own_name(name).rpartition(".")[0]) for name in names]
    if not any(matches):
        return None
    if not all(matches):
        plain = printable(names[matches.index(None)])
        raise WrongInputError(
            f"Some files of {where} are named <class>_<index>, {plain} is not. Name all of them so, or none."
        )
    return np.array([int(match["label"]) for match in matches if match], dtype=np.int64)
