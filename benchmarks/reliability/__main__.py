"""python -m benchmarks.reliability [--full] [--write]: measures, prints the page, writes docs/reliability.md."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ganeval.core.machine import processor

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@dataclass(frozen=True)
class Size:
    """How much is tried."""

    stride: int  # of the calls at which a writer is killed
    damages: int  # of each kind of file
    examples: int  # hostile command lines and calls
    pairs: int  # of results of one generator
    all_verbs: bool
    all_options: bool  # under which trainers resume
    seed: int = 0


QUICK = Size(stride=1, damages=300, examples=3000, pairs=400, all_verbs=False, all_options=False)
FULL = Size(stride=1, damages=5000, examples=100_000, pairs=5000, all_verbs=True, all_options=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="hours instead of minutes")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} in docs/")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    text = page(replace(FULL if given.full else QUICK, seed=given.seed))
    print(text)
    if given.write:
        PAGE.write_text(text, encoding="utf-8")


def page(size: Size) -> str:
    """Forks come first: they are safe while no library has threads of its own."""
    before, cache = Path.cwd(), os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory(prefix="ganeval-reliability-") as name:
        try:
            found = {title: _told(part, Path(name), size) for title, part in PARTS.items()}
        finally:
            os.chdir(before)
            _restore(cache)
    used = sum(
        resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    command = f"python -m benchmarks.reliability{' --full' if size == replace(FULL, seed=size.seed) else ''} --write"
    head = (
        f"Made by `{command}` on {processor()}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, in {used / 60:.1f} CPU minutes; seed {size.seed}."
    )
    return (
        "\n\n".join(["# What does not break it", head, *(f"## {title}\n\n{text}" for title, text in found.items())])
        + "\n"
    )


def _told(part: Callable[[Path, Size], str], folder: Path, size: Size) -> str:
    sys.stderr.write(f"{part.__name__.strip('_')}\n")
    place = folder / part.__name__
    place.mkdir()
    os.chdir(place)
    return part(place, size)


def _kills(folder: Path, size: Size) -> str:
    from benchmarks.reliability.kills import CALLS, kills

    return (
        f"The writer dies by SIGKILL at its first, second, ... call of {', '.join(CALLS)}, until it survives; then "
        f"what lies there is read, with the rows that belong to it.\n\n{kills(folder, size.stride)}"
    )


def _shared(folder: Path, size: Size) -> str:
    from benchmarks.reliability.sharing import ALPHA, alarms

    return (
        f"Two results of one generator (kid, 400 images a side, margin 0.01) at alpha {ALPHA:g}: a gate that is right "
        f"says *regressed* of at most {ALPHA:.0%} of them, and the same wherever they "
        f"lie.\n\n{alarms(folder, size.pairs, size.seed)}"
    )


def _damaged(folder: Path, size: Size) -> str:
    from benchmarks.reliability.corruptions import corruptions

    return (
        "One value of a JSON file replaced, removed or renamed, or bytes of any file cut, changed or added. Of JSON, "
        "images and logs another answer is possible where the damaged value is a legal one: they are for people to "
        f"edit and carry no checksum of themselves.\n\n{corruptions(folder, size.damages, size.seed)}"
    )


def _wrong(_folder: Path, size: Size) -> str:
    from benchmarks.reliability.inputs import inputs

    return (
        "Random command lines and calls of public functions with values that they do not want (`python -m "
        "benchmarks.fuzz`). The last guard is a sentence, too: one that says what was raised, because no check foresaw "
        f"it. A call that never ended would stop this command: none did.\n\n{inputs(size.examples, size.seed)}"
    )


def _closed(folder: Path, size: Size) -> str:
    from benchmarks.reliability.outputs import SHOWN, VERBS, exit_codes

    return "The exit code by what becomes of the output; bold would be another than the decided one.\n\n" + exit_codes(
        folder, list(VERBS) if size.all_verbs else SHOWN
    )


def _resumed(folder: Path, size: Size) -> str:
    from benchmarks.reliability.resume import ARITHMETIC, STEPS, resumed

    options = ({}, *ARITHMETIC) if size.all_options else ({}, ARITHMETIC[-1])
    with contextlib.redirect_stdout(io.StringIO()):  # trainers talk
        found = resumed(folder, options)
    return (
        f"Each trainer's smallest profile: {STEPS} steps at once, against {STEPS // 2}, a stop, and the rest from the "
        "checkpoint. Weights, moments, averages and random states are compared bit for bit, and how they lie in "
        f"memory.\n\n{found}"
    )


def _restore(cache: str | None) -> None:
    os.environ.pop("XDG_CACHE_HOME", None)
    if cache is not None:
        os.environ["XDG_CACHE_HOME"] = cache


PARTS: dict[str, Callable[[Path, Size], str]] = {
    "Killed": _kills,
    "Two results in one folder": _shared,
    "Damaged files": _damaged,
    "Wrong inputs": _wrong,
    "Closed, full and poor outputs": _closed,
    "Resumed": _resumed,
}

if __name__ == "__main__":
    main()
