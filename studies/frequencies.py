"""Faults of frequency: how often `worst_packet` sees them on four data sets, and how often it sees what is not there.

Real and "fake" images are disjoint random parts of the data set's splits, n of each; faults are put into the fakes.
Seen is a p-value of 1 % or less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.features.extraction import Features
from ganeval.features.pair import Pair
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import find_fault
from ganeval.metrics.packets import worst_packet
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Score
from studies.page import RESULTS, machine, markdown_table, render_document

SETS = {
    "mnist": ("mnist:test",),
    "hoda": ("hoda:test",),
    "cifar10": ("cifar10:test",),
    "breastmnist": ("breastmnist:train", "breastmnist:val", "breastmnist:test"),
}
FAULTS = (
    ("checkerboard", 6),
    ("jpeg", 90),
    ("jpeg", 75),
    ("jpeg", 50),
    ("jpeg", 30),
    ("blur", None),
    ("aliasing", None),
    ("quantise", 4),
    ("noise", 16),
    ("shift", 2),
)
LEVEL, AT_MOST = 0.01, 10_000
Images = NDArray[np.uint8]


def main(
    *, out: Path = RESULTS, healthy: int = 50, repeats: int = 5, n: int = 2000, data: tuple[str, ...] = tuple(SETS)
) -> Path:
    """Write `out/frequencies.md`.

    Args:
        out: folder of the page.
        healthy: pairs of sets without a fault, of each data set.
        repeats: pairs of sets with each fault, of each data set.
        n: images of a set, or half of what there is.
        data: the data sets.
    """
    lines: list[Sequence[str]] = []
    for name in data:
        images = np.concatenate([_first(image_set(split)) for split in SETS[name]])
        size = min(n, len(images) // 2)
        lines += _lines(name, images, size, healthy, repeats)
        write_atomic(out / "frequencies.md", _page(lines, healthy, repeats, n))  # what an interrupted study leaves
    return out / "frequencies.md"


def _first(images: ImageSet) -> Images:
    return images.take(np.arange(min(len(images), AT_MOST))).array()


def _lines(name: str, images: Images, n: int, healthy: int, repeats: int) -> list[Sequence[str]]:
    lines = [_line(name, n, "none", [_measured(images, n, seed, None, None) for seed in range(healthy)])]
    for fault, strength in FAULTS:
        found = [_measured(images, n, seed, fault, strength) for seed in range(repeats)]
        lines.append(_line(name, n, find_fault(fault).name + ("" if strength is None else f" {strength}"), found))
    return lines


def _measured(images: Images, n: int, seed: int, fault: str | None, strength: float | None) -> Score:
    rng = np.random.default_rng([seed, n])
    order = rng.permutation(len(images))
    real, fake = images[order[:n]], images[order[n : 2 * n]]
    broken = fake if fault is None else find_fault(fault)(fake, None, rng, strength=strength)
    sets = (replace(Features.given(np.zeros((n, 1))), images=ImageSet.from_array(x)) for x in (real, broken))
    return worst_packet(Pair(*sets, seed=seed))


def _line(name: str, n: int, fault: str, found: Sequence[Score]) -> Sequence[str]:
    seen = sum(score.details["p_value"] <= LEVEL + 1e-12 for score in found)
    low, high = wilson(seen, len(found))
    worst = [score.details["worst"] for score in found]
    place = max({(w["rows"], w["columns"], w["of"]) for w in worst}, key=lambda at: sum(at == _place(w) for w in worst))
    where = "" if fault == "none" else f"{place[0]}, {place[1]} ({place[2]})"
    value = f"{np.mean(found):.3g}"
    return (name, f"{n:,}", fault, f"{seen} of {len(found)} [{low:.0%}, {high:.0%}]", value, where)


def _place(worst: dict[str, object]) -> tuple[object, ...]:
    return worst["rows"], worst["columns"], worst["of"]


def _page(lines: Sequence[Sequence[str]], healthy: int, repeats: int, n: int) -> str:
    heads = ("data", "n of each set", "fault", f"p <= {LEVEL:.0%}", "mean value", "worst packet: rows, columns")
    said = f"On {machine()}; seeds 0 ... of each line; brackets: 95 %."
    legend = (__doc__ or "").partition("\n\n")[2].strip() + (
        " Packets run from 0, 0 (the mean) to 3, 3 (a checkerboard of single pixels)."
    )
    command = f"frequencies --healthy {healthy} --repeats {repeats} --n {n}"
    return render_document("Faults of frequency", command, [legend, markdown_table(heads, lines)], said=said)
