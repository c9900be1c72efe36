"""The classifier's own errors on real images: it would blame even a perfect generator for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks: dict[str, dict[str, Any]] = {}
    for run in page.evaluated:
        name = run.evaluation.classifier if run.evaluation else ""
        if name and name not in blocks and (block := _block(run)):
            blocks[name] = {"name": name, "run": run, **block}
    if not blocks:
        return Absent("The last evaluation stored no errors of a classifier: evaluate the run again with this version.")
    return {"blocks": list(blocks.values())}


def _block(run: RunView) -> dict[str, Any] | None:
    stored = run.evidence("judge")
    if not stored:
        return None
    counts = np.asarray(stored["confusion"])
    totals = counts.sum(axis=1)
    right = int(np.trace(counts))
    errors = sorted(
        ((int(counts[i, j]), i, j) for i, j in np.ndindex(counts.shape) if i != j), key=lambda c: (-c[0], c[1:])
    )
    rows = [
        {
            "name": run.class_name(i),
            "n": int(totals[i]),
            "wrong": int(totals[i] - counts[i, i]),
            "recall": float(counts[i, i] / totals[i]) if totals[i] else None,
        }
        for i in range(len(counts))
    ]
    return {
        "n": int(totals.sum()),
        "right": right,
        "rows": rows,
        "worst": [(n, run.class_name(i), run.class_name(j)) for n, i, j in errors[:5] if n],
    }


TEMPLATE = """
{% for b in blocks %}
<h3>{{ b.name|name }}</h3>
<p>Right on {{ b.right|count }} of {{ b.n|count }} real test images ({{ (b.right / b.n)|percent(2) }}).{% if b.worst +%}
Its most frequent errors: {% for n, a, s in b.worst %}{{ a|name }} taken for {{ s|name }}
({{ n }}){{ ', ' if not loop.last }}{% endfor %}.{% endif %}</p>
<details class="table" open><summary>Table</summary><div class="scroll" tabindex="0" role="region"
aria-label="Recall of the classifier"><table class="sortable"><caption class="sr">Recall of the classifier on real test
images</caption><thead><tr><th scope="col">class</th><th scope="col" class="r">real images</th>
<th scope="col" class="r">mistaken</th><th scope="col" class="r">recall ↑</th></tr></thead>
<tbody>{% for r in b.rows %}<tr><th scope="row">{{ r.name|name }}</th><td class="r">{{ r.n|count }}</td>
<td class="r">{{ r.wrong|count }}</td><td class="r"
data-value="{{ r.recall if r.recall is not none else '' }}">{{ r.recall|percent(2) }}</td></tr>{% endfor %}</tbody>
</table></div></details>
{% endfor %}
"""

PANEL = Panel(
    "judge",
    140,
    "The classifier's own errors",
    "The classifier also errs on real images. If it confuses two classes of real images as often as those of generated "
    "ones, the generator is not at fault.",
    prepare,
    TEMPLATE,
)
