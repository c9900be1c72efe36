"""How often each class is drawn against how often it should be, which are missing, and how much is repeated."""

from __future__ import annotations

from typing import Any

from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

EXTRA = ("missing_classes", "modes", "duplicates", "birthday", "class_balance")


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(_block, page.evaluated)
    if not blocks:
        return Absent("Needs a classifier, for example --classifier hoda.")
    return {"blocks": blocks}


def _block(run: RunView) -> dict[str, Any] | None:
    scores = run.evaluation.scores if run.evaluation else {}
    record = scores.get("class_balance")
    rows = record.details.get("classes", []) if record and record.ok else []
    if not rows or record is None:
        return None
    top = max(max(row["interval"][1], row["target"]) for row in rows) or 1.0
    extra = [scores[name] for name in EXTRA if name in scores and scores[name].ok]
    missing = list(record.details.get("missing", []))
    return {
        "rows": rows,
        "top": top,
        "extra": extra,
        "missing": missing,
        "p": record.details.get("p_value"),
        "test": record.details.get("test", ""),
        "prior": record.details.get("prior", ""),
    }


TEMPLATE = """
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
<table class="bars"><caption>Share of the generated images by class; upright line: the target ({{ b.prior }})</caption>
<thead class="sr"><tr><th scope="col">class</th><th scope="col">share</th><th scope="col">count</th></tr></thead>
<tbody>{% for r in b.rows %}<tr><th scope="row">{{ r.name|name }}</th><td class="bar"><span class="track"><i
class="fill" style="--p:{{ '%.4f' % (r.share / b.top) }}"></i><i class="whisker"
style="--a:{{ '%.4f' % (r.interval[0] / b.top) }};--b:{{ '%.4f' % (r.interval[1] / b.top) }}"></i><i class="target"
style="--p:{{ '%.4f' % (r.target / b.top) }}"></i></span><span class="sr">{{ r.share|percent }} of
{{ r.target|percent }}</span></td><td class="r">{{ r.count|count }}{% if r.count == 0 and r.target > 0 %} <span
class="badge bad">✘ never</span>{% endif %}</td></tr>{% endfor %}</tbody></table>
<ul class="facts">{% for s in b.extra %}<li>{{ s.name|metric }} {{ s.better|arrow }} <b>{{ s|score }}</b>
</li>{% endfor %}
{% if b.p is not none %}<li>chance alone would make a generator that meets the targets look at least this uneven with
probability <b>{{ b.p|chance }}</b> ({{ b.test }})</li>{% endif %}
{% if b.missing %}<li>never drawn: {% for m in b.missing %}{{ m.name|name }}{{ ', ' if not loop.last }}{% endfor %}; a
generator that meets the targets would miss {{ 'it' if b.missing|length == 1 else 'one of them' }} by chance with
probability {{ b.missing|map(attribute='by_chance')|max|chance }}{{ ' at most' if b.missing|length > 1 }}</li>
{%- endif %}</ul>
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "balance",
    80,
    "Modes and repetition",
    "A bar is the share of the generated images that the classifier takes for a class, the thin line its 95 % "
    "interval, the short upright line the share that it should have. No bar: the class is never drawn. Full bars and "
    "many duplicates: every class is drawn, but with few different images.",
    prepare,
    TEMPLATE,
    per_run=True,
)
