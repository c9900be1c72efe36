"""python -m benchmarks [NAME ...]: us and the peers on the same arrays, as ratios; writes docs/benchmarks.md with --write.

Every file here with a function `contests(n, d)` takes part. Peers come with the extra `bench`; one that is missing is
named in the table.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.timing import Contest, Result, race

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
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
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names())}; all by default")
    parser.add_argument("--n", type=int, default=10_000, help="rows a side")
    parser.add_argument("--d", type=int, default=2048, help="columns")
    parser.add_argument("--repeats", type=int, help="timed rounds, instead of what each contest asks for")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(HERE.parent)}")
    given = parser.parse_args()
    unknown = set(given.names) - set(names())
    if unknown:
        parser.error(f"there is no benchmark {sorted(unknown)}; known: {', '.join(names())}")
    results: list[Result] = []
    for contest in contests(given.names or names(), given.n, given.d):
        for result in race(contest, given.repeats):
            results.append(result)
            print(line(result), flush=True)
    if given.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(results), encoding="utf-8")


def names() -> list[str]:
    """Files of this folder that define `contests`."""
    found = [m.name for m in pkgutil.iter_modules([str(HERE)]) if not m.name.startswith("_")]
    return [name for name in found if "\ndef contests(" in (HERE / f"{name}.py").read_text(encoding="utf-8")]


def contests(chosen: list[str], n: int, d: int) -> Iterator[Contest]:
    for name in chosen:
        yield from importlib.import_module(f"benchmarks.{name}").contests(n, d)


def line(r: Result) -> str:
    if r.note:
        return f"{r.title:55s} {r.name:25s} {r.note}"
    bar = f"{r.asked}: {r.verdict}" if r.asked else ""
    return f"{r.title:55s} {r.name:25s} {r.seconds:8.3f} s {r.megabytes:6.0f} MiB {r.ratio:6.2f} x ours (cpu {r.cpu_ratio:.2f} x)  {bar}"


def page(results: list[Result]) -> str:
    head = (
        "# Benchmarks\n\nWritten by `python -m benchmarks --write`. All contestants of a row group ran in turns in one "
        "process on the same arrays; times are medians, ratios are theirs over ours. Seconds depend on the machine and "
        "its load, ratios hardly.\n\n"
        f"{platform.machine()}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads; {versions()}.\n\n"
        "| work | who | seconds | CPU seconds | extra memory, MiB | times ours | CPU times ours | bar | |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(row(r) for r in results)


def row(r: Result) -> str:
    if r.note:
        return f"| {r.title} | {r.name} | {r.note} | | | | | | |\n"
    return f"| {r.title} | {r.name} | {r.seconds:.3f} | {r.cpu:.3f} | {r.megabytes:.0f} | {r.ratio:.2f} | {r.cpu_ratio:.2f} | {r.asked} | {r.verdict} |\n"


def versions() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    main()
