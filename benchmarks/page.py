"""docs/benchmarks.md: what was measured on each processor, side by side, the road from the folder to the number first.

The rows lie in docs/results/benchmarks.json under the processor's name and its number of cores, never a host; a new run
replaces the rows of its own works, which are named with their number of images, on its own processor.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.growth import WITHIN
from benchmarks.timing import Result, Step, crowded
from ganeval.core.files import read_json, write_json
from ganeval.core.machine import processor

RESULTS = Path(__file__).parent.parent / "docs" / "results" / "benchmarks.json"
ROAD = "folder to FID"
UNKNOWN = "not noted"
NOT_RUN = (
    "\nThe road from a folder of files to FID (`python -m benchmarks road`) has not been run to its end on a quiet "
    "machine yet.\n"
)

HEAD = """# Benchmarks

Written by `python -m benchmarks --write` (one work: `python -m benchmarks NAME --write`; `--n` images a side). All
contestants of a work ran in turns in one process on the same data. A cell says: times ours in seconds (in CPU
seconds), seconds, CPU seconds and, where noted, the load average. *Under load*: half a process or more wanted a core
that was not there; then the ratio of CPU seconds is the one to read, and CPU seconds do not count the worker processes
that a peer starts. Ratios do depend on the processor: compare the columns. A bar that was not met says how much of it
was reached.

- Few images (the title says how many) carry the fixed costs: of ours a few looks of the network at single images, which
  name the cache's entry; of pytorch-fid and clean-fid a root of a matrix. With many, what is left the first time is the
  network, and the second time what grows with the files: each is opened, and none is read ([why that is
  enough](decisions/062-clocks-of-many-files.md)). The files are dropped from the system's memory before each time. What
  is kept of the first time are the rows and, where it took half a second, the distance with its error.
- [How far we are from the processor's limit, and where the seconds of the commands go](results/profiles.md);
  [what was tried](decisions/047-the-processor-is-the-limit.md).
- The metrics of the whole suite that take longest are named under *Where the seconds go*; its floors cost little,
  because they share the passes of the values.
- Inside a training loop: [what a call costs](results/loop.md).
- On a GPU (`python -m benchmarks gpu`): not run, no GPU was there. The tests run its table on the CPU.
"""


def machine() -> str:
    return f"{processor()}, {os.cpu_count()} CPUs"


def entry(result: Result) -> dict[str, Any]:
    """One row as it is stored; the title ends where a semicolon begins what differs from machine to machine."""
    title, _, note = result.title.partition("; ")
    kept: dict[str, Any] = {
        "title": title,
        "note": note,
        "who": result.name,
        "missing": result.note,
        "asked": result.asked,
    }
    kept["threads"] = torch.get_num_threads()
    numbers = ("seconds", "cpu", "megabytes", "ratio", "cpu_ratio", "load")
    return {**kept, "verdict": result.verdict, **{name: round(getattr(result, name), 3) for name in numbers}}


def step_entry(step: Step) -> dict[str, Any]:
    """One size of a series as it is stored."""
    verdict = "met" if step.growth <= 1 + WITHIN else "NOT met"
    numbers = {name: round(getattr(step, name), 3) for name in ("seconds", "cpu", "megabytes")}
    found = {"title": step.title, "n": step.n, "growth": f"{step.growth:.2f} of n^{step.power:g}", "verdict": verdict}
    return {**found, **numbers}


def stored(results: Iterable[Result], steps: Iterable[Step], about: str, path: Path = RESULTS) -> dict[str, Any]:
    """All rows of all machines with these in the place of older ones of the same work on this machine."""
    known: dict[str, Any] = read_json(path) if path.exists() else {}
    here = known.setdefault(machine(), {"about": about, "rows": [], "growth": []})
    here["growth"] = [step_entry(step) for step in steps] or here["growth"]
    new = [entry(result) for result in results]
    titles = {row["title"] for row in new}
    here["about"], here["rows"] = about, [row for row in here["rows"] if row["title"] not in titles] + new
    write_json(path, known)
    return known


def render(known: Mapping[str, Any]) -> str:
    """The page: a column for each machine, a row for each contestant of each work."""
    cells: dict[tuple[str, str, str], dict[str, str]] = {}
    for name, found in known.items():
        for row in found["rows"]:
            cells.setdefault((row["title"], row["who"], row["asked"]), {})[name] = cell(row, cores_of(name))
    order = sorted(cells, key=lambda key: ROAD not in key[0])
    head = f"| work | who | bar | {' | '.join(known)} |\n|---|---|---|{'---|' * len(known)}\n"
    lines = [f"| {' | '.join(key)} | {' | '.join(cells[key].get(name, '') for name in known)} |\n" for key in order]
    about = "".join(f"- {name}: {found['about']}\n" for name, found in known.items())
    missing = "" if any(ROAD in title for title, _, _ in cells) else NOT_RUN
    return f"{HEAD}\n{about}{missing}\n{head}{''.join(lines)}{notes(known)}{growth(known)}"


def cell(row: Mapping[str, Any], cores: int) -> str:
    if row["missing"]:
        return str(row["missing"])
    load = row["load"]
    parts = [
        f"{row['ratio']:.2f} x ({row['cpu_ratio']:.2f} x)",
        f"{row['seconds']:.3f} s, CPU {row['cpu']:.3f} s, {row['megabytes']:.0f} MiB",
        f"load {load:.1f}" + (", *under load*" if crowded(load, cores) else "") if load else f"load {UNKNOWN}",
        f"{row['threads']} thread{'s' * (row['threads'] > 1)}" if "threads" in row else "",
        row["verdict"],
    ]
    return "; ".join(part for part in parts if part)


def cores_of(name: str) -> int:
    """The number of cores in a machine's name.

    >>> cores_of("AMD EPYC, 2 CPUs")
    2
    """
    return int(name.rpartition(", ")[2].split()[0])


def notes(known: Mapping[str, Any]) -> str:
    """Where the seconds go, once for each work of each machine that says so."""
    found = {(name, row["title"]): row["note"] for name, one in known.items() for row in one["rows"] if row["note"]}
    lines: Sequence[str] = [f"- {name}: {title}: {note}\n" for (name, title), note in found.items()]
    return "\n## Where the seconds go\n\n" + "".join(lines) if lines else ""


def growth(known: Mapping[str, Any]) -> str:
    """The tables of the series: CPU time over what n to the power says, from the first size on."""
    head = (
        "\n## Growth\n\nCPU time over that of the smallest size times the power of n; the bar is 1 within "
        f"{WITHIN:.0%}, or less.\n"
    )
    columns = (
        "\n| work | n | seconds | CPU seconds | extra memory, MiB | over the power of n | "
        "|\n|---|---|---|---|---|---|---|\n"
    )
    tables = [
        f"\n{name}\n{columns}{''.join(map(step_row, found['growth']))}"
        for name, found in known.items()
        if found["growth"]
    ]
    return head + "".join(tables) if tables else ""


def step_row(s: Mapping[str, Any]) -> str:
    return (
        f"| {s['title']} | {s['n']} | {s['seconds']:.3f} | {s['cpu']:.3f} | {s['megabytes']:.0f} | {s['growth']} "
        f"| {s['verdict']} |\n"
    )
