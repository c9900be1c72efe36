"""The measurements behind the matrix: one line of JSON each, so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.compute import Compute
from ganeval.errors import GanevalError
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import find_fault
from ganeval.measure.measure import scores_of
from ganeval.measure.pairs import Pairs
from ganeval.metrics import METRICS
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Score
from studies.sight.candidates import NAMES, candidates

SPLITS = {
    "mnist": ("mnist:test",),
    "hoda": ("hoda:test",),
    "cifar10": ("cifar10:test",),
    "breastmnist": ("breastmnist:train", "breastmnist:val", "breastmnist:test"),
}
JUDGES = {
    "mnist": "mnist",
    "hoda": "hoda",
    "breastmnist": "breastmnist",
}  # no judge takes colour: wavelets see CIFAR-10
HEALTHY = "none"
FAULTS: tuple[tuple[str, float | None], ...] = (
    ("drop-class", None),
    ("collapse", None),
    ("label-shuffle", 0.05),
    ("label-shuffle", 0.2),
    ("blur", None),
    ("noise", 4),
    ("noise", 16),
    ("shift", 1),
    ("shift", 2),
    ("checkerboard", 6),
    ("checkerboard", 12),
    ("jpeg", 90),
    ("jpeg", 75),
    ("jpeg", 30),
    ("quantise", 4),
    ("aliasing", None),
    ("copies", None),
    ("few-copies", None),
    ("shifted-copies", None),
    ("mirrored-copies", None),
)
SLOW = {"fld", "mmd_test"}  # left out: a third of the time of all others together
PEERS = {"kid": {"subsets": 100, "subset_size": 100}, "precision": {"k": 3}, "recall": {"k": 3}}
Values = dict[str, float]


@dataclass(frozen=True)
class Cell:
    """One measurement: a data set, n of each set, a fault (or none) and which repeat."""

    data: str
    n: int
    fault: str
    strength: float | None
    repeat: int

    @property
    def title(self) -> str:
        return self.fault if self.strength is None else f"{self.fault} {self.strength:g}"


@dataclass
class Known:
    """What is known of one cell: the columns that were asked for, and the values of those that had one."""

    columns: set[str] = field(default_factory=set)
    values: Values = field(default_factory=dict)


def load_pool(data: str) -> ImageSet:
    """All splits of a data set as one set in memory, with labels."""
    parts = [image_set(split) for split in SPLITS[data]]
    labels = np.concatenate([np.asarray(part.labels) for part in parts])
    return ImageSet.from_array(np.concatenate([part.array() for part in parts]), labels=labels)


def planned(
    data: tuple[str, ...], sizes: tuple[int, ...], healthy: int, repeats: int, least: dict[str, int]
) -> Iterator[Cell]:
    """Cells in the order in which they are measured: what is healthy, then every fault once, then every fault again."""
    for first, last in ((0, 1), (1, repeats)):
        for n in sizes:
            named = [name for name in data if n <= least[name] or n == min(sizes)]
            places = [(name, min(n, least[name])) for name in named]
            if first == 0:
                yield from (Cell(*place, HEALTHY, None, repeat) for repeat in range(healthy) for place in places)
            for repeat in range(first, last):
                yield from (Cell(*place, *fault, repeat) for fault in FAULTS for place in places)


def asked_for() -> list[str]:
    """Every column that a cell may have: metrics, peers' settings, candidates."""
    metrics = [m.name for m in METRICS if not m.slow and not m.paired and m.name not in SLOW]
    return [*metrics, *(f"peers {name}" for name in PEERS), *(f"candidate {name}" for name in NAMES)]


def measured(cell: Cell, pool: ImageSet, columns: list[str]) -> Values:
    """The values of `columns`; peers' settings are `peers NAME`, new forms `candidate NAME`, p-values `p of NAME`."""
    rng = np.random.default_rng([zlib.crc32(cell.title.encode()), cell.n, cell.repeat])
    order = rng.permutation(len(pool))
    parts = [pool.take(order[i * cell.n : (i + 1) * cell.n]) for i in range(3)]
    real, fake, train = parts
    assert fake.labels is not None
    if cell.fault != HEALTHY:
        broken = find_fault(cell.fault)(fake.array(), fake.labels, rng, train=train, strength=cell.strength)
        fake = ImageSet.from_array(broken, labels=fake.labels)
    judge = JUDGES.get(cell.data)
    names = tuple(name for name in columns if name in METRICS) or ("fid",)  # something has to be asked
    protocol = Protocol(
        real=real,
        train=train,
        classifier=judge,
        extractor=None if judge else "wavelet",
        floor=False,
        metrics=names,
        extractors=("wavelet",) if judge else ("pixels",) if cell.n <= 500 else (),
    )
    pairs, found = scores_of(fake, protocol, Compute(cache=False))
    values = {m.name: float(score) for m, _, score in found if isinstance(score, Score)}
    tests = {
        f"p of {m.name}": s.details["p_value"] for m, _, s in found if isinstance(s, Score) and "p_value" in s.details
    }
    beside = {**_as_peers(pairs, columns), **_as_candidates(pairs, columns)}
    return {**values, **{k: float(v) for k, v in tests.items() if v is not None}, **beside}


def _as_candidates(pairs: Pairs, columns: list[str]) -> Values:
    if not any(f"candidate {name}" in columns for name in NAMES):
        return {}
    try:
        return {f"candidate {name}": value for name, value in candidates(pairs.embedded).items()}
    except GanevalError:
        return {}


def _as_peers(pairs: Pairs, columns: list[str]) -> Values:
    found = {}
    for name, options in PEERS.items():
        if f"peers {name}" not in columns:
            continue
        try:
            found[f"peers {name}"] = float(METRICS[name](pairs.embedded, **options))
        except GanevalError:
            continue
    return found


def append(log: Path, cell: Cell, values: Values, columns: list[str]) -> None:
    """One line more: the values, of which columns, and the version of each metric."""
    versions = {name: METRICS[name].version for name in columns if name in METRICS}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**asdict(cell), "columns": columns, "versions": versions, "values": values}) + "\n")


def missing(known: Mapping[Cell, Known], cell: Cell) -> list[str]:
    """The columns of a cell that were not asked for yet, or of another version of the metric."""
    had = known[cell].columns if cell in known else set()
    return [name for name in asked_for() if name not in had]


def stored(log: Path) -> dict[Cell, Known]:
    """What was measured, lines of one cell together; a line that an interruption cut off is measured again."""
    found: dict[Cell, Known] = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        values, columns, versions = (said.pop(key) for key in ("values", "columns", "versions"))
        stale = {name for name, version in versions.items() if name in METRICS and METRICS[name].version != version}
        known = found.setdefault(Cell(**said), Known())
        known.columns |= set(columns) - stale
        known.values |= values  # also those of an older version, until they are measured anew: healthy cells come first
    return found


def matrix(rows: list[Values], names: list[str]) -> NDArray[np.float64]:
    """(rows, names); NaN where a metric had no value."""
    return np.array([[row.get(name, np.nan) for name in names] for row in rows]).reshape(len(rows), len(names))
