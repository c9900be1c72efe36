"""The tables of readers and panels in docs/report.md, from what each says of itself."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.report.panel import panels_in_order
from ganeval.runs.reader import READERS
from studies.architecture import first_sentence
from studies.page import DOCS, markdown_table


def main(*, out: Path = DOCS) -> Path:
    """Write both tables into `out/report.md`, each in the place of the first table below its heading."""
    page = out / "report.md"
    text = page.read_text(encoding="utf-8")
    for heading, table in (("## Whose runs", readers()), ("## What each panel answers", panels())):
        before, found, after = text.partition(f"{heading}\n\n")
        text = before + found + re.sub(r"\A(?:\|.*\n)+", lambda _, table=table: f"{table}\n", after)
    return write_atomic(page, text)


def readers() -> str:
    rows = [(f"`{reader.name}`", first_sentence(Path(inspect.getfile(reader.read)))) for reader in READERS]
    return markdown_table(("reader", "what it reads"), rows)


def panels() -> str:
    rows = [(panel.title, panel.how_to_read) for panel in panels_in_order()]
    return markdown_table(("panel", "how to read it"), rows)
