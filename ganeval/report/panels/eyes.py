"""Several eyes: how far the images are from real ones for each network that looked at them."""

from __future__ import annotations

from typing import Any

from ganeval.records.eyes import eyes_of
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(_block, page.evaluated)
    if not blocks:
        return Absent(
            "No evaluation asked several networks. Pass --extractors, for example --extractors wavelet pixels.",
            hide=True,
        )
    return {"blocks": blocks}


def _block(run: RunView) -> dict[str, Any] | None:
    scores = {} if run.evaluation is None else run.evaluation.scores
    rows = eyes_of(scores)
    gap = scores.get("eye_gap")
    return {"rows": rows, "gap": gap if gap is not None and gap.ok else None} if rows else None


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
<div class="scroll" tabindex="0" role="region" aria-label="Eyes of {{ b.run.label }}"><table class="sortable">
<caption class="sr">Networks that looked at {{ b.run.label }}</caption>
<thead><tr><th scope="col">network</th><th scope="col" class="r">times as far as real images</th>
<th scope="col" class="r">distance</th><th scope="col" class="r">distance of real images</th></tr></thead><tbody>
{% for r in b.rows %}<tr><th scope="row">{{ r.name|name }}{% if r.chosen %} <small>(of the protocol)</small>
{%- endif %}</th>
<td class="r" data-value="{{ r.ratio }}">{{ number(r.ratio, r.se) }}</td><td class="r">{{ number(r.distance) }}</td>
<td class="r">{{ number(r.real_against_real) }}</td></tr>{% endfor %}</tbody></table></div>
{% if b.gap %}<p class="meta">Of the other networks the one that sees most sees {{ number(b.gap.value, b.gap.se) }}
times as much as the
first.</p>{% endif %}
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "eyes",
    55,
    "Several eyes",
    "Each row is a network that looked at the same images. Its number is the Fréchet distance of the generated images "
    "divided by that of equally many real ones: 1 is as good as real, 2 is twice as far away. If you chose your model "
    "by one network and another one sees far more, the model has learnt to please the first.",
    prepare,
    TEMPLATE,
    per_run=True,
)
