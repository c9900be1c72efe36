"""Where in frequency the images differ from real ones: the sixteen packets of `worst_packet`, from coarse to fine."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

KINDS = (("energy", "Strength of the detail"), ("level", "Pattern that is the same in every image"))
SURE = 0.01  # p of the worst packet
FULL = 1.0  # standard deviations: a cell of this difference has the full tint


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(_block, page.evaluated)
    return {"blocks": blocks} if blocks else Absent("No evaluation looked at frequencies.", hide=True)


def _block(run: RunView) -> dict[str, Any] | None:
    record = run.evaluation.scores.get("worst_packet") if run.evaluation else None
    if record is None or not record.ok:
        return None
    worst = record.details.get("worst")
    channel = worst.get("channel", 0) if isinstance(worst, dict) else 0
    tables = [{"title": title, "rows": _cells(record.details.get(kind), channel, kind, worst)} for kind, title in KINDS]
    tables = [table for table in tables if table["rows"]]
    sure = record.details.get("p_value", 1.0) <= SURE
    return {"tables": tables, "record": record, "sure": sure, "p": record.details.get("p_value")} if tables else None


def _cells(bands: Any, channel: int, kind: str, worst: Any) -> list[list[dict[str, Any]]]:
    """The differences of one channel, a row each; nothing where none were stored."""
    values = np.asarray(bands if isinstance(bands, list) else (), dtype=np.float64)
    if values.ndim != 3 or not 0 <= channel < len(values) or not np.isfinite(values).all():
        return []
    place = (worst.get("rows"), worst.get("columns")) if isinstance(worst, dict) and worst.get("of") == kind else None
    return [
        [
            {"value": v, "said": _signed(v), "share": min(abs(v) / FULL, 1.0), "worst": (i, j) == place}
            for j, v in enumerate(row)
        ]
        for i, row in enumerate(values[channel].tolist())
    ]


def _signed(value: float) -> str:
    shown = f"{value:+.2f}".replace("-", "−")
    return shown if shown.strip("+−0.") else "0"


TEMPLATE = """
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
<p><code>worst_packet</code> <b>{{ b.record|score }}</b>{% if b.record.floor %} (real images:
{{ number(b.record.floor.value) }}){% endif %}; {% if b.sure %}the frequencies of both sets differ, p =
{{ b.p|chance }}{% else %}no difference that chance does not explain{% endif %}.</p>
<div class="bands">{% for t in b.tables %}<table class="confusion"><caption>{{ t.title }}</caption>
<thead><tr><td></td><th scope="col">coarse</th><th scope="col" colspan="2">across</th><th
scope="col">fine</th></tr></thead>
<tbody>{% for row in t.rows %}<tr><th scope="row">{{ ['coarse', 'down', '', 'fine'][loop.index0] }}</th>
{% for c in row %}<td class="{{ 'right' if c.value < 0 else 'wrong' }}"
style="--p:{{ '%.3f' % c.share }}">{% if c.worst %}<b>{{ c.said }}</b>{% else %}{{ c.said }}{% endif %}</td>
{% endfor %}</tr>{% endfor %}</tbody></table>
{% endfor %}</div>
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "frequencies",
    95,
    "Frequencies",
    "Every image is taken apart into 16 bands, from coarse shapes (top left) to fine detail (bottom right). A cell "
    "says by how many standard deviations generated images have more (+) or less (−) of a band than real ones; bold "
    "is the largest difference. Noise adds fine detail, blur takes it away, and a checkerboard is a pattern in the "
    "finest band.",
    prepare,
    TEMPLATE,
    per_run=True,
)
