"""The requested class against the class that the classifier saw; a cell with stored examples shows them on click."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

MAX_CLASSES = 40
PER_CELL = 6


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("Needs labelled images and a classifier, for example --classifier hoda.")
    return {"blocks": blocks}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    record = run.evaluation.scores.get("classifier_score") if run.evaluation else None
    counts = np.asarray(record.details.get("confusion", ()) if record and record.ok else ())
    if counts.ndim != 2 or len(counts) > MAX_CLASSES:
        return None
    names = [row["name"] for row in record.details["classes"]] if record else []
    pictures = _examples(page, run)
    totals = counts.sum(axis=1)
    rows = [
        {
            "name": names[i],
            "total": int(totals[i]),
            "cells": [_cell(counts, totals, i, j, pictures) for j in range(counts.shape[1])],
        }
        for i in range(len(counts))
    ]
    worst = sorted(
        ((int(counts[i, j]), i, j) for i, j in np.ndindex(counts.shape) if i != j), key=lambda c: (-c[0], c[1:])
    )[:3]
    return {
        "names": names,
        "rows": rows,
        "key": f"cells-{run.index}",
        "pictures": bool(pictures),
        "worst": [(n, names[i], names[j]) for n, i, j in worst if n],
    }


def _cell(counts: np.ndarray, totals: np.ndarray, i: int, j: int, pictures: set[tuple[int, int]]) -> dict[str, Any]:
    share = counts[i, j] / totals[i] if totals[i] else 0.0
    return {
        "n": int(counts[i, j]),
        "share": float(share),
        "right": i == j,
        "shows": (i, j) in pictures,
        "at": f"{i}-{j}",
    }


def _examples(page: Page, run: RunView) -> set[tuple[int, int]]:
    """One picture with a row for each cell that has examples, kept for the script; returns which cells have some."""
    stored = run.evidence("cells")
    if not stored:
        return set()
    asked, judged, tiles = stored["asked"], stored["judged"], stored["tiles"]
    cells = sorted(set(zip(asked.tolist(), judged.tolist(), strict=True)))
    if page.crowded:
        cells = [cell for cell in cells if cell[0] != cell[1]] or cells
    sheet = np.zeros((len(cells), PER_CELL, *tiles.shape[1:]), np.uint8)
    rows = {}
    for place, (i, j) in enumerate(cells):
        own = tiles[(asked == i) & (judged == j)][:PER_CELL]
        sheet[place, : len(own)] = own
        rows[f"{i}-{j}"] = [place, len(own)]
    height, width = tiles.shape[1:3]
    page.sprites[f"cells-{run.index}"] = {
        "src": page.pictures.add(sprite_of(np.concatenate(list(sheet)), PER_CELL)),
        "rows": rows,
        "columns": PER_CELL,
        "aspect": width / height,
    }
    return set(cells)


TEMPLATE = """
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix of {{ b.run.label }}">
<table class="confusion"><caption>Rows: the requested class. Columns: the class that the classifier saw. Shading: share
of the row.</caption>
<thead><tr><td></td>{% for n in b.names %}<th scope="col">{{ n|name }}</th>{% endfor %}<th scope="col"
class="r">all</th></tr></thead>
<tbody>{% for row in b.rows %}<tr><th scope="row">{{ row.name|name }}</th>{% for c in row.cells %}<td
class="{{ 'right' if c.right else 'wrong' }}{{ ' zero' if not c.n }}" style="--p:{{ '%.3f' % c.share }}"
title="{{ c.share|percent }}">{% if c.shows %}<button type="button" class="cell" data-cells="{{ b.key }}"
data-at="{{ c.at }}" aria-label="
{{- c.n }} requested as {{ row.name|visible }}, seen as {{ b.names[loop.index0]|visible }}: show examples">
{{- c.n }}</button>{% else %}{{ c.n }}{% endif %}</td>{% endfor %}<td
class="r total">{{ row.total|count }}</td></tr>{% endfor %}</tbody></table></div>
{% if b.worst %}<p>Most frequent confusions: {% for n, asked, seen in b.worst %}{{ asked|name }} seen as {{ seen|name }}
({{ n|count }}){{ ', ' if not loop.last }}{% endfor %}.</p>{% else %}<p>Every image was seen as the requested
class.</p>{% endif %}
{% if b.pictures %}<div class="examples" id="{{ b.key }}" role="status">
<p class="meta">Choose a cell to see its images.</p></div>{% endif %}
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "confusion",
    70,
    "Confusion matrix",
    "Images on the diagonal are right. A tinted cell off the diagonal is a class that the generator draws as another "
    "one, or that the classifier confuses: read “The classifier's own errors” before blaming the generator.",
    prepare,
    TEMPLATE,
    per_run=True,
)
