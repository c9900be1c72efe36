"""Faults of frequency: how often `worst_packet` sees them on four data sets, and how often it sees what is not there.

Real and "fake" images are disjoint random parts of the data set's splits, n of each; faults are put into the fakes.
Seen is a p-value of 1 % or less. A copy of CIFAR-10 whose images are JPEGs of quality 75 cannot show that fault:
saving them so once more moves a pixel by 0.2 of 255 on average, at quality 80 by 1.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import find_fault
from ganeval.metrics.packets import packet_numbers, worst_of
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
LEVEL, AT_MOST, PERMUTATIONS = 0.01, 10_000, 499
Images = NDArray[np.uint8]


def main(
    *, out: Path = RESULTS, healthy: int = 200, repeats: int = 10, n: int = 2000, data: tuple[str, ...] = tuple(SETS)
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
    """The numbers of every image once, and of every broken one; then the test on random parts."""
    known = packet_numbers(ImageSet.from_array(images))
    lines = [_line(name, n, "none", [_tested(known, known, n, seed) for seed in range(healthy)])]
    for fault, strength in FAULTS:
        broken = find_fault(fault)(images, None, np.random.default_rng(n), strength=strength)
        numbers = packet_numbers(ImageSet.from_array(broken))
        title = find_fault(fault).name + ("" if strength is None else f" {strength}")
        lines.append(_line(name, n, title, [_tested(known, numbers, n, seed) for seed in range(repeats)]))
    return lines


def _tested(real: torch.Tensor, broken: torch.Tensor, n: int, seed: int) -> Score:
    order = np.random.default_rng([seed, n]).permutation(len(real))
    return worst_of(real[order[:n]], broken[order[n : 2 * n]], PERMUTATIONS, seed)


def _line(name: str, n: int, fault: str, found: Sequence[Score]) -> Sequence[str]:
    seen = sum(score.details["p_value"] <= LEVEL + 1e-12 for score in found)
    low, high = wilson(seen, len(found))
    places = [_place(score.details["worst"]) for score in found]
    where = "" if fault == "none" else max(places, key=places.count)
    value = f"{np.mean(found):.3g}"
    return (name, f"{n:,}", fault, f"{seen} of {len(found)} [{low:.0%}, {high:.0%}]", value, where)


def _place(worst: dict[str, object]) -> str:
    return f"{worst['rows']}, {worst['columns']} ({worst['of']})" if "rows" in worst else str(worst["of"])


def _page(lines: Sequence[Sequence[str]], healthy: int, repeats: int, n: int) -> str:
    heads = (
        "data",
        "n of each set",
        "fault",
        f"p <= {LEVEL:.0%}",
        "mean value",
        "worst: packet (rows, columns) or trace",
    )
    said = f"On {machine()}; seeds 0 ... of each line; brackets: 95 %."
    legend = (__doc__ or "").partition("\n\n")[2].strip() + (
        " Packets run from 0, 0 (the mean) to 3, 3 (a checkerboard of single pixels); `zeros` and "
        "`values` are the traces of JPEG and of few bits."
    )
    command = f"frequencies --healthy {healthy} --repeats {repeats} --n {n}"
    return render_document("Faults of frequency", command, [legend, markdown_table(heads, lines)], said=said)
