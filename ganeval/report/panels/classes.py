"""One line per class: was it generated often enough, and do its images show the requested class?"""

from __future__ import annotations

import math
from typing import Any

from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

TOO_FEW = 30  # images of a class: below it an interval is wider than most questions


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(_block, page.evaluated)
    if not blocks:
        return Absent("Needs a classifier, for example --classifier hoda.")
    return {"blocks": blocks}


def _block(run: RunView) -> dict[str, Any] | None:
    scores = run.evaluation.scores if run.evaluation else {}
    balance, labels = (scores.get(n) for n in ("class_balance", "classifier_score"))
    shares = {row["name"]: row for row in balance.details.get("classes", [])} if balance and balance.ok else {}
    judged = {row["name"]: row for row in labels.details.get("classes", [])} if labels and labels.ok else {}
    if not shares and not judged:
        return None
    inner = {n: scores[n].details.get("by_class", {}) for n in ("intra_fid", "intra_kid") if n in scores}
    rows = [_row(name, shares.get(name, {}), judged.get(name, {})) for name in (judged or shares)]
    for row in rows:
        row["inner"] = {n: _inner(values, row["name"]) for n, values in inner.items() if values}
    return {
        "rows": rows,
        "inner": [n for n, values in inner.items() if values],
        "labelled": bool(judged),
        "counted": bool(shares),
        "corrected": labels.details if labels and labels.ok else {},
    }


def _inner(values: Any, name: str) -> dict[str, Any]:
    """by_class holds, by class name, a value with its error, or a reason; anything else is no number."""
    found = values.get(name) if isinstance(values, dict) else None
    if isinstance(found, dict) and isinstance(found.get("value"), (int, float)):
        return found
    return {"value": None}


def _row(name: str, share: dict[str, Any], judged: dict[str, Any]) -> dict[str, Any]:
    n = judged.get("n", share.get("count", 0))
    recall = judged.get("recall")
    return {
        "name": name,
        "share": share,
        "judged": judged,
        "n": n,
        "few": n < TOO_FEW,
        "detectable": _detectable(recall, n),
    }


def _detectable(rate: float | None, n: int) -> float | None:
    """The drop d of a rate p that n images against n images find with 80 % power, one-sided 5 %.

    The root of n d^2 = z^2 (p (1 - p) + (p - d) (1 - p + d)): a rate near 1 is noisier after it fell than before. Exact
    sums (`numerics.share_power`) would cost 25 ms a class.
    """
    if rate is None or n < 1:
        return None
    p, z2 = min(max(rate, 1 / (n + 2)), 1 - 1 / (n + 2)), (1.645 + 0.842) ** 2
    half = z2 * (2 * p - 1) / 2
    return min(p, (half + math.sqrt(half**2 + 2 * (n + z2) * z2 * p * (1 - p))) / (n + z2))


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.corrected and b.corrected.get('corrected') is not none %}<p>Corrected for the classifier's own errors,
{{ b.corrected.corrected|percent(2) }} of the images show the requested class (95 % interval:
{{ b.corrected.corrected_interval[0]|percent(2) }} to
{{ b.corrected.corrected_interval[1]|percent(2) }}).</p>{% endif %}
<div class="scroll" tabindex="0" role="region" aria-label="Classes of {{ b.run.label }}"><table class="sortable">
<caption class="sr">Classes of {{ b.run.label }}</caption>
<thead><tr><th scope="col">class</th>{% if b.labelled %}<th scope="col"
class="r">requested</th>{% endif %}{% if b.counted %}<th scope="col" class="r">share</th>
<th scope="col" class="r">target</th>{% endif %}{% if b.labelled %}<th scope="col" class="r">recall ↑</th>
<th scope="col" class="r">95 % interval</th><th scope="col" class="r">precision ↑</th>
<th scope="col" class="r">F1 ↑</th><th scope="col" class="r"><abbr
title="the smallest drop of recall, in percentage points, that a comparison with this many images finds
four times out of five">smallest visible drop</abbr></th>{% endif %}{% for n in b.inner %}<th
scope="col" class="r">{{ n|metric }} ↓</th>{% endfor %}</tr></thead>
<tbody>{% for r in b.rows %}<tr{% if r.few %} class="few"{% endif %}><th scope="row">{{ r.name|name }}{% if r.few +%}
<span class="badge warn">few</span>{% endif %}{% if r.share and r.share.count == 0 %} <span class="badge bad">✘
never</span>{% endif %}</th>
{% if b.labelled %}<td class="r">{{ r.judged.n|default(none)|count }}</td>{% endif %}
{% if b.counted %}<td class="r" data-value="{{ r.share.share|default('') }}">
{{- r.share.share|default(none)|percent }}</td><td class="r">{{ r.share.target|default(none)|percent }}</td>{% endif %}
{% if b.labelled %}<td class="r" data-value="{{ r.judged.recall if r.judged.recall is not none else '' }}"><span
class="meter"><i style="--p:{{ '%.4f' % (r.judged.recall or 0) }}"></i></span><span
class="fixed">{{ r.judged.recall|percent }}</span></td><td
class="r">{% if r.judged.recall_interval[0] is not none %}{{ r.judged.recall_interval[0]|percent }} to
{{ r.judged.recall_interval[1]|percent }}{% endif %}</td><td class="r">{{ r.judged.precision|percent }}</td>
<td class="r">{{ r.judged.f1|percent }}</td><td class="r">{{ r.detectable|percent }}</td>{% endif %}
{% for n in b.inner %}<td class="r">{{ number(r.inner[n].value, r.inner[n].se) }}</td>{% endfor %}</tr>
{%- endfor %}</tbody></table></div>
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "classes",
    60,
    "Class by class",
    "Recall: of the images that were asked for as a class, the share that the classifier recognises. Precision: of "
    "the images that it takes for a class, the share that was asked for as it; F1 is the (harmonic) mean of both. "
    "“Few”: fewer than 30 images, so that shares are uncertain.",
    prepare,
    TEMPLATE,
    per_run=True,
)
