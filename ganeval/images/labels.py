"""Labels: one non-negative integer per image, and the classes that they number.

Classes of two sides (real and fake, images and a classifier) are the same where their *names* are: equal, or equal but
for case, spaces and underscores, or digits of one value in two scripts. Their numbers are no evidence: a folder counts
its classes in the order of the alphabet, a classifier in its own. Labels without names are taken by number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError, printable
from ganeval.images.tensors import as_numpy

MAX_CLASSES = 100_000
SHOWN = 12  # names of a longer list that a message spells out


def checked_labels(labels: Any, n: int, where: str) -> NDArray[np.int64]:
    """Labels (n,) int64 from anything array-like; one-hot rows, floats and wrong lengths are refused.

    >>> checked_labels([2, 0], 2, "here").tolist()
    [2, 0]
    """
    values = as_numpy(labels, f"Labels of {where}")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]  # MedMNIST keeps (n, 1)
    if values.ndim != 1:
        raise WrongInputError(
            f"Labels of {where} must be one integer per image, shape ({n},); got shape {values.shape}. "
            "Of one-hot rows take labels.argmax(axis=1)."
        )
    if not np.issubdtype(values.dtype, np.integer):
        raise WrongInputError(f"Labels of {where} must be integers; got {values.dtype}. {_remedy(values)}")
    if len(values) != n:
        raise WrongInputError(
            f"{where} must have one label per image: {n} images; got {len(values)} labels. Pass as many."
        )
    if n and (int(values.min()) < 0 or int(values.max()) >= MAX_CLASSES):
        bad = int(np.flatnonzero((values < 0) | (values >= MAX_CLASSES))[0])
        raise WrongInputError(
            f"Labels of {where} must lie in 0..{MAX_CLASSES - 1}; label {bad} is {int(values[bad])}. Number classes "
            "from 0."
        )
    return values.astype(np.int64)


def _remedy(values: NDArray[Any]) -> str:
    if values.dtype == bool:
        return "If False is class 0 and True class 1, pass labels.astype(int)."
    if values.dtype.kind == "f":
        if bool(np.isfinite(values).all()) and bool((values == np.round(values)).all()):
            return "Pass labels.astype(int)."
        return "NaN and fractions number no class; find out where they come from."
    return "Of names pass numbers and class_names=: names, labels = np.unique(labels, return_inverse=True)."


@dataclass(frozen=True, eq=False)
class Side:
    """What one side of a comparison says about classes: labels (m,) or None, and the names of 0, 1, ... or ()."""

    who: str
    labels: NDArray[np.int64] | None
    names: tuple[str, ...]


def matched_labels(sides: Sequence[Side], names: Sequence[str], whose: str) -> list[NDArray[np.int64] | str | None]:
    """The labels of every side, numbered as `names` are; in place of labels that do not fit, the reason.

    Labels without names fit as they are, unless the names of another side stand in another order: then nothing says
    which of the two orders the bare numbers follow.
    """
    found: list[NDArray[np.int64] | str | None] = []
    orders: set[str] = set()
    for side in sides:
        if side.labels is None or not side.names:
            found.append(side.labels)
            continue
        try:
            new = class_numbers(side.names, names, np.unique(side.labels), side.who, whose)
        except WrongInputError as error:
            found.append(str(error))
            orders.add(side.who)
            continue
        found.append(new[side.labels])
        if (new[side.labels] != side.labels).any():
            orders.add(side.who)
    bare = [k for k, side in enumerate(sides) if side.labels is not None and not side.names]
    for k in bare if orders and names else ():
        found[k] = (
            f"The labels of {sides[k].who} are numbers, and {min(orders)} and {whose} count their classes differently. "
            "Say what the numbers mean: image_set(images, labels=labels, class_names=(...))."
        )
    return found


def class_numbers(
    names: Sequence[str], others: Sequence[str], used: NDArray[np.int64], who: str, whose: str
) -> NDArray[np.int64]:
    """For each of `names` its number among `others`, -1 where it has none; every one in `used` must have its own.

    >>> class_numbers(["benign", "Malignant"], ["malignant", "benign"], np.array([0, 1]), "a", "b").tolist()
    [1, 0]

    Raises: WrongInputError with both lists.
    """
    new = np.array([_number_among(name, others) for name in names], dtype=np.int64)
    lost = [name for k, name in enumerate(names) if k in used and new[k] < 0]
    if lost or len(set(new[used].tolist())) < len(used):
        what = (
            f"{printable(lost[0], 60)!r} is not among the latter" if lost else "two of the former are one of the latter"
        )
        raise WrongInputError(
            f"Classes are matched by name. {who} has {_listed(names)}; {whose} has {_listed(others)}: {what}. "
            "Rename the classes, or say what the labels mean: image_set(source, class_names=(...))."
        )
    return new


def _number_among(name: str, others: Sequence[str]) -> int:
    for same in (str, _plain):
        found = [k for k, other in enumerate(others) if same(other) == same(name)]
        if len(found) == 1:
            return found[0]
    return -1


def _plain(name: str) -> str:
    """Without what two people may write differently: case, spaces, underscores, the script of digits."""
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    if re.fullmatch(r"-\d+", text):  # of what has no label: no separator
        return text
    text = re.sub(r"[\s_-]+", " ", text).strip()
    return str(int(text)) if text.isdecimal() and len(text) < 1000 else text


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name, 60) for name in names[:SHOWN])
    return f"{shown} ... ({len(names)} classes)" if len(names) > SHOWN else shown or "no names"
