"""PyTorch-StudioGAN: one root, many runs, each spread over the sibling folders logs, figures, samples, checkpoints ...

The metrics of training are in the text log only (the arrays beside it are pickles and are never opened): lines
`Step: N ... Gen_loss: x Dis_loss: y` and `FID score (Step: N, Using M moments): x`.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.runs.parsing import lines_of, names_in, numbered, real
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord

BESIDE = ("statistics", "checkpoints", "figures", "moments", "values")
_STEP = re.compile(r"\bStep:\s*(\d{1,15})\b")
_PAIR = re.compile(r"\b([A-Za-z]\w*):\s*([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf))(?=[\s,]|$)", re.IGNORECASE)
_SCORE = re.compile(r"> ?([A-Za-z][\w &/-]*?)(?: score)? \(Step: (\d{1,15}),[^)]*\): ([-+.\deEnaif]+)")
_CANVAS = re.compile(r"generated_canvas_(\d{1,9})\.png")
_STAMP = re.compile(r"(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)$")
_NO_QUANTITY = frozenset({"step", "progress", "elapsed", "temperature"})


def probe(folder: Path) -> int:
    if not any((folder / name).is_dir() for name in BESIDE) or not _logs(folder):
        return 0
    return 80 if (folder / "statistics").is_dir() or (folder / "checkpoints").is_dir() else 70


def read(folder: Path) -> list[RunRecord]:
    return [_run(folder, log) for log in _logs(folder)]


def _logs(folder: Path) -> list[Path]:
    return [folder / "logs" / name for name in names_in(folder / "logs") if name.endswith(".log")]


def _run(folder: Path, log: Path) -> RunRecord:
    points: dict[str, Points] = {}
    for line in lines_of(log):
        _line(line, points)
    name, notes = log.stem, ()
    if not points:
        notes = ("the log holds no steps yet",)
    pictures = numbered(folder / "figures" / name, _CANVAS)
    stamp = _STAMP.search(name)
    created = "{}-{}-{}T{}:{}:{}".format(*stamp.groups()) if stamp else ""
    return RunRecord(
        id=name,
        path=folder,
        reader="studiogan",
        name=name,
        created=created,
        curves=curves_of(points),
        grids=tuple(Grid(step, path) for step, path in pictures),
        notes=notes,
    )


def _line(line: str, points: dict[str, Points]) -> None:
    score = _SCORE.search(line)
    if score:
        value = real(score[3])
        if value is not None:
            points.setdefault(f"metric/{score[1].strip().lower().replace(' ', '_')}", Points()).add(
                int(score[2]), value
            )
        return
    step = _STEP.search(line)
    if step is None:
        return
    for key, text in _PAIR.findall(line):
        value = real(text)
        if value is not None and key.lower() not in _NO_QUANTITY:
            points.setdefault(key, Points()).add(int(step[1]), value)


READER = Reader("studiogan", probe, read)
