"""The report as a process: 50 evaluated runs read and written to a page, and the size of a page of 20 runs x 20 steps.

`python -m benchmarks report` races it against its limit of 5 seconds; `python -m benchmarks.report` also prints the CPU
time, the sizes, whether torch was loaded, and how long Chromium takes to open a page of 50 runs x 50 steps, where it
and playwright are installed. The runs are copies of two that are really evaluated, on digits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.timing import Contest
from ganeval.datasets.dataset import DATASETS
from ganeval.measure.run_samples import evaluate_pending, survey
from ganeval.runs.directory import create_run
from ganeval.runs.discovery import find_runs

RUNS, SECONDS = 50, 5.0
SIZED, STEPS, BYTES = 20, 20, 5 * 2**20
OPENED_STEPS, OPENED_SECONDS = 50, 2.0
_SCRIPT = (
    "import sys; from ganeval.cli.main import report_main; code = report_main(sys.argv[1:]); "
    "print('torch', 'torch' in sys.modules); sys.exit(code)"
)


def contests(n: int = 10_000, d: int = 0) -> Iterator[Contest]:  # noqa: ARG001 - nothing here has columns
    """Rows and columns say nothing here: fewer rows than usual mean fewer runs, without a limit."""
    runs = RUNS if n >= 10_000 else 2
    root = copies(runs, steps=3)
    limits = {"ganeval": SECONDS} if runs == RUNS else {}
    yield Contest(f"report: {runs} evaluated runs as a process", lambda: run_report(root), {}, limits=limits)


@cache
def copies(n: int, steps: int) -> Path:
    """A folder of n evaluated runs of digits with pictures at so many steps, every other one collapsed."""
    root = Path(tempfile.mkdtemp(prefix="ganeval-bench-")) / "runs"
    made = [_evaluated_run(root, kind, steps) for kind in ("healthy", "collapsed")]
    for i in range(2, n):
        shutil.copytree(made[i % 2], root / f"{i + 1:04d}-copy")
    return root


def _evaluated_run(root: Path, kind: str, steps: int) -> Path:
    split = DATASETS["digits"].load("train")
    rng = np.random.default_rng(0)
    classes = range(10) if kind == "healthy" else (0, 1, 2, 3)
    run = create_run(
        root,
        kind,
        config={},
        seeds={},
        class_names=tuple("0123456789"),
        protocol={"real": "digits:test", "classifier": "digits"},
    )
    for step in range(0, 2000, 10):
        run.log(step, {"loss/d": 1 + rng.normal() / 9, "loss/g": 1 + rng.normal() / 9})
    labels = np.repeat(np.arange(10), 8)
    for step in range(1, steps + 1):
        tiles = np.concatenate([_drawn(split.images[split.labels == c % len(classes)], 8, rng) for c in range(10)])
        run.write_grid(100 * step, tiles, rows=10, labels=labels.tolist(), latents="x")
    asked = np.arange(500) % 10
    images = np.concatenate([_drawn(split.images[split.labels == classes[c % len(classes)]], 1, rng) for c in asked])
    run.write_samples(100 * steps, images, asked)
    run.update(status="done")
    for pending in survey(find_runs(root).runs).waiting:
        evaluate_pending(pending)
    return run.path


def _drawn(images: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return images[rng.integers(len(images), size=n)]


def run_report(root: Path) -> tuple[Path, str]:
    """The page over `root`, by a fresh Python; returns it and what was printed."""
    out = root.parent / "report.html"
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", _SCRIPT, str(root), "--out", str(out)], capture_output=True, text=True, check=True
    )
    return out, done.stdout


def main() -> None:
    for runs, steps in ((RUNS, 3), (SIZED, STEPS), (RUNS, OPENED_STEPS)):
        root = copies(runs, steps)
        before, started = os.times(), time.perf_counter()
        out, said = run_report(root)
        wall, after = time.perf_counter() - started, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        size = out.stat().st_size
        print(
            f"{runs} runs x {steps} steps: {wall:.2f} s, {cpu:.2f} s of CPU, {size / 2**20:.2f} MiB; "
            f"torch loaded: {'torch True' in said}"
        )
        if runs == SIZED and size > BYTES:
            sys.exit(f"The page has {size:,} bytes; at most {BYTES:,} were promised.")
        if steps == OPENED_STEPS and (seconds := opening(out)) is not None:
            print(f"opened by Chromium in {seconds:.2f} s")
            if seconds > OPENED_SECONDS:
                sys.exit(f"At most {OPENED_SECONDS:g} s were promised.")


def opening(page: Path) -> float | None:
    """Seconds from the last byte until the page is built and its script has run;
    None without Chromium or playwright.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None or find_spec("playwright") is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        timing = tab.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
        browser.close()
    return (timing["domContentLoadedEventEnd"] - timing["responseEnd"]) / 1000


if __name__ == "__main__":
    main()
