"""Where the seconds go: `ganeval evaluate` cold and warm, `ganeval gate`, `ganeval-report` of 50 runs, a plain import.

`python -m benchmarks.profiles [--runs 50] [--n 400] [--write]` runs each in a fresh Python under cProfile and adds up
what every function took by itself, by the room of the house or the library that it belongs to. Threads that decode
images are not in a profile, and a profile makes small functions look longer: the seconds beside it are of a run without
one. `--write` makes docs/results/profiles.md, with the table of benchmarks/limits.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.limits import table
from benchmarks.page import machine
from benchmarks.report import copies
from benchmarks.timing import crowded

PAGE = Path(__file__).parent.parent / "docs" / "results" / "profiles.md"
LARGEST = 7  # groups that a line names
CALL = "import sys; from ganeval.cli.main import main, report_main; sys.exit({entry}({arguments!r}))"
PROFILED = """
import cProfile, json, pstats
profile = cProfile.Profile()
profile.enable()
try:
    {call}
finally:
    profile.disable()
    rows = [[*where, found[2]] for where, found in pstats.Stats(profile).stats.items()]
    open({out!r}, "w").write(json.dumps(rows))
"""
RULES = """[gate]
name = "digits"
baseline = "baseline.json"

[[gate.rule]]
metric = "fid"
margin_rel = 0.5

[[gate.rule]]
metric = "classifier_score"
margin_abs = 0.05
"""
GROUPS = (  # a pattern of a profile's file and function -> the group it is counted in; the first that is found
    (r"ganeval/(\w+)/", r"ganeval.\1"),
    (r"importlib|_imp\.|marshal|zipimport|builtins\.compile", "importing"),
    (r"torch", "torch"),
    (r"numpy|scipy", "numpy and scipy"),
    (r"hashlib|sha256|_hashlib", "hashing"),
    (r"posix\.|_io\.|method 'read|method 'write|genericpath|posixpath|pathlib", "files"),
    (r"PIL|_imaging", "decoding"),
    (r"tyro|argparse|rich", "the command line's parser"),
)


@dataclass(frozen=True)
class Profile:
    """CPU and wall seconds and the load of a run without a profile; shares of own time by group of a run with one."""

    title: str
    cpu: float
    seconds: float
    load: float
    shares: tuple[tuple[str, float], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--n", type=int, default=400, help="images a side of the evaluation")
    parser.add_argument("--write", action="store_true", help="write docs/results/profiles.md")
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as place:
        for one in profiles(Path(place), asked.n, asked.runs):
            found.append(line(one))
            print(found[-1], flush=True)
    if asked.write:
        PAGE.write_text(page(found, f"--n {asked.n} --runs {asked.runs}", table()), encoding="utf-8")


def profiles(place: Path, n: int, runs: int) -> Iterator[Profile]:
    """One after the other: the first evaluation finds an empty cache, the second a full one."""
    (place / "ganeval.toml").write_text(RULES, encoding="utf-8")
    evaluate = ["evaluate", "--fake", "digits:test", "--real", "digits:train", "--classifier", "digits", "--n", str(n)]
    evaluate += ["--json", "e.json"]
    yield profile("ganeval --help", "main", ["--help"], place)
    yield profile(f"ganeval evaluate, {n} + {n} digits of 8 x 8, cold", "main", evaluate, place, cold=True)
    yield profile("the same, features in the cache", "main", evaluate, place)
    run(CALL.format(entry="main", arguments=["gate", "e.json", "--update-baseline", "--reason", "the first"]), place)
    yield profile("ganeval gate e.json", "main", ["gate", "e.json"], place)
    root = copies(runs, steps=3)
    yield profile(f"ganeval-report of {runs} runs", "report_main", [str(root), "--out", "report.html"], place)


def profile(title: str, entry: str, arguments: Sequence[str], place: Path, *, cold: bool = False) -> Profile:
    """Run it without a profile and with one; cold: each time with an empty cache."""
    call, out = CALL.format(entry=entry, arguments=list(arguments)), place / "profile.json"
    empty(place, cold=cold)
    start, before = time.perf_counter(), os.times()
    run(call, place)
    seconds, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    empty(place, cold=cold)
    run(PROFILED.format(call=call, out=str(out)), place)
    return Profile(title, cpu, seconds, os.getloadavg()[0], shares(json.loads(out.read_text(encoding="utf-8"))))


def empty(place: Path, *, cold: bool) -> None:
    if cold:
        shutil.rmtree(place / "cache", ignore_errors=True)


def run(program: str, place: Path) -> None:
    """A fresh Python in `place`, with a cache there."""
    there = {**os.environ, "XDG_CACHE_HOME": str(place / "cache")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=place, env=there, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.stderr.decode(errors="replace")[-2000:])


def shares(rows: Sequence[tuple[str, int, str, float]]) -> tuple[tuple[str, float], ...]:
    """The share of each group in the functions' own time, the largest first.

    >>> shares([("/x/ganeval/report/text.py", 3, "plain", 3.0), ("~", 0, "<built-in method marshal.loads>", 1.0)])
    (('ganeval.report', 0.75), ('importing', 0.25))
    """
    took: dict[str, float] = {}
    for path, _, function, own in rows:
        name = group(f"{path} {function}")
        took[name] = took.get(name, 0.0) + own
    whole = sum(took.values())
    return tuple((name, took[name] / whole) for name in sorted(took, key=lambda name: -took[name]))


def group(where: str) -> str:
    for pattern, name in GROUPS:
        found = re.search(pattern, where)
        if found:
            return found.expand(name)
    return "the rest"


def line(p: Profile) -> str:
    named = ", ".join(f"{name} {share:.0%}" for name, share in p.shares[:LARGEST])
    load = f"{p.load:.1f}" + (" (under load)" if crowded(p.load, os.cpu_count() or 1) else "")
    return f"| {p.title} | {p.cpu:.2f} | {p.seconds:.2f} | {load} | {named} |"


def page(lines: Sequence[str], asked: str, limits: str) -> str:
    head = "| work | CPU seconds | seconds | load | own time of functions, by room or library |\n|---|---|---|---|---|"
    made = f"Made by `python -m benchmarks.profiles {asked} --write` on {machine()}; one run each, in a fresh Python."
    said = "Seconds are of a run without a profile, shares of one with it."
    limit = "## How far from the processor's limit\n\nBy `python -m benchmarks.limits`, on the same machine."
    return f"# Where the seconds go\n\n{made} {said}\n\n{head}\n" + "\n".join(lines) + f"\n\n{limit}\n\n{limits}"


if __name__ == "__main__":
    main()
