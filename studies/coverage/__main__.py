"""Errors and intervals of metrics on fresh fakes: what they promise on two real embeddings.

Each world is a data set seen by its own judge and a cheap generator with a large pool (`pools`). The reference is
fixed, as it is in a gate; fresh sets of fakes are random parts of the pool, with classes in equal numbers and at
random.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ganeval.core.files import write_atomic
from studies.coverage.decide import Held
from studies.coverage.pools import world
from studies.coverage.sets import GROUPS, columns, measured
from studies.page import RESULTS, machine, markdown_table, render_document

WORLDS = (("mnist", "pca"), ("hoda", "warp"))
REAL, POOL, SETS = 2000, 40_000, 400
LABELS = {True: "equal numbers", False: "at random"}
Line = dict[str, Any]  # where and what was measured, and what was `Held` of it


def main(
    *,
    out: Path = RESULTS,
    pools: Path = Path("runs/coverage-pools"),
    sets: int = SETS,
    sizes: tuple[int, ...] = (500,),
    groups: tuple[str, ...] = tuple(GROUPS),
    data: tuple[str, ...] = tuple(name for name, _ in WORLDS),
) -> Path:
    """Write `out/coverage.md` and its numbers, `out/coverage.json`.

    Args:
        out: folder of the page.
        pools: where embedded pools and measured sets are kept; a study that was stopped goes on there.
        sets: fresh sets of fakes a line, at least; what was measured before is used whole.
        sizes: fakes of a set. fid_debiased needs 640 and intra_kid 1,000 to answer.
        groups: metrics that are measured together. Other lines of the page stay as they are.
        data: mnist, hoda or both.
    """
    stored = out / "coverage.json"
    lines: list[Line] = json.loads(stored.read_text()) if stored.exists() else []
    for name, generator in WORLDS:
        if name not in data:
            continue
        seen = world(name, generator, pool=POOL, real=REAL, kept=pools)
        for n, balanced, group in ((n, b, g) for n in sizes for b in LABELS for g in groups):
            found = columns(measured(seen, n, group, sets, pools, balanced=balanced))
            said = {metric: Held.of(values, n / POOL) for metric, values in found.items()}
            where = {"world": seen.name, "n": n, "classes": LABELS[balanced]}
            new = [{**where, "metric": metric, **held.to_json()} for metric, held in said.items() if held]
            lines = _joined(lines, new)
    write_atomic(stored, "[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n")
    return write_atomic(out / "coverage.md", page_of(lines))


def held_in(line: Line) -> Held:
    kept = {key: line[key] for key in ("sets", "mean", "ratio", "covered")}
    return Held(**kept, ratio_interval=tuple(line["ratio_interval"]))


def page_of(lines: Sequence[Line]) -> str:
    """The page of these lines."""
    counts = {word: sum(held_in(line).decision == word for line in lines) for word in ("yes", "no", "undecided")}
    said = (
        f"On {machine()}, Python {platform.python_version()}: fresh sets of fakes, {REAL} fixed real rows, pools of "
        f"{POOL:,}; seeds 0, 1 and [n, balanced, set]. The numbers are in coverage.json beside this page."
    )
    legend = (
        "stated / true: root mean square of the stated error over the standard deviation of the values, with its 95 % "
        "interval. covered: 95 % intervals that hold the mean, with the exact interval of that share. holds: "
        "0.9 to 1.1 and 92 to 98 %: yes where both intervals lie inside, no where one lies outside, else undecided "
        "with so many sets. "
        f"Of {len(lines)} lines {counts['yes']} hold, {counts['no']} do not, {counts['undecided']} are undecided."
    )
    earlier = sorted({line["code"] for line in lines if "code" in line})
    if earlier:
        kept = sum("code" in line for line in lines)
        legend += (
            f" {kept} lines were measured with the code of {', '.join(earlier)}, and of their "
            "sets only means are kept: the interval of their ratio is that of normal values."
        )
    heads = ("embedding, generator", "n", "classes", "metric", "sets", "mean", "stated / true", "covered", "holds")
    table = markdown_table(heads, [_row(line) for line in lines])
    return render_document("Errors and intervals on fresh fakes", "coverage", [legend, table, _worst(lines)], said=said)


def _row(line: Line) -> tuple[str, ...]:
    held = held_in(line)
    low, high = held.covered_interval
    return (
        line["world"],
        str(line["n"]),
        line["classes"],
        line["metric"],
        str(held.sets),
        f"{held.mean:.4g}",
        f"{held.ratio:.2f} [{held.ratio_interval[0]:.2f}, {held.ratio_interval[1]:.2f}]",
        f"{held.covered / held.sets:.1%} [{low:.1%}, {high:.1%}]",
        held.decision,
    )


def _worst(lines: Sequence[Line]) -> str:
    heads = ("metric", "narrowest", "widest")
    rows = [(name, f"{low:.2f}", f"{high:.2f}") for name, (low, high) in sorted(extremes(lines).items())]
    return "## The narrowest and the widest error of each metric\n\n" + markdown_table(heads, rows)


def extremes(lines: Sequence[Line]) -> dict[str, tuple[float, float]]:
    """The smallest and the largest ratio of stated to true error of each metric."""
    names = {line["metric"] for line in lines}
    ratios = {name: [line["ratio"] for line in lines if line["metric"] == name] for name in names}
    return {name: (min(found), max(found)) for name, found in ratios.items()}


def _joined(old: Iterable[Line], new: Iterable[Line]) -> list[Line]:
    """Lines of one place and metric once, the newer one; in the order of worlds, sizes, labels and groups."""
    order = [metric for group in GROUPS.values() for metric in group]
    places = [f"{name}, {generator}" for name, generator in WORLDS]
    found = {(line["world"], line["n"], line["classes"], line["metric"]): line for line in (*old, *new)}

    def rank(key: tuple[str, int, str, str]) -> tuple[int, int, int, int]:
        return places.index(key[0]), key[1], list(LABELS.values()).index(key[2]), order.index(key[3])

    return [found[key] for key in sorted(found, key=rank)]
