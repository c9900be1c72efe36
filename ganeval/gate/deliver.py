"""Verdicts to files: every output that was asked for is written whole, or the gate fails."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ganeval.core.files import append_text, write_atomic
from ganeval.gate.verdict import Exit, Verdict
from ganeval.gate.writer import WRITERS

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
SUMMARY_LIMIT = 2**20  # bytes that all steps of a job share: an upload above it is dropped as a whole


def deliver(verdict: Verdict, outputs: Mapping[str, str | Path]) -> Verdict:
    """Write `{"junit": "j.xml", ...}`. The verdict comes back with exit code 3 where something could not be written.

    All outputs are tried, so that one full disk does not hide the others.
    """
    failures = _written(verdict, outputs)
    if not failures:
        return verdict
    verdict = verdict.with_(
        exit_code=verdict.exit_code if verdict.exit_code == Exit.REGRESSED else Exit.ERROR,
        sentence=" ".join([verdict.sentence, *failures.values()]),
        notes=(*verdict.notes, *failures.values()),
    )
    again = {name: path for name, path in outputs.items() if name not in failures and WRITERS[name].kind != "append"}
    _written(verdict, again)  # so that no file says another exit code than this process
    return verdict


def _written(verdict: Verdict, outputs: Mapping[str, str | Path]) -> dict[str, str]:
    """Of the outputs that could not be written: the name, and the sentence that says why."""
    failures: dict[str, str] = {}
    for name, path in outputs.items():
        writer = WRITERS[name]
        try:
            _write(writer.kind, Path(path), writer.render(verdict))
        except OSError as error:
            failures[name] = f"The {name} output could not be written to {path}: {error.strerror or error}."
    return failures


def summary_path() -> str:
    """Where GitHub Actions wants the job summary; "" outside of it, or when this text would break the 1 MiB limit."""
    path = os.environ.get(SUMMARY_VARIABLE, "")
    if path and Path(path).is_file() and Path(path).stat().st_size > SUMMARY_LIMIT - 2**17:
        return ""
    return path


def _write(kind: str, path: Path, text: str) -> None:
    if kind == "append":
        append_text(path, text)
    else:
        write_atomic(path, text)
