"""`ganeval demo`: two small generators are really trained on scikit-learn's digits, evaluated, and shown on one page.

One is healthy; the other was shown six of the ten classes only, which is what a collapsed generator looks like. Takes a
minute or two on two cores, without a network.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ganeval.cli.say import note, require_places
from ganeval.cli.tables import aligned, render_floor
from ganeval.errors import GanevalError
from ganeval.measure.run_samples import evaluate_pending, survey
from ganeval.records.scores import Evaluation
from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

KEPT = (0, 1, 2, 3, 5, 7)  # classes that the collapsed generator was shown
HEALTHY = ("projection_cgan", "--dataset", "digits", "--profile", "demo")
RECIPES = {"healthy": HEALTHY, "collapsed": (*HEALTHY, "--steps", "400", "--classes", *map(str, KEPT))}
INTERRUPTED = 130  # exit code of a training that was stopped by Ctrl-C
SHOWN = ("classifier_score", "fid", "kid", "precision", "recall", "coverage", "class_balance")


def demo(out: Path = Path("runs"), report: Path = Path("report.html"), seed: int = 0) -> int:
    """Train a healthy and a collapsed generator on scikit-learn's digits, evaluate both, write one page.

    Args:
        out: The folder that the runs are added to.
        report: The page.
        seed: Seed of everything random.
    """
    require_places(out / "a run", report)
    started = time.monotonic()
    print(run_demo(out, report, seed=seed, say=note))
    note(f"done in {time.monotonic() - started:.0f} s")
    return 0


@dataclass(frozen=True)
class DemoResult:
    """What `ganeval demo` leaves behind."""

    runs: Path
    report: Path
    evaluations: dict[str, Evaluation]

    def __str__(self) -> str:
        return render(self)


def run_demo(
    out: str | Path = "runs",
    report: str | Path = "report.html",
    *,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> DemoResult:
    """Train, evaluate and report; `say` gets a line before each step. Runs are added to `out`, never replaced."""
    out, report = Path(out), Path(report)
    before = {run.path for run in find_runs(out).runs} if out.is_dir() else set()
    say("training a healthy and a collapsed generator on scikit-learn's digits, one on each core")
    _train_all(
        [
            [*recipe, "--out", str(out), "--seed", str(seed), "--name", f"{name}-digits"]
            for name, recipe in RECIPES.items()
        ]
    )
    fresh = tuple(run for run in find_runs(out).runs if run.path not in before)
    evaluations: dict[str, Evaluation] = {}
    for pending in survey(fresh).waiting:
        name = "healthy" if "healthy" in pending.run.path.name else "collapsed"
        say(f"evaluating the {name} generator")
        evaluations[name] = evaluate_pending(pending)
    say(f"writing {report}")
    build_report(find_runs(out), out=report, title="ganeval demo: a healthy and a collapsed generator")
    return DemoResult(out, report, evaluations)


def _train_all(trainings: list[list[str]]) -> None:
    """Processes of their own: the library never imports the reference models, and small networks gain nothing from
    threads.
    """
    with ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in trainings]
        running = [
            subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "reference_models", *arguments, "--threads", "1"],
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            for arguments, errors in zip(trainings, said, strict=True)
        ]
        for process in running:
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for process, arguments, errors in zip(running, trainings, said, strict=True):
            code = process.wait()
            if code == INTERRUPTED:
                raise KeyboardInterrupt
            if code:
                errors.seek(0)
                last = (errors.read(100_000).strip().splitlines() or ["no output"])[-1]
                raise GanevalError(f"Training {' '.join(arguments[:3])} ended with code {code}: {last}")


def render(result: DemoResult) -> str:
    """The table of both generators, and the collapsed one named as such."""
    names = list(result.evaluations)
    head = ("metric", *names, "real vs real")
    rows = [
        (metric, *(_cell(result.evaluations[n], metric) for n in names), _floor(result, metric)) for metric in SHOWN
    ]
    verdicts = [_verdict(name, evaluation) for name, evaluation in result.evaluations.items()]
    written = f"{result.report} shows both; {result.runs}/ keeps everything."
    return "\n".join([*aligned([head, *rows]), "", *verdicts, "", written])


def _cell(evaluation: Evaluation, metric: str) -> str:
    record = evaluation.scores.get(metric)
    if record is None or not record.ok:
        return "not computed"
    if record.se is None and record.interval is not None:
        return f"{record.value:.4g} [{record.interval[0]:.3g}, {record.interval[1]:.3g}]"
    return str(record)


def _floor(result: DemoResult, metric: str) -> str:
    record = next(iter(result.evaluations.values())).scores.get(metric)
    return "" if record is None else render_floor(record)


def _verdict(name: str, evaluation: Evaluation) -> str:
    """The classes that are missing, and those seen no more often than the classifier's own errors explain."""
    record = evaluation.scores["missing_classes"]
    if not record.ok:
        return f"{name}: which classes are missing was {record.status}"
    details = record.details
    never = [str(entry["name"]) for entry in details.get("missing", [])]
    misread = [str(name) for name in details.get("doubtful", [])]
    if not never and not misread:
        return f"{name}: all classes are there."
    said = [f"never generates {', '.join(never)}"] if never else []
    said += [f"almost never generates {', '.join(misread)}"] if misread else []
    return f"{name}: COLLAPSED, it {' and '.join(said)}."
