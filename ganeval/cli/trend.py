"""`ganeval trend`: slow drift in a history of evaluations."""

from __future__ import annotations

import sys
from pathlib import Path

from tyro.conf import Positional

from ganeval.core.files import write_atomic, writing
from ganeval.core.shown import MaybePath, Names


def trend(history: Positional[Path], metrics: Names = (), arl: float = 938.0, otava_csv: MaybePath = None) -> int:
    """Slow drift in a history of evaluations; exit code 1 where a metric drifts to the worse.

    Args:
        history: history.jsonl, as `ganeval gate --history` appends it.
        metrics: Only these.
        arl: Healthy runs between two false alarms, all metrics together.
        otava_csv: Write the values for Apache Otava here.
    """
    from ganeval.gate.trend import read_history, render_otava, render_trend, trends

    read = read_history(history)
    found = trends(read, metrics, arl=arl)
    if otava_csv is not None:
        with writing(otava_csv):
            write_atomic(otava_csv, render_otava(found))
    sys.stdout.write(render_trend(found, read.skipped))
    return int(any(one.alarms for one in found))
