"""Slow drift: a cumulative sum over `history.jsonl`, for losses too small for any single gate.

Twenty commits that each lose 0.8 % pass a 2 % gate against their predecessor two times in three. A one-sided CUSUM
(Page 1954, Biometrika 41:100) adds up what is systematic. Conventions:

- Deviations are self-starting (Hawkins 1987, J. Qual. Technol. 19:299): each value against the mean of those before
  it, in units of that difference's own error. A fixed anchor would carry its own noise into every later deviation, and
  a healthy series would drift away from an unlucky anchor.
- The unit is the larger of the sampling error and the spread of successive differences (mean moving range / 1.128)
  of the whole series so far, so that retraining noise does not count as drift. A drift itself hardly moves successive
  differences. Before ten values their spread is not known, and nothing is summed up.
- The alarm level h follows from the false-alarm rate that the whole family of series may have: one in `arl` runs,
  Siegmund 1985, eq. 2.57: ARL0 = (exp(2 k b) - 2 k b - 1) / (2 k^2), b = h + 1.166; k = 0.5 gives ARL0 = 938 at h = 5.
- Only values of one protocol hash are added up; another one starts afresh.
- A metric with a target (better = "target") has no direction that is a loss, and is not added up.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ganeval.core.files import lines_of
from ganeval.core.registry import unknown_name
from ganeval.errors import BrokenRunError, MissingFileError, UnknownNameError, WrongInputError
from ganeval.gate.checked import finite, is_finite, table, text
from ganeval.records.markdown import one_line
from ganeval.records.scores import Better, render_value

K = 0.5  # half the shift, in standard errors, that is found fastest
ARL = 938  # healthy runs between two false alarms of the whole family
OVERSHOOT = 1.166
MOVING_RANGE = 1.128  # mean range of two standard normals: 2 / sqrt(pi)
SMALLEST = 1e-12  # an error below this share of its value is rounding
SHOWN = 20  # lines that were left out
MAX_LINES = 2_000_000
POINTS_NEEDED = 10  # fewer say too little about the spread of successive differences


@dataclass(frozen=True)
class Point:
    time: str
    commit: str
    value: float
    se: float
    protocol_hash: str
    better: str = "lower"


@dataclass(frozen=True)
class Trend:
    """One metric over time. `sums[i]` is the evidence of loss up to point i; above `h` it is an alarm."""

    metric: str
    points: tuple[Point, ...]
    deviations: tuple[float, ...]  # oriented, in standard errors; 0 where a protocol begins
    sums: tuple[float, ...]
    h: float

    @property
    def alarms(self) -> list[int]:
        return [i for i, value in enumerate(self.sums) if value > self.h]

    @property
    def since(self) -> int | None:
        """Where the drift that made the first alarm began: the last time the sum was zero."""
        if not self.alarms:
            return None
        return next((i for i in range(self.alarms[0], -1, -1) if self.sums[i] == 0), 0)


@dataclass(frozen=True)
class History:
    """The lines that could be used, oldest first as they were appended, and a sentence for each that could not."""

    records: tuple[Mapping[str, Any], ...]
    skipped: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.records)


def read_history(path: str | Path) -> History:
    """Every line is checked: one that is torn, foreign or holds what is no number is named and left out.

    Raises `BrokenRunError` where no line has a value with its error.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"There is no history at {path}. `ganeval gate --history {path.name}` appends to one.")
    records: list[Mapping[str, Any]] = []
    skipped: list[str] = []
    for number, line in enumerate(itertools.islice(lines_of(path), MAX_LINES), start=1):
        if not line.strip():
            continue
        try:
            records.append(_record(json.loads(line)))
        except (ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, BrokenRunError) else "it is no JSON"
            skipped.append(f"line {number} of {path.name} was left out: {why}")
    aimed = {
        name for record in records for name, metric in record["metrics"].items() if metric.get("better") == "target"
    }
    skipped += [f"{name} was left out: it has a target, so neither direction is a loss." for name in sorted(aimed)]
    if not any(_point(record, metric) for record in records for metric in record["metrics"].values()):
        raise BrokenRunError(" ".join([f"{path} holds no line of a history with a value and its error.", *skipped[:3]]))
    return History(tuple(records), tuple(skipped))


def _record(document: Any) -> Mapping[str, Any]:
    """A line with nothing in it that cannot be calculated with or written."""
    if not isinstance(document, dict) or not isinstance(document.get("metrics"), dict):
        raise BrokenRunError("it is no line of a history.")
    for key in ("time", "commit", "protocol_hash"):
        if document.get(key) is not None:
            text(document[key], key)
    for name, metric in document["metrics"].items():
        found = table(metric, text(name, "a metric's name"))
        value, se = found.get("value"), found.get("se")
        if value is not None:
            finite(value, f"the value of {name}")
        if se is not None and 0 < finite(se, f"the error of {name}", 0.0) < SMALLEST * max(1.0, abs(value or 0.0)):
            raise BrokenRunError(f"the error of {name} is {se:g}, which is rounding and no error.")
        if found.get("better", "lower") not in get_args(Better):
            raise BrokenRunError(
                f"{name} has better = {found['better']!r}; expected one of {', '.join(get_args(Better))}."
            )
    return document


def trends(history: Iterable[Mapping[str, Any]], metrics: Sequence[str] = (), *, arl: float = ARL) -> list[Trend]:
    """One `Trend` per metric; the false alarms of all of them together are one in `arl` runs."""
    series: dict[str, list[Point]] = {}
    for record in history:
        for name, metric in record["metrics"].items():
            point = _point(record, metric)
            if point is not None:
                series.setdefault(name, []).append(point)
    for name in metrics:
        if name not in series:
            raise UnknownNameError(unknown_name("metric in the history", name, series))
    wanted = {name: series[name] for name in metrics or sorted(series)}
    h = decision_interval(arl * max(len(wanted), 1))
    return [trend(name, points, h) for name, points in wanted.items()]


def trend(metric: str, points: Sequence[Point], h: float) -> Trend:
    deviations: list[float] = []
    sums: list[float] = []
    for _, group in itertools.groupby(points, key=lambda point: point.protocol_hash):
        part = list(group)
        known = [_deviation(part[:i], part[i]) / _inflation(part) for i in range(len(part))]
        deviations += known
        sums += _cusum(known) if len(part) >= POINTS_NEEDED else [0.0] * len(part)
    return Trend(metric, tuple(points), tuple(deviations), tuple(sums), h)


def decision_interval(arl: float, k: float = K) -> float:
    """The alarm level at which a healthy series raises one alarm in `arl` values.

    >>> round(decision_interval(938), 2)
    5.0
    """
    if not arl > 1:
        raise WrongInputError(f"An average run length must be more than 1; got {arl}. Leave it out for {ARL}.")
    low, high = 0.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        b = middle + OVERSHOOT
        run_length = (math.exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k)
        low, high = (middle, high) if run_length < arl else (low, middle)
    return low


def render_trend(found: Sequence[Trend], skipped: Sequence[str] = ()) -> str:
    """Plain text: the lines left out, then the last value of each metric, its band and where a drift began."""
    lines = [f"note: {one_line(sentence)}" for sentence in skipped[:SHOWN]]
    lines += [f"note: {len(skipped) - SHOWN} more lines were left out."] if len(skipped) > SHOWN else []
    for one in found:
        last = one.points[-1]
        lines.append(
            f"{one_line(one.metric)}: {render_value(last.value, last.se)}, {len(one.points)} points, {_spark(one)}"
        )
        lines.append(f"  cusum {one.sums[-1]:.2f} of {one.h:.2f}" + _alarm(one))
    return "\n".join(lines) + "\n"


def render_otava(found: Sequence[Trend]) -> str:
    """CSV for Apache Otava's `csv` importer: time, commit, one column per metric."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for one in found:
        for point in one.points:
            rows.setdefault((point.time, point.commit), {})[one.metric] = point.value
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [one.metric for one in found]
    writer.writerow(["time", "commit", *names])
    writer.writerows([*key, *(values.get(name, "") for name in names)] for key, values in rows.items())
    return out.getvalue()


def _point(record: Mapping[str, Any], metric: Mapping[str, Any]) -> Point | None:
    """None for a value without an error, which cannot be told from noise,
    and for one of which no direction is a loss.
    """
    value, se = metric.get("value"), metric.get("se")
    if not is_finite(value) or not is_finite(se) or not se > 0 or metric.get("better") == "target":
        return None
    names = {key: str(record.get(key) or "") for key in ("time", "commit", "protocol_hash")}
    return Point(**names, value=float(value), se=float(se), better=str(metric.get("better", "lower")))


def _deviation(before: Sequence[Point], now: Point) -> float:
    """Standard normal for a series with sampling noise only, and independent of the earlier ones."""
    if not before:
        return 0.0
    weights = np.array([1 / point.se**2 for point in before])
    mean = float(np.average([point.value for point in before], weights=weights))
    error = math.sqrt(now.se**2 + 1 / float(weights.sum()))
    return (now.value - mean) / error * (1 if now.better == "lower" else -1)


def _inflation(points: Sequence[Point]) -> float:
    """How much larger than sampling noise the steps between neighbours are; at least 1."""
    steps = [abs(b.value - a.value) / math.hypot(a.se, b.se) for a, b in itertools.pairwise(points)]
    return max(1.0, float(np.mean(steps)) * math.sqrt(2) / MOVING_RANGE) if steps else 1.0


def _cusum(deviations: Sequence[float]) -> list[float]:
    return list(itertools.accumulate(deviations, lambda total, deviation: max(0.0, total + deviation - K)))


def _spark(one: Trend) -> str:
    """The values as eight heights, newest right.

    Flat series are drawn flat.
    """
    values = [point.value for point in one.points[-40:]]
    low, high = min(values), max(values)
    span = max(high - low, 4 * one.points[-1].se)
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * (value - low) / span))] for value in values)


def _alarm(one: Trend) -> str:
    if one.since is None:
        return ""
    begin, first = one.points[one.since], one.points[one.alarms[0]]
    where = begin.commit[:12] or begin.time
    return f"  DRIFT: worse since about {one_line(where)} (alarm at {one_line(first.commit[:12] or first.time)})"
