"""Which numbers may be compared: metric by metric, by what their signatures hold. A run that differs costs no other
metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ganeval.records.scores import Floor, ScoreRecord
from ganeval.records.signature import Signature, in_words
from ganeval.report.view import RunView


@dataclass(frozen=True)
class Unlike:
    """Runs that were measured differently from the others in some metrics, and the keys of the signature that say
    so.
    """

    metrics: tuple[str, ...]
    runs: tuple[RunView, ...]
    keys: tuple[str, ...]

    @property
    def words(self) -> str:
        return in_words(self.keys)


def differences(now: ScoreRecord, then: ScoreRecord) -> list[str]:
    """The keys in which the two numbers do not mean the same; none where they may be compared."""
    any_n = not (now.biased_in_n or then.biased_in_n)
    return Signature.parse(now.signature).differences(Signature.parse(then.signature), any_n=any_n)


def scored(runs: Sequence[RunView], name: str) -> list[tuple[RunView, ScoreRecord]]:
    """The runs whose last evaluation has a number for the metric, with it."""
    found = ((run, run.evaluation.scores.get(name)) for run in runs if run.evaluation)
    return [(run, record) for run, record in found if record is not None and record.ok]


def alike(runs: Sequence[RunView], name: str) -> list[tuple[RunView, ScoreRecord]]:
    """The largest group of runs whose numbers of one metric may be compared with each other."""
    groups: list[list[tuple[RunView, ScoreRecord]]] = []
    for run, record in scored(runs, name):
        home = next((group for group in groups if not differences(record, group[0][1])), None)
        if home is None:
            groups.append(home := [])
        home.append((run, record))
    return max(groups, key=len, default=[])


def kinds(runs: Sequence[RunView]) -> dict[tuple[int, str], int]:
    """(run index, metric) -> a number that is equal where two runs' numbers of that metric may be subtracted."""
    found: dict[tuple[int, str], int] = {}
    for name in {name for run in runs if run.evaluation for name in run.evaluation.scores}:
        firsts: list[ScoreRecord] = []
        for run, record in scored(runs, name):
            if record.only_a_bound:
                continue
            kind = next((i for i, other in enumerate(firsts) if not differences(record, other)), len(firsts))
            firsts[len(firsts) :] = [record] if kind == len(firsts) else []
            found[run.index, name] = kind
    return found


def unlike(runs: Sequence[RunView], names: Sequence[str]) -> list[Unlike]:
    """Who is left out of the comparison of which metrics, and why: one entry for metrics of which the same holds."""
    said: dict[tuple[tuple[RunView, ...], tuple[str, ...]], list[str]] = {}
    for name in names:
        group = alike(runs, name)
        inside = {run.index for run, _ in group}
        outside = [(run, record) for run, record in scored(runs, name) if run.index not in inside]
        for keys in dict.fromkeys(tuple(differences(record, group[0][1])) for _, record in outside):
            members = tuple(run for run, record in outside if tuple(differences(record, group[0][1])) == keys)
            said.setdefault((members, keys), []).append(name)
    return [Unlike(tuple(metrics), members, keys) for (members, keys), metrics in said.items()]


def ranks(runs: Sequence[RunView], name: str) -> dict[int, str]:
    """Run index -> rank among those measured alike; where intervals overlap, the range of ranks that a run may have."""
    rows = [(run.index, record) for run, record in alike(runs, name)]
    if len(rows) < 2 or any(record.interval is None for _, record in rows) or rows[0][1].better == "target":
        return {}
    sign = 1.0 if rows[0][1].better == "lower" else -1.0
    ends = {index: sorted(sign * end for end in record.interval or ()) for index, record in rows}
    places = {}
    for index, (low, high) in ends.items():
        above = sum(other[1] < low for other in ends.values())
        below = sum(other[0] > high for other in ends.values())
        first, last = above + 1, len(ends) - below
        places[index] = str(first) if first == last else f"{first}–{last}"
    return places


def fair_floor(record: ScoreRecord) -> Floor | None:
    """The floor, where the number may be held against it: of a metric with a bias in n only at the same n."""
    floor = record.floor
    return None if floor is None or (record.biased_in_n and floor.n != record.n) else floor
