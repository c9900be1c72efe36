"""python -m benchmarks [NAME ...]: us and the peers on the same arrays, as ratios;
writes docs/benchmarks.md with --write.

Every file here with a function `contests(n, d)` takes part, and `growth` with its series. Peers come with the extra
`bench`; one that is missing is named in the table.
"""

from __future__ import annotations

from ganeval.cli.early import heed_ctrl_c, leave_at_ctrl_c

if __name__ == "__main__":
    leave_at_ctrl_c("benchmarks")

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.growth import series
from benchmarks.page import render, step_entry, step_row, stored
from benchmarks.timing import Contest, Result, Step, grow, race
from ganeval.core.machine import versions

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
    parser.add_argument("--only", default="", metavar="TEXT", help="works with TEXT in their title, as 'PNG of 32'")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="a contestant to leave out")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(HERE.parent)}")
    given = parser.parse_args()
    unknown = set(given.names) - {*names(), GROWTH}
    if unknown:
        parser.error(f"there is no benchmark {sorted(unknown)}; known: {', '.join([*names(), GROWTH])}")
    chosen = [name for name in given.names or names() if name != GROWTH]
    for contest in contests(chosen, given.n, given.d):
        if given.only not in contest.title:
            continue
        results = race(contest.without(given.without), given.repeats)
        print("\n".join(map(line, results)), flush=True)
        if given.write:
            write(results, [])
    steps: list[Step] = []
    for one in series() if GROWTH in (given.names or [GROWTH]) else ():
        for step in grow(one):
            steps.append(step)
            print(step_row(step_entry(step)), end="", flush=True)
    if given.write and steps:
        write([], steps)


def write(results: list[Result], steps: list[Step]) -> None:
    """After every contest, so that a run that is stopped keeps what it has finished."""
    about = f"{versions(PACKAGES)}"
    PAGE.write_text(render(stored(results, steps, about)), encoding="utf-8")


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
    return (
        f"{r.title:55s} {r.name:25s} {r.seconds:8.3f} s {r.megabytes:6.0f} MiB {r.ratio:6.2f} x ours (cpu "
        f"{r.cpu_ratio:.2f} x)  load {r.load:.1f}  {bar}"
    )


if __name__ == "__main__":
    heed_ctrl_c()
    try:
        main()
    except KeyboardInterrupt:
        print("benchmarks: interrupted; what was finished is written.", file=sys.stderr)
        sys.exit(130)
