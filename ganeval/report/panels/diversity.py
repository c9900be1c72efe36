"""Spread inside a class, and walks between latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import ink, series_style, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = ("vendi", "vendi_ratio", "intra_recall", "spread", "spread_ratio", "path_length", "birthday", "ndb")


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("Needs stored evidence: evaluate the run again with this version.")
    return {"blocks": blocks}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    scores = run.evaluation.scores if run.evaluation else {}
    shown = [scores[name] for name in sorted(scores) if name in SCORES and scores[name].ok]
    chart, rows = _distances(page, run)
    walks = _walks(page, run)
    if chart is None and walks is None and not shown:
        return None
    return {"scores": shown, "chart": chart, "rows": rows, "walks": walks}


def _distances(page: Page, run: RunView) -> tuple[Any, list[tuple[str, float]]]:
    stored = run.evidence("diversity")
    if not stored:
        return None, []
    edges = stored["edges"]

    def paint(axes: Axes) -> None:
        axes.stairs(stored["real"], edges, color=ink("real"), lw=1.6)
        axes.stairs(stored["fake"], edges, color=series_style(run.index)["color"], ls=(0, (5, 2)), lw=1.6)
        tidy(axes, xlabel="distance between two images of one class")
        axes.set_yticks([])

    middles = (edges[1:] + edges[:-1]) / 2
    means = [(name, float((stored[key] * middles).sum())) for name, key in (("real", "real"), ("generated", "fake"))]
    said = "; ".join(f"mean {name} {value:.3g}" for name, value in means)
    chart = page.chart(f"spread-{run.index}", paint, title=f"Distances inside classes, {run.label}", description=said,
                       height=1.9)  # fmt: skip
    return chart, means


def _walks(page: Page, run: RunView) -> dict[str, Any] | None:
    stored = run.evidence("interpolation")
    if not stored:
        return None
    tiles = stored["tiles"]
    sprite = sprite_of(np.concatenate(list(tiles)), tiles.shape[1])
    height, width = sprite.shape[:2]
    zoom = max(1, round(360 / width))
    return {"src": page.pictures.add(sprite), "width": width * zoom, "height": height * zoom, "rows": len(tiles)}


TEMPLATE = """
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.scores %}<ul class="facts">{% for s in b.scores %}<li>{{ s.name|metric }} {{ s.better|arrow }} <b>{{ s|score }}</b>{% if s.floor %} (real: {{ number(s.floor.value, s.floor.se) }}){% endif %}</li>{% endfor %}</ul>{% endif %}
{% if b.chart %}<figure><figcaption>Distances inside classes: real (solid), generated (dashed)</figcaption>{{ b.chart }}</figure>
<details class="table"><summary>Table</summary><table><caption>Mean distance of two images of one class</caption><tbody>{% for n, v in b.rows %}<tr><th scope="row">{{ n }}</th><td class="r">{{ number(v) }}</td></tr>{% endfor %}</tbody></table></details>{% endif %}
{% if b.walks %}<figure><figcaption>From one latent to another, one class a row</figcaption><img class="pixel" loading="lazy" src="{{ b.walks.src }}" width="{{ b.walks.width }}" height="{{ b.walks.height }}" alt="{{ b.walks.rows }} interpolations between two latents"></figure>{% endif %}
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "diversity", 130, "Diversity",
    "Two images of one class should lie as far apart as two real ones: a dashed curve left of the solid one is a "
    "generator that repeats itself. Walks should change smoothly without falling apart half way.",
    prepare, TEMPLATE, per_run=True,
)  # fmt: skip
