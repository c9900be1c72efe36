"""Fair races: the same arrays, one process, the same threads, in turns; what is reported is a ratio of medians.

A busy machine changes seconds five-fold and ratios hardly at all, as long as nobody runs alone.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import statistics
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Contest:
    """Our work against that of the peers.

    `bars`: how many times our time a peer has to take; `limits`: how many seconds anyone may take; `most`: how many MiB
    of memory anyone may add; `fastest`: how many times quicker than the quickest peer with a bar somebody has to be.
    `small` names what each runs untimed before the first round, instead of the work itself; `warm_up` is one such run
    for all, if nobody can be missing; `before` runs untimed before every lap; `note` says afterwards what else was
    found.
    """

    title: str
    ours: Callable[[], object]
    peers: Mapping[str, Callable[[], object]]
    bars: Mapping[str, float] = field(default_factory=dict)
    repeats: int = 3
    limits: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    warm_up: Callable[[], object] | None = None
    before: Callable[[], object] | None = None
    fastest: Mapping[str, float] = field(default_factory=dict)
    note: Callable[[], str] | None = None
    small: Mapping[str, Callable[[], object]] = field(default_factory=dict)

    def without(self, names: Collection[str]) -> Contest:
        """The same contest with fewer contestants; a name that nobody has is a mistake."""
        for name in names:
            if name not in self.peers:
                raise ValueError(f"{self.title}: no contestant {name!r}; there are: {', '.join(self.peers)}")
        return replace(self, peers={name: work for name, work in self.peers.items() if name not in names})


@dataclass(frozen=True)
class Series:
    """The same work for growing n; its time should grow as n to the power of `power`."""

    title: str
    sizes: tuple[int, ...]
    work: Callable[[int], Callable[[], object]]
    power: float


@dataclass(frozen=True)
class Step:
    """One size of a series: its time, and CPU time over what the first size's would be at that power of n."""

    title: str
    n: int
    seconds: float
    cpu: float
    megabytes: float
    power: float
    growth: float


def crowded(load: float, cores: int) -> bool:
    """Whether half a process or more wanted a core that was not there; our own threads take all that are.

    >>> crowded(2.3, 2), crowded(2.6, 2)
    (False, True)
    """
    return load > cores + 0.5


@dataclass(frozen=True)
class Result:
    """Medians of wall and CPU seconds, the largest resident memory added (MiB), and wall and CPU time over ours."""

    title: str
    name: str
    seconds: float
    cpu: float
    megabytes: float
    ratio: float
    cpu_ratio: float
    bar: float | None
    note: str = ""
    limit: float | None = None
    most: float | None = None
    load: float = 0.0  # processes that wanted a core when the last lap ended
    quicker: float | None = None  # times quicker than the quickest peer this had to be
    peer: float = 0.0  # seconds of that peer, CPU seconds under load

    @property
    def under_load(self) -> bool:
        """Whether others wanted the cores too: CPU seconds are then the ones to compare."""
        return crowded(self.load, os.cpu_count() or 1)

    @property
    def asked(self) -> str:
        if self.quicker is not None:
            return f"{self.quicker:g} x as fast as the fastest peer"
        if self.limit is not None:
            return f"<= {self.limit:g} s"
        if self.most is not None:
            return f"<= {self.most:g} MiB"
        return "" if self.bar is None else f">= {self.bar:g}"

    @property
    def verdict(self) -> str:
        if not self.asked:
            return ""
        return "met" if self._met else f"NOT met, {self.distance:.2f} of it"

    @property
    def distance(self) -> float:
        """How much of the bar was reached: 1 or more meets it. Under load in CPU seconds."""
        took, ratio = (self.cpu, self.cpu_ratio) if self.under_load else (self.seconds, self.ratio)
        if self.quicker is not None:
            return self.peer / took / self.quicker
        if self.limit is not None:
            return self.limit / took
        if self.most is not None:
            return self.most / max(self.megabytes, 1.0)
        return 1.0 if self.bar is None else ratio / self.bar

    @property
    def _met(self) -> bool:
        return self.distance >= 1


def race(contest: Contest, repeats: int | None = None) -> list[Result]:
    """An untimed round (imports, thread pools, page faults), then `repeats` timed rounds in turns."""
    runners: dict[str, Callable[[], object]] = {"ganeval": contest.ours, **contest.peers}
    missing = {} if contest.warm_up else _warmed(runners, contest.small)
    if contest.warm_up:
        contest.warm_up()
    laps: dict[str, list[Lap]] = {name: [] for name in runners}
    for _ in range(repeats or contest.repeats):
        for name, work in runners.items():
            if contest.before:
                contest.before()
            laps[name].append(lap(work))
    results = [_result(contest, name, laps[name], laps["ganeval"]) for name in runners]
    results = [_against_peers(one, contest, results) if one.name in contest.fastest else one for one in results]
    results += [Result(contest.title, n, 0, 0, 0, 0, 0, None, note) for n, note in missing.items()]
    if contest.note is None:
        return results
    title = f"{contest.title}; {contest.note()}"
    return [replace(one, title=title) for one in results]


def _against_peers(result: Result, contest: Contest, results: list[Result]) -> Result:
    peers = [one.cpu if result.under_load else one.seconds for one in results if one.name in contest.bars]
    return replace(result, quicker=contest.fastest[result.name], peer=min(peers, default=0.0))


def _warmed(runners: dict[str, Callable[[], object]], small: Mapping[str, Callable[[], object]]) -> dict[str, str]:
    """Run everybody once, or the small run of that name; whoever is not installed leaves `runners`, and is named with
    the reason.
    """
    missing: dict[str, str] = {}
    for name, work in list(runners.items()):
        try:
            quiet(small.get(name, work))
        except ImportError as error:
            missing[name] = f"not installed: {error.name}"
            del runners[name]
    return missing


def grow(series: Series) -> Iterator[Step]:
    """Time every size once, the smallest also untimed before."""
    quiet(series.work(series.sizes[0]))
    first: Step | None = None
    for n in series.sizes:
        took = lap(series.work(n))
        expected = took.cpu if first is None else first.cpu * (n / first.n) ** series.power
        step = Step(series.title, n, took.seconds, took.cpu, took.megabytes, series.power, took.cpu / expected)
        first = first or step
        yield step


class Lap(NamedTuple):
    """Wall seconds, CPU seconds of all threads, and MiB of resident memory added at most, of one run."""

    seconds: float
    cpu: float
    megabytes: float
    load: float


def lap(work: Callable[[], object]) -> Lap:
    gc.collect()
    with peak_memory() as peak:
        start, cpu = time.perf_counter(), time.process_time()
        quiet(work)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Lap(seconds, cpu, peak[0], os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)


def _result(contest: Contest, name: str, laps: list[Lap], ours: list[Lap]) -> Result:
    seconds, our_seconds = (statistics.median(one.seconds for one in some) for some in (laps, ours))
    cpu, our_cpu = (statistics.median(one.cpu for one in some) for some in (laps, ours))
    peak = max(one.megabytes for one in laps)
    return Result(
        contest.title,
        name,
        seconds,
        cpu,
        peak,
        seconds / our_seconds,
        cpu / our_cpu,
        contest.bars.get(name),
        limit=contest.limits.get(name),
        most=contest.most.get(name),
        load=max(one.load for one in laps),
    )


def quiet(work: Callable[[], object]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):  # peers print
        work()


@contextlib.contextmanager
def peak_memory(every: float = 0.005) -> Iterator[list[float]]:
    """A list whose only entry is the resident memory added inside the block, at most, in MiB (Linux; else 0)."""
    peak, over, base = [0.0], threading.Event(), resident()

    def watch() -> None:
        while not over.wait(every):
            peak[0] = max(peak[0], resident() - base)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def resident() -> float:
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * 4096 / 2**20 if statm.exists() else 0.0
