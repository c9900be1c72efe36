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
            "No evaluation asked several networks. Pass --extractors, for example --extractors wavelet pixels."
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
<thead><tr><th scope="col">network</th><th scope="col" class="r">times real against real</th>
<th scope="col" class="r">distance</th><th scope="col" class="r">real against real</th></tr></thead><tbody>
{% for r in b.rows %}<tr><th scope="row">{{ r.name|name }}{% if r.chosen %} <small>(of the protocol)</small>{%
endif %}</th>
<td class="r" data-value="{{ r.ratio }}">{{ number(r.ratio, r.se) }}</td><td class="r">{{ number(r.distance) }}</td>
<td class="r">{{ number(r.real_against_real) }}</td></tr>{% endfor %}</tbody></table></div>
{% if b.gap %}<p class="meta">The worst of the other networks sees {{ number(b.gap.value,
b.gap.se) }} times as much as that of the
protocol.</p>{% endif %}
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "eyes",
    55,
    "Several eyes",
    "Each network's Fréchet distance over what real images get from it at the same n: about 1 is as good as real. A "
    "network that had no part in choosing the model and sees much more than the one that had says that the choice was "
    "gamed.",
    prepare,
    TEMPLATE,
    per_run=True,
)
