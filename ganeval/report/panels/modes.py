"""What is missing and what is invented: the images of modes that one of the two sets has more of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

SIDES = ("Missing: real images that the generator makes too rarely", "Invented: what it makes and the data hardly have")


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("No evaluation looked for missing modes: evaluate the run again with this version.")
    return {"blocks": blocks}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    stored = run.evidence("modes")
    if not stored:
        return None
    cases = [_case(page, run, stored, row) for row in range(len(stored["p"]))]
    groups = [
        {"title": title, "cases": [c for c in cases if c["invented"] == bool(i)]} for i, title in enumerate(SIDES)
    ]
    return {"groups": [group for group in groups if group["cases"]]}


def _case(page: Page, run: RunView, stored: dict[str, np.ndarray], row: int) -> dict[str, Any]:
    counts, of, label = stored["counts"][row], stored["of"][row], int(stored["class"][row])
    strips = []
    for name, count, total in zip(("real", "fake"), counts.tolist(), of.tolist(), strict=True):
        tiles = stored[name][row][:count]
        sprite = sprite_of(tiles, len(tiles)) if len(tiles) else None
        strips.append(
            {
                "name": "real" if name == "real" else "generated",
                "src": None if sprite is None else page.pictures.add(sprite),
                "width": 0 if sprite is None else sprite.shape[1],
                "shown": len(tiles),
                "count": count,
                "of": total,
                "share": count / total if total else 0.0,
            }
        )
    where = "" if label < 0 else f"inside class {run.class_name(label)}"
    return {"invented": bool(stored["invented"][row]), "where": where, "p": float(stored["p"][row]), "strips": strips}


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
{% if not b.groups %}<p><span
class="badge good">✔</span> No group of images is clearly more frequent in one of the two
sets.</p>
{% endif %}{% for g in b.groups %}<h4>{{ g.title }}</h4><div class="cases">{% for c in g.cases %}<figure>
<figcaption>{{ c.where|capitalize if c.where else 'Among all images' }}, p {{ '≤' }} {{ '%.2g' % c.p }}</figcaption>
{% for s in c.strips %}<p class="meta">{{ s.name }}: {{ s.count }} of {{ s.of }} ({{ s.share|percent }})</p>
{% if s.src %}<span class="strip gaps"
style="--columns: {{ s.shown }}; --tile-rows: 1; max-width: {{ 2.8 * s.shown }}rem"><img
class="pixel" loading="lazy" src="{{ s.src }}" width="{{ s.width }}"
alt="{{ s.shown }} {{ s.name }} images of this mode"></span>{% endif %}{% endfor %}</figure>{% endfor %}</div>
{%- endfor %}
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "modes",
    115,
    "What is missing, what is invented",
    "A mode is a group of images that look alike. Shown are groups of which the generator draws clearly fewer than "
    "the data have (missing) or clearly more (invented), each with the images nearest to its middle. Of a faultless "
    "generator chance shows a group in at most 1 of 100 evaluations.",
    prepare,
    TEMPLATE,
    per_run=True,
)
