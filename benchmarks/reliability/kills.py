"""Writers that are killed at their first, second, ... call that opens, replaces, removes or syncs a file.

The process is forked, so that a kill costs milliseconds; it dies by SIGKILL, as under a scheduler or without memory.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.outcomes import attempt, table
from benchmarks.reliability.records import evaluation
from ganeval.errors import BrokenRunError
from ganeval.gate.baseline import read_baseline
from ganeval.gate.commands import GateOptions, gate
from ganeval.records.scores import Evaluation
from ganeval.runs.directory import create_run, open_run
from ganeval.runs.discovery import find_runs

CALLS = ("open", "replace", "unlink", "fsync", "rename", "mkdir", "write")
FOUND = ("the old one, whole", "the new one, whole", "refused with a sentence", "broken")
LEFT = "left over after the next write"
MOST = 500  # kills of one writer; it has survived long before


@dataclass(frozen=True)
class Writer:
    """`prepare` makes the old state, `write` the new one, `found` reads what is there: "old", "new" or an error."""

    name: str
    prepare: Callable[[Path], Any]
    write: Callable[[Path], Any]
    found: Callable[[Path], str]


def dies_at(number: int, action: Callable[[], Any]) -> bool:
    """Whether a fork of this process that does `action` is killed at the `number`-th of its `CALLS`; False:
    it survived.
    """
    child = os.fork()
    if child == 0:
        try:
            _arm(number)
            action()
        except BaseException:  # noqa: BLE001 - a fork must never return into its parent's code
            os._exit(9)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise BrokenRunError("A writer failed by itself before it was killed.")
    return os.WIFSIGNALED(status)


def _arm(number: int) -> None:
    left = [number]

    def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    for name in CALLS:
        setattr(os, name, deadly(getattr(os, name)))


def killed(writer: Writer, folder: Path, stride: int) -> Counter[str]:
    """What is found after a kill at each `stride`-th call, until the writer survives."""
    counts: Counter[str] = Counter()
    for number in range(1, MOST, stride):
        place = folder / str(number)
        place.mkdir(parents=True)
        os.chdir(place)
        found = _after(writer, place, number)
        os.chdir(folder)
        shutil.rmtree(place)
        if not found:
            return counts
        counts += found
    raise BrokenRunError(f"{writer.name} did not survive {MOST} calls.")


def _after(writer: Writer, place: Path, number: int) -> Counter[str]:
    """What one kill leaves; nothing where the writer survived."""
    writer.prepare(place)
    if not dies_at(number, lambda: writer.write(place)):
        return Counter()
    found = _verdict(*attempt(lambda: writer.found(place)))
    attempt(lambda: writer.write(place))
    return Counter({found: 1, LEFT: len(list(place.rglob("*.part")))})


def _verdict(how: str, said: Any) -> str:
    if how == "answer":
        return {"old": FOUND[0], "new": FOUND[1]}.get(said, "broken")
    return FOUND[2] if how == "sentence" else "broken"


def _promise(folder: Path) -> None:
    for name, value, seed in (("good", 3.0, 0), ("other", 2.0, 1)):
        evaluation(seed, value).write(folder / name / "result.json")
    (folder / "ganeval.toml").write_text(
        '[gate]\nname = "g"\nbaseline = "base.json"\n[[gate.rule]]\nmetric = "kid"\nmargin_abs = 1.0\n'
    )
    _promised("good")


def _promised(name: str) -> None:
    gate(
        GateOptions(
            runs=(Path(name) / "result.json",),
            update_baseline=True,
            reason="r",
            accept_regression=True,
            force=True,
            allow_ci_update=True,
        )
    )


def _baseline(folder: Path) -> str:
    last = read_baseline(folder / "base.json").last
    value = last.entries["kid"].value
    return _whose(value, len(last.per_sample["kid.influence"]))


def _result(folder: Path) -> str:
    found = Evaluation.read(folder / "r.json", per_sample=True)
    return _whose(found["kid"].value, len(found.per_sample["kid.influence"]))


def _whose(value: float | None, rows: int) -> str:
    return {(3.0, 400): "old", (2.0, 400): "new", (2.0, 500): "new"}.get((value or 0.0, rows), "mixed")


def _evaluated(folder: Path) -> None:
    (path,) = (folder / "runs").iterdir()
    run = open_run(path)
    run.log(4, {"loss": 0.5})
    run.write_evaluation(evaluation(1, 2.0, 500), 3)
    run.update(status="done")


def _started(folder: Path) -> None:
    run = create_run(folder / "runs", "a", config={"n": 1}, seeds={"seed": 0}, protocol={})
    run.log(3, {"loss": 1.0})
    run.write_evaluation(evaluation(0, 3.0), 3)


def _run(folder: Path) -> str:
    (run,) = find_runs(folder / "runs").runs
    if run.error or run.problems or not run.evaluations:
        return "mixed"
    value = run.evaluations[-1].scores["kid"].value
    return {3.0: "old", 2.0: "new"}.get(value or 0.0, "mixed")


WRITERS = (
    Writer("`gate --update-baseline`", _promise, lambda _: _promised("other"), _baseline),
    Writer(
        "`evaluate --json` over an older result",
        lambda place: evaluation(0, 3.0).write(place / "r.json"),
        lambda place: evaluation(1, 2.0, 500).write(place / "r.json"),
        _result,
    ),
    Writer("a run directory: log, evaluation, status", _started, _evaluated, _run),
)


def kills(folder: Path, stride: int) -> str:
    """The table over all writers; `stride` 1 kills at every call."""
    rows = {writer.name: killed(writer, folder / str(number), stride) for number, writer in enumerate(WRITERS)}
    left = {name: counts.pop(LEFT, 0) for name, counts in rows.items()}
    shown = table("killed while it writes", FOUND, rows)
    return f"{shown}\n\nLeft over once the next write had succeeded: {sum(left.values())} files."
