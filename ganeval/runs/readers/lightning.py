"""Lightning's CSVLogger: lightning_logs/version_N/ with metrics.csv (sparse, columns `step` and `epoch`) and
hparams.yaml.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.runs.parsing import flat_yaml, names_in, real, rows_of
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import RunRecord

METRICS, PARAMETERS = "metrics.csv", "hparams.yaml"
_VERSION = re.compile(r"version_\d+")
_CHECKPOINT = re.compile(r"epoch=(\d+)-step=(\d+).*\.ckpt")


def probe(folder: Path) -> int:
    has_metrics, has_parameters = (folder / METRICS).is_file(), (folder / PARAMETERS).is_file()
    if has_metrics and (has_parameters or _VERSION.fullmatch(folder.name)):
        return 80
    return 75 if has_parameters and _VERSION.fullmatch(folder.name) else 0


def read(folder: Path) -> list[RunRecord]:
    points: dict[str, Points] = {}
    if (folder / METRICS).is_file():
        _metrics(folder / METRICS, points)
    saved = sum(bool(_CHECKPOINT.fullmatch(name)) for name in names_in(folder / "checkpoints"))
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="lightning",
            name=folder.name,
            config=flat_yaml(folder / PARAMETERS),
            curves=curves_of(points),
            notes=(f"{saved} checkpoints",) if saved else (),
        )
    ]


def _metrics(path: Path, points: dict[str, Points]) -> None:
    for row in rows_of(path):
        step = real(row.get("step"))
        if step is None:
            continue
        for key, text in row.items():
            value = real(text)
            if value is not None and key not in ("step", "epoch"):
                points.setdefault(key, Points()).add(step, value)


READER = Reader("lightning", probe, read)
