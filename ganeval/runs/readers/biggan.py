"""BigGAN-PyTorch and ic_gan: logs/EXPERIMENT_log.jsonl, logs/EXPERIMENT/*.log, samples/EXPERIMENT/fixed_samplesN.jpg.

The JSON lines hold the metrics by `itr`; the .log files hold one quantity each, lines `itr: value`.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.runs.parsing import iso, lines_of, loads, names_in, numbered, real
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord

SUFFIX = "_log.jsonl"
_SAMPLES = re.compile(r"fixed_samples(\d{1,9})\.(?:jpg|png)")
_PAIR = re.compile(r"\s*(\d+):\s*(\S+)\s*")


def probe(folder: Path) -> int:
    return 70 if any(name.endswith(SUFFIX) for name in (*names_in(folder), *names_in(folder / "logs"))) else 0


def read(folder: Path) -> list[RunRecord]:
    logs = folder / "logs" if any(name.endswith(SUFFIX) for name in names_in(folder / "logs")) else folder
    return [_run(folder, logs, name) for name in names_in(logs) if name.endswith(SUFFIX)]


def _run(folder: Path, logs: Path, file: str) -> RunRecord:
    name = file.removesuffix(SUFFIX)
    points: dict[str, Points] = {}
    created = ""
    for line in lines_of(logs / file):
        record = loads(line)
        created = created or iso(record.get("_stamp"))
        step = real(record.get("itr"))
        for key, value in record.items():
            number = real(value)
            if step is not None and number is not None and key not in ("itr", "epoch") and not key.startswith("_"):
                points.setdefault(key, Points()).add(step, number)
    for log in names_in(logs / name):
        if log.endswith(".log"):
            _quantity(logs / name / log, points)
    pictures = numbered(folder / "samples" / name, _SAMPLES)
    return RunRecord(
        id=name,
        path=folder,
        reader="biggan",
        name=name,
        created=created,
        step_unit="itr",
        curves=curves_of(points),
        grids=tuple(Grid(step, path) for step, path in pictures),
    )


def _quantity(path: Path, points: dict[str, Points]) -> None:
    for line in lines_of(path):
        pair = _PAIR.fullmatch(line)
        step, value = (real(pair[1]), real(pair[2])) if pair else (None, None)
        if step is not None and value is not None:
            points.setdefault(path.stem, Points()).add(step, value)


READER = Reader("biggan", probe, read)
