"""python -m benchmarks [NAME ...]: us and the peers on the same arrays, as ratios; writes docs/benchmarks.md with --write.

Every file here with a function `contests(n, d)` takes part, and `growth` with its series. Peers come with the extra `bench`; one that is missing is
named in the table.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.growth import WITHIN, series
from benchmarks.timing import Contest, Result, Step, grow, race
from ganeval.core.machine import processor, versions

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
GROWTH = "growth"
PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "torch-fidelity",
    "torchmetrics",
    "pytorch-fid",
    "clean-fid",
    "prdc",
    "vendi-score",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join([*names(), GROWTH])}; all by default")
    parser.add_argument("--n", type=int, default=10_000, help="rows a side")
    parser.add_argument("--d", type=int, default=2048, help="columns")
    parser.add_argument("--repeats", type=int, help="timed rounds, instead of what each contest asks for")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(HERE.parent)}")
    given = parser.parse_args()
    unknown = set(given.names) - {*names(), GROWTH}
    if unknown:
        parser.error(f"there is no benchmark {sorted(unknown)}; known: {', '.join([*names(), GROWTH])}")
    results: list[Result] = []
    for contest in contests([name for name in given.names or names() if name != GROWTH], given.n, given.d):
        for result in race(contest, given.repeats):
            results.append(result)
            print(line(result), flush=True)
    steps: list[Step] = []
    for one in series() if GROWTH in (given.names or [GROWTH]) else ():
        for step in grow(one):
            steps.append(step)
            print(step_row(step), end="", flush=True)
    if given.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(results, steps), encoding="utf-8")


def names() -> list[str]:
    """Files of this folder that define `contests`."""
    found = [m.name for m in pkgutil.iter_modules([str(HERE)]) if not (m.ispkg or m.name.startswith("_"))]
    return [name for name in found if "\ndef contests(" in (HERE / f"{name}.py").read_text(encoding="utf-8")]


def contests(chosen: list[str], n: int, d: int) -> Iterator[Contest]:
    for name in chosen:
        yield from importlib.import_module(f"benchmarks.{name}").contests(n, d)


def line(r: Result) -> str:
    if r.note:
        return f"{r.title:55s} {r.name:25s} {r.note}"
    bar = f"{r.asked}: {r.verdict}" if r.asked else ""
    return f"{r.title:55s} {r.name:25s} {r.seconds:8.3f} s {r.megabytes:6.0f} MiB {r.ratio:6.2f} x ours (cpu {r.cpu_ratio:.2f} x)  {bar}"


def page(results: list[Result], steps: Sequence[Step] = ()) -> str:
    head = (
        "# Benchmarks\n\nWritten by `python -m benchmarks --write`. All contestants of a row group ran in turns in one "
        "process on the same arrays; times are medians, ratios are theirs over ours. Seconds depend on the machine and "
        "its load, ratios hardly.\n\n"
        f"{processor()}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads; {versions(PACKAGES)}. "
        "A bar that was not met says how much of it was reached.\n\n"
        "| work | who | seconds | CPU seconds | extra memory, MiB | times ours | CPU times ours | bar | |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(row(r) for r in results) + (growth(steps) if steps else "")


def growth(steps: Sequence[Step]) -> str:
    """The table of the series: CPU time over what n to the power says, from the first size on."""
    head = (
        "\n## Growth\n\nCPU time over that of the smallest size times the power of n; "
        f"the bar is 1 within {WITHIN:.0%}, or less.\n\n"
        "| work | n | seconds | CPU seconds | extra memory, MiB | over the power of n | |\n|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(map(step_row, steps))


def step_row(s: Step) -> str:
    verdict = "met" if s.growth <= 1 + WITHIN else "NOT met"
    return (
        f"| {s.title} | {s.n} | {s.seconds:.3f} | {s.cpu:.3f} | {s.megabytes:.0f} | {s.growth:.2f} of n^{s.power:g} "
        f"| {verdict} |\n"
    )


def row(r: Result) -> str:
    if r.note:
        return f"| {r.title} | {r.name} | {r.note} | | | | | | |\n"
    return f"| {r.title} | {r.name} | {r.seconds:.3f} | {r.cpu:.3f} | {r.megabytes:.0f} | {r.ratio:.2f} | {r.cpu_ratio:.2f} | {r.asked} | {r.verdict} |\n"


if __name__ == "__main__":
    main()
