"""The exit code of every verb where its output is closed, full, left by its reader or too poor for its signs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reliability.records import evaluation
from ganeval.gate.baseline import Baseline, write_baseline
from ganeval.runs.directory import create_run

FULL = Path("/dev/full")
OUTPUTS = {
    "a file": ("> {out} 2> {err}", {}),
    "a reader that leaves": ("2>&1 | true", {}),
    "a full disk": ("> /dev/full 2> /dev/full", {}),
    "closed": (">&- 2>&-", {}),
    "closed, with stdin": ("<&- >&- 2>&-", {}),
    "ascii": ("> {out} 2> {err}", {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    "cp1252": ("> {out} 2> {err}", {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}),
    "C locale": ("> {out} 2> {err}", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
}
VERBS = {
    "help": (["--help"], 0),
    "no verb": ([], 2),
    "version": (["--version"], 0),
    "verb's help": (["gate", "--help"], 0),
    "unknown verb": (["gaet"], 2),
    "unknown option": (["power", "--nosie", "1"], 2),
    "gate ok": (["gate", "ok.json", "--json", "verdict.json"], 0),
    "gate regressed": (["gate", "worse.json", "--json", "verdict.json"], 1),
    "gate nothing": (["gate", "nowhere.json", "--json", "verdict.json"], 6),
    "ls": (["ls", "extractors"], 0),
    "compare": (["compare", "ok.json", "worse.json"], 0),
    "compare markdown": (["compare", "ok.json", "worse.json", "--format", "markdown"], 0),
    "completion": (["completion", "bash"], 0),
    "power": (["power", "--n", "1000", "--p", "0.9"], 0),
    "trend": (["trend", "history.jsonl"], 0),
    "zoo": (["zoo"], 2),
    "report": (["report", "runs", "--no-evaluate", "--out", "page.html"], 0),
    "report nothing": (["report", "empty", "--no-evaluate", "--out", "none.html"], 6),
    "stats": (["stats", "show", "nowhere.safetensors"], 5),
    "embed": (["embed", "nowhere", "--part", "1/2", "--extractor", "pixels", "--out", "parts"], 5),
    "zoo show": (["zoo", "show", "digits"], 0),
    "evaluate missing": (["evaluate", "--real", "digits:test", "--fake", "caf\udce9", "--classifier", "digits"], 5),
}
SHOWN = ("gate ok", "gate regressed", "gate nothing", "unknown option", "power", "trend", "report", "report nothing")


def furnish(folder: Path) -> None:
    """Rules, a baseline, results that keep it and break it, a run, and a history."""
    evaluation(1, 3.0).write(folder / "ok.json")
    evaluation(2, 9.0).write(folder / "worse.json")
    write_baseline(Baseline.of([evaluation(0, 3.0)], name="a ✓"), folder / "base.json")
    (folder / "ganeval.toml").write_text(
        '[gate]\nbaseline = "base.json"\n[[gate.rule]]\nmetric = "kid"\nmargin_abs = 1.0\n'
    )
    run = create_run(folder / "runs", "a run", config={}, seeds={}, protocol={})
    run.write_evaluation(evaluation(1, 3.0), 3)
    (folder / "empty").mkdir()
    lines = [
        {
            "time": f"2026-01-{day:02d}",
            "metrics": {"kid": {"value": 3.0 + 0.01 * (day % 3), "se": 0.1, "n": 400, "better": "lower"}},
        }
        for day in range(1, 25)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def ran(place: Path, words: list[str], output: str, module: str = "ganeval") -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, in the folder `place`, with one of the `OUTPUTS`."""
    redirect, changes = OUTPUTS[output]
    here = {"out": str(place / "out.txt"), "err": str(place / "err.txt")}
    line = f'"$@" {redirect.format(**here)}; exit ${{PIPESTATUS[0]}}'
    started = [sys.executable, "-m", module] if module == "ganeval" else [sys.executable, "-c", module]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CI": "", **changes}
    return subprocess.run(  # noqa: S603 - the command lines of this file
        ["bash", "-c", line, "bash", *started, *words],  # noqa: S607 - the bash of the machine
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def exit_codes(folder: Path, verbs: Sequence[str]) -> str:
    """A table of the exit code of each verb on each output; what differs from the decided one is in bold."""
    furnish(folder)
    lines = [f"| command | decided | {' | '.join(OUTPUTS)} |", "|---" + "|--:" * (len(OUTPUTS) + 1) + "|"]
    for verb in verbs:
        words, code = VERBS[verb]
        found = [ran(folder, words, output).returncode for output in OUTPUTS]
        shown = [str(one) if one == code else f"**{one}**" for one in found]
        lines.append(f"| `{' '.join(['ganeval', *words])}` | {code} | {' | '.join(shown)} |")
    return "\n".join(lines)
