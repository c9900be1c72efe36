"""The page of the matrix: thresholds of one false-alarm rate, who sees what,
and the fewest metrics that see everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from ganeval.gate.presets import PRESETS
from ganeval.metrics import METRICS
from ganeval.records.headline import HEADLINE
from studies.page import machine, markdown_table, render_document
from studies.sight.candidates import BETTER
from studies.sight.measured import FAULTS, HEALTHY, Cell, Values, matrix

ALARMS = 0.01
LEAST_HEALTHY = 5
CANDIDATE = "candidate "
EXACT = 4  # metrics up to which every combination is tried
Place = tuple[str, int]
Seen = dict[tuple[str, str], float]  # (metric, fault) -> share of repeats in which it was seen


@dataclass(frozen=True)
class Judged:
    """One data set at one n."""

    place: Place
    healthy: int
    repeats: Mapping[str, int]
    seen: Seen
    surely: Seen  # the same at 1 % over all metrics together: what no metric among many sees by chance
    alarms: float  # share of healthy values beyond the threshold that the others give


def page_of(known: Mapping[Cell, Values], command: str) -> str:
    judged = [found for place in _places(known) if (found := _judged(known, place)) is not None]
    names = sorted({metric for one in judged for metric, _ in one.seen})
    parts = [_legend(judged), "## The fewest metrics that see everything", _cover(judged, names)]
    parts += ["## What the candidates add", _added(judged)]
    for one in judged:
        data, n = one.place
        parts += [f"## {data}, n = {n:,}", _table(one, names)]
    return render_document(
        "Which metric sees which fault", command, parts, said=f"On {machine()}; seeds of every cell."
    )


def titles() -> list[str]:
    return [Cell("", 0, fault, strength, 0).title for fault, strength in FAULTS]


def _places(known: Mapping[Cell, Values]) -> list[Place]:
    return sorted({(cell.data, cell.n) for cell in known}, key=lambda place: (place[1] > 500, place[0]))


def _judged(known: Mapping[Cell, Values], place: Place) -> Judged | None:
    here = {cell: values for cell, values in known.items() if (cell.data, cell.n) == place}
    healthy = [values for cell, values in here.items() if cell.fault == HEALTHY]
    names = sorted({name for values in here.values() for name in values if not name.startswith("p of ")})
    if len(healthy) < LEAST_HEALTHY:
        return None
    base, seen, surely, repeats = matrix(healthy, names), {}, {}, {}
    for title in titles():
        rows = [values for cell, values in here.items() if cell.title == title]
        if not rows:
            continue
        repeats[title] = len(rows)
        for found, level in ((seen, ALARMS), (surely, ALARMS / len(names))):
            values = matrix(rows, names)
            had = (~np.isnan(values)).sum(axis=0)  # a column that came later stands in fewer repeats, or in none
            hits = beyond(base, values, names, level).sum(axis=0)
            found |= {(name, title): float(hit / of) for name, hit, of in zip(names, hits, had, strict=True) if of}
    if not repeats:
        return None
    others = [beyond(np.delete(base, i, axis=0), base[i : i + 1], names, ALARMS) for i in range(len(base))]
    return Judged(place, len(healthy), repeats, seen, surely, float(np.mean(others)))


def beyond(
    healthy: NDArray[np.float64], values: NDArray[np.float64], names: Sequence[str], level: float
) -> NDArray[np.bool_]:
    """Whether values (r, k) are worse than all but `level` of healthy ones (h, k),
    as one new value of a normal metric.
    """
    h = len(healthy)
    wide = healthy.std(axis=0, ddof=1) * np.sqrt(1 + 1 / h)
    slack = 1e-9 * np.maximum(1.0, np.abs(healthy.mean(axis=0)))
    worse = values - healthy.mean(axis=0)
    better = [_better(name) for name in names]
    signs = np.array([{"lower": 1.0, "higher": -1.0, "target": 0.0}[one] for one in better])
    moved = np.where(signs == 0, np.abs(worse), signs * worse)
    levels = np.where(signs == 0, level / 2, level)
    with np.errstate(invalid="ignore"):
        return moved > student.isf(levels, h - 1) * wide + slack


def _better(name: str) -> str:
    if name.startswith(CANDIDATE):
        return BETTER[name.removeprefix(CANDIDATE)]
    return METRICS[name.removeprefix("peers ")].better


def _legend(judged: Sequence[Judged]) -> str:
    counts = "; ".join(
        f"{one.place[0]} at n = {one.place[1]:,}: {one.healthy} healthy runs, "
        f"{min(one.repeats.values(), default=0)} to {max(one.repeats.values(), default=0)} of each fault, "
        f"{len(one.repeats)} of {len(FAULTS)} faults, {one.alarms:.1%} of healthy values beyond the threshold that the "
        "other runs give"
        for one in judged
    )
    return (
        'Real, "fake" and training images are disjoint random parts of the data set, n of each; faults are put into '
        "the fakes, as "
        "strong as docs/faults.md says where no strength is written. A metric sees a fault where its value is worse "
        "than the healthy runs give in all but 1 % (mean, spread and Student's t for one more value; both sides for a "
        "metric with a target). MNIST, Hoda and BreastMNIST are seen by their judge, CIFAR-10, whose "
        "judge is younger than this matrix, by `wavelet` (so no metric of classes there). `fdr` and `eye_gap` ask "
        "`wavelet` too, on CIFAR-10 `pixels`. `peers` is the setting of other libraries on the same embedding: KID "
        "over 100 subsets of 100, precision and recall with k = 3; their FID is `fid`. `fld`, `mmd_test` and slow "
        "metrics were left out. A metric that is newer than a cell, or of a newer version, stands there as it was "
        "then. Few repeats: one cell alone proves little. Where less ran than the command asks for, it was stopped "
        "there. What "
        f"ran: {counts}."
    )


def _cover(judged: Sequence[Judged], names: Sequence[str]) -> str:
    """Cells are (data, n, fault); a set sees one where a metric of it does in every repeat,
    corrected for all metrics.
    """
    cells = [(i, title) for i, one in enumerate(judged) for title in one.repeats]
    sees = {name: {c for c in cells if judged[c[0]].surely.get((name, c[1]), 0.0) >= 1} for name in names}
    all_seen = set().union(*sees.values()) if sees else set()
    chosen = fewest(sees, all_seen)
    embedded = tuple(name for name in HEADLINE if name != "worst_packet")
    preset = tuple(str(line["metric"]) for line in PRESETS["default"])
    rows = [
        (f"fewest: {', '.join(f'`{name}`' for name in chosen)}", str(len(chosen)), _share(sees, chosen, all_seen)),
        ("the headline", str(len(HEADLINE)), _share(sees, HEADLINE, all_seen)),
        ("the headline without `worst_packet`", str(len(embedded)), _share(sees, embedded, all_seen)),
        ("the gate's preset `default`", str(len(preset)), _share(sees, preset, all_seen)),
        *((f"`{name}` alone", "1", _share(sees, (name,), all_seen)) for name in ("fid", "kid", "peers kid")),
        ("`peers precision` and `peers recall`", "2", _share(sees, ("peers precision", "peers recall"), all_seen)),
    ]
    blind = [f"{judged[i].place[0]} {judged[i].place[1]:,} {title}" for i, title in cells if (i, title) not in all_seen]
    table = markdown_table(("metrics", "how many", "cells of those that any metric sees"), rows)
    added = [f"`{name}` ({len(sees[name] - _union(sees, HEADLINE))})" for name in chosen if name not in HEADLINE]
    more = f"What the fewest see and the headline does not, in cells: {', '.join(added) or 'nothing'}. "
    more += (
        "What `changed_copies` sees of copies that were moved, mirrored or recoloured is on [a page of its "
        "own](changed_copies.md). Why the preset is what it is: "
        "[decision 043](../decisions/043-the-matrix-at-two-sizes.md)."
    )
    said = (
        "Of few repeats and many metrics some see by chance: here a cell counts at 1 % over all metrics together "
        "(Bonferroni)."
    )
    return f"{said}\n\n{table}\n\n{more} No metric sees: {', '.join(blind) or 'none is left'}."


def _added(judged: Sequence[Judged]) -> str:
    """What each candidate sees, beside metrics that ask the same, and what it alone sees."""
    places = [one for one in judged if any(name.startswith(CANDIDATE) for name, _ in one.seen)]
    names = [*(f"{CANDIDATE}{name}" for name in BETTER), "vendi", "c2st", "coverage", "fid"]
    rows = [(f"`{name}`", *(_seen_of(one, name) for one in places)) for name in names]
    heads = ("metric", *(f"{one.place[0]}, n = {one.place[1]:,}" for one in places))
    said = (
        "Newer forms that wait to be judged (decision 012; `studies/sight/candidates.py` says what each is). Faults "
        "seen in every repeat at 1 %, in brackets at 1 % over all metrics together; then those that no metric of the "
        "library sees at 1 %."
    )
    return f"{said}\n\n{markdown_table(heads, rows)}"


def _seen_of(one: Judged, name: str) -> str:
    if not any(metric == name for metric, _ in one.seen):
        return ""
    all_of = [{t for t in one.repeats if seen.get((name, t), 0.0) >= 1} for seen in (one.seen, one.surely)]
    ours = {metric for metric, _ in one.seen if not metric.startswith((CANDIDATE, "peers ")) and metric != name}
    alone = [t for t in all_of[0] if not any(one.seen.get((metric, t), 0.0) >= 1 for metric in ours)]
    return f"{len(all_of[0])} ({len(all_of[1])}), alone {len(alone)}"


def fewest(sees: Mapping[str, set[tuple[int, str]]], wanted: set[tuple[int, str]]) -> tuple[str, ...]:
    """The smallest set of names that sees all that is wanted: every combination up to four, beyond that greedily."""
    useful = sorted((name for name in sees if sees[name]), key=lambda name: (-len(sees[name]), name))
    for size in range(1, EXACT + 1):
        for names in combinations(useful, size):
            if _union(sees, names) >= wanted:
                return names
    chosen: list[str] = []
    while wanted - _union(sees, chosen):
        left = wanted - _union(sees, chosen)
        chosen.append(max(useful, key=lambda name: len(sees[name] & left)))
    return tuple(chosen)


def _union(sees: Mapping[str, set[tuple[int, str]]], names: Sequence[str]) -> set[tuple[int, str]]:
    return set().union(*(sees.get(name, set()) for name in names))


def _share(sees: Mapping[str, set[tuple[int, str]]], names: Sequence[str], wanted: set[tuple[int, str]]) -> str:
    return f"{len(_union(sees, names))} of {len(wanted)}"


def _table(one: Judged, names: Sequence[str]) -> str:
    """Metrics by how many faults they see; a dot for a fault that was not seen, a blank where there is no value."""
    here = [name for name in names if any((name, title) in one.seen for title in one.repeats)]
    order = sorted(here, key=lambda name: (-sum(one.seen.get((name, title), 0.0) for title in one.repeats), name))
    heads = ("metric", *(f"{title}" for title in one.repeats))
    return markdown_table(heads, [(f"`{name}`", *(_cell(one, name, title) for title in one.repeats)) for name in order])


def _cell(one: Judged, name: str, title: str) -> str:
    if (name, title) not in one.seen:
        return ""
    times = one.repeats[title]
    hits = round(one.seen[name, title] * times)
    return "." if not hits else "●" if hits == times else f"{hits}/{times}"
