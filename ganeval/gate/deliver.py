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
    failures: list[str] = []
    for name, path in outputs.items():
        writer = WRITERS[name]
        try:
            _write(writer.kind, Path(path), writer.render(verdict))
        except OSError as error:
            failures.append(f"The {name} output could not be written to {path}: {error.strerror or error}.")
    if not failures:
        return verdict
    return verdict.with_(
        exit_code=verdict.exit_code if verdict.exit_code == Exit.REGRESSED else Exit.ERROR,
        sentence=" ".join([verdict.sentence, *failures]),
        notes=(*verdict.notes, *failures),
    )


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
