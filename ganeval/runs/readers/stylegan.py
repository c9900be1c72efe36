"""StyleGAN2-ADA, StyleGAN3, EDM, R3GAN: NNNNN-description/ with training_options.json, stats.jsonl, metric-*.jsonl.

A line of stats.jsonl (also called training_stats.jsonl) maps a quantity to {num, mean, std}; the step is
`Progress/kimg`, thousands of images shown to the discriminator. StyleGAN3 writes NaN where it has averaged nothing.
Pictures are fakesNNNNNN.png with tiles of the data set's resolution; metrics name their snapshot, and so their step.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ganeval.core.files import open_regular
from ganeval.runs.parsing import document, iso, lines_of, loads, names_in, numbered, png_size, real
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord

OPTIONS, STATS = "training_options.json", ("stats.jsonl", "training_stats.jsonl")
_FAKES = re.compile(r"fakes(\d{1,9})\.png")
_SNAPSHOT = re.compile(r"network-snapshot-(\d{1,9})")


def probe(folder: Path) -> int:
    if not (folder / OPTIONS).is_file():
        return 0
    names = names_in(folder)
    return 90 if any(name in STATS or name.startswith(("network-snapshot-", "metric-")) for name in names) else 60


def read(folder: Path) -> list[RunRecord]:
    options = document(folder / OPTIONS)
    points: dict[str, Points] = {}
    times: list[Any] = []
    for name in STATS:
        if (folder / name).is_file():
            _stats(folder / name, points, times)
            break
    for name in names_in(folder):
        if name.startswith("metric-") and name.endswith(".jsonl"):
            _metrics(folder / name, points)
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="stylegan",
            name=folder.name,
            created=iso(times[0] if times else None),
            status=_status(folder),
            step_unit="kimg",
            config=options,
            curves=curves_of(points),
            grids=_grids(folder, options),
        )
    ]


def _stats(path: Path, points: dict[str, Points], times: list[Any]) -> None:
    for line in lines_of(path):
        record = loads(line)
        step = _mean(record.get("Progress/kimg"))
        if step is None or not math.isfinite(step):
            continue
        if not times:
            times.append(record.get("timestamp"))
        for tag, value in record.items():
            mean = _mean(value)
            if mean is not None and not tag.startswith(("Progress/", "Resources/", "Timing/")):
                points.setdefault(tag, Points()).add(step, mean)


def _mean(value: Any) -> float | None:
    return real(value.get("mean")) if isinstance(value, dict) else None


def _metrics(path: Path, points: dict[str, Points]) -> None:
    for line in lines_of(path):
        record = loads(line)
        snapshot = _SNAPSHOT.search(str(record.get("snapshot_pkl")))
        results = record.get("results")
        if snapshot is None or not isinstance(results, dict):
            continue
        for name, value in results.items():
            number = real(value)
            if number is not None:
                points.setdefault(f"metric/{name}", Points()).add(int(snapshot[1]), number)


def _status(folder: Path) -> str:
    log = folder / "log.txt"
    if not log.is_file():
        return "unknown"
    with open_regular(log) as file:
        file.seek(max(0, log.stat().st_size - 4096))
        return "done" if b"Exiting..." in file.read() else "unknown"


def _grids(folder: Path, options: dict[str, Any]) -> tuple[Grid, ...]:
    given = options.get("training_set_kwargs") or options.get("dataset_kwargs")
    resolution = given.get("resolution") if isinstance(given, dict) else None
    return tuple(Grid(step, path, *_tiles(path, resolution)) for step, path in numbered(folder, _FAKES))


def _tiles(path: Path, resolution: Any) -> tuple[int | None, int | None]:
    size = png_size(path)
    if size is None or not isinstance(resolution, int) or resolution < 1 or any(side % resolution for side in size):
        return None, None
    return size[1] // resolution, size[0] // resolution


READER = Reader("stylegan", probe, read)
