"""Which metric sees which fault: twenty faults, all quick metrics, four data sets, one false-alarm rate.

Real, "fake" and training images are disjoint random parts of a data set's splits, n of each; faults are put into the
fakes. A metric sees a fault where its value is worse than all but 1 % of what healthy fakes would give: mean and spread
of the healthy runs, and the quantile of Student's t for one more value. Of a test the same holds of its p-value's
metric.
"""

from __future__ import annotations

import time
from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.core.folders import cache_root
from studies.page import RESULTS
from studies.sight.measured import SPLITS, Known, append, load_pool, measured, missing, planned, stored
from studies.sight.page import page_of


def main(
    *,
    out: Path = RESULTS,
    log: Path | None = None,
    healthy: int = 12,
    repeats: int = 2,
    sizes: tuple[int, ...] = (500, 2000),
    data: tuple[str, ...] = tuple(SPLITS),
    minutes: float = 15.0,
) -> Path:
    """Write `out/sight.md`.

    Args:
        out: folder of the page.
        log: the measurements, one a line; what is in it is not measured again.
        healthy: runs without a fault, of each data set and n.
        repeats: runs with each fault.
        sizes: n of each set; of a smaller data set a third of what there is.
        data: the data sets.
        minutes: stop measuring after so many minutes of CPU, and write the page of what there is.
    """
    log = cache_root() / "sight.jsonl" if log is None else log
    log.parent.mkdir(parents=True, exist_ok=True)
    pools = {name: load_pool(name) for name in data}
    least = {name: len(pool) // 3 for name, pool in pools.items()}
    known, started = stored(log), time.process_time()
    for cell in planned(data, sizes, healthy, repeats, least):
        if not (columns := missing(known, cell)):
            continue
        if time.process_time() - started > 60 * minutes:
            break
        values, one = measured(cell, pools[cell.data], columns), known.setdefault(cell, Known())
        append(log, cell, values, columns)
        one.columns |= set(columns)
        one.values |= values
    command = f"sight --healthy {healthy} --repeats {repeats} --sizes {' '.join(map(str, sizes))}"
    write_atomic(out / "sight.md", page_of({cell: one.values for cell, one in known.items()}, command))
    return out / "sight.md"
