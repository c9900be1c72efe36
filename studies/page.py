"""How every study writes its page: Markdown with who made it and on what, tables, and pictures."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganeval.core.machine import processor
from ganeval.records.scores import ScoreRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "results"


def render_document(title: str, command: str, parts: Sequence[str], *, said: str = "") -> str:
    """A page: its title, the command that makes it with what is `said` of the numbers, and its parts.

    >>> print(render_document("Toys", "toys --seeds 0 1", ["## Modes", "8 of 8"], said="Brackets: 95 %."), end="")
    # Toys
    <BLANKLINE>
    Made by `python -m studies toys --seeds 0 1`. Brackets: 95 %.
    <BLANKLINE>
    ## Modes
    <BLANKLINE>
    8 of 8
    """
    made = f"Made by `python -m studies {command}`. {said}".rstrip()
    return "\n\n".join([f"# {title}", made, *filter(None, parts)]) + "\n"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    >>> print(markdown_table(("a", "b"), [("1", "2")]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """What the numbers of a page were measured on."""
    return f"{os.cpu_count()} cores, {processor()}"


def recipe_text(config: Mapping[str, Any]) -> str:
    """
    >>> recipe_text({"batch": 64, "lr": 0.001})
    '`batch` 64, `lr` 0.001'
    """
    return ", ".join(f"`{key}` {value}" for key, value in config.items())


def percent(share: float | None) -> str:
    """
    >>> percent(0.9657), percent(None)
    ('96.57 %', 'none')
    """
    return "none" if share is None else f"{100 * share:.2f} %"


def with_interval(record: ScoreRecord) -> str:
    if record.interval is None:
        return str(record)
    return f"{record} [{record.interval[0]:.3g}, {record.interval[1]:.3g}]"


def png_of(figure: Figure) -> bytes:
    """A matplotlib figure as a file, without the name of what drew it: equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
