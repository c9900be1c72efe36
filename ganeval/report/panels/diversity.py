"""Spread inside a class, and interpolations between latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import ink, series_style, tagged, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = ("vendi", "vendi_ratio", "intra_recall", "spread", "spread_ratio", "path_length", "birthday", "ndb")


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("The last evaluation stored no distances: evaluate the run again with this version.")
    return {"blocks": blocks, "charts": _charts(page), "runs": page.evaluated}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    scores = run.evaluation.scores if run.evaluation else {}
    shown = [scores[name] for name in sorted(scores) if name in SCORES and scores[name].ok]
    stored, walks = run.evidence("diversity"), _walks(page, run)
    if not stored and walks is None and not shown:
        return None
    rows = [("real", mean(stored, "real")), ("generated", mean(stored, "fake"))] if stored else []
    return {"scores": shown, "rows": rows, "walks": walks}


def _charts(page: Page) -> list[Any]:
    """Distances of two images of one class, one chart for all runs that share reference and embedding."""
    shown = [run for run in page.evaluated if run.evidence("diversity")]
    return [_chart(page, members) for members in page.comparable(shown)]


def _chart(page: Page, runs: list[RunView]) -> Any:
    stored = {run: run.evidence("diversity") for run in runs}
    first = stored[runs[0]]

    def paint(axes: Axes) -> None:
        axes.stairs(first["real"] / np.diff(first["edges"]), first["edges"], color=ink("real"), lw=1.6)
        for run, values in stored.items():
            color = series_style(run.index)["color"]
            density = values["fake"] / np.diff(values["edges"])
            tagged(
                axes.stairs(density, values["edges"], color=color, ls=(0, (5, 2)), lw=1.4), "line", f"run-{run.index}"
            )
        tidy(axes, xlabel="distance between two images of one class")
        axes.set_yticks([])

    said = "; ".join(f"mean of {run.label} {mean(values, 'fake'):.3g}" for run, values in list(stored.items())[:8])
    return page.chart(
        f"spread-{runs[0].index}",
        paint,
        title="Distances inside classes",
        height=2.1,
        left=0.15,
        description=f"mean of real {mean(first, 'real'):.3g}; {said}",
    )


def mean(stored: dict[str, np.ndarray], name: str) -> float:
    """Of the histogram `name`, from the middles of its bins."""
    edges = stored["edges"]
    return float((stored[name] * (edges[1:] + edges[:-1]) / 2).sum())


def _walks(page: Page, run: RunView) -> dict[str, Any] | None:
    stored = run.evidence("interpolation")
    if not stored:
        return None
    tiles = stored["tiles"]
    sprite = sprite_of(np.concatenate(list(tiles)), tiles.shape[1])
    height, width = sprite.shape[:2]
    zoom = max(1, round(480 / width))
    return {"src": page.pictures.add(sprite), "width": width * zoom, "height": height * zoom, "rows": len(tiles)}


TEMPLATE = """
{% if charts %}{{ ui.legend(runs) }}<div class="charts">{% for chart in charts %}<figure>
<figcaption>Distances inside classes: real (solid), generated
(dashed)</figcaption>{{ chart }}</figure>{% endfor %}</div>{% endif %}
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.scores %}<ul class="facts">{% for s in b.scores %}<li>{{ s.name|metric }} {{ s.better|arrow }}
<b>{{ s|score }}</b>{% if s.floor %} (real:
{{ number(s.floor.value, s.floor.se) }}){% endif %}</li>{% endfor %}</ul>{% endif %}
{% if b.walks %}<figure><figcaption>From one latent to another, one class a row</figcaption><img class="pixel"
loading="lazy" src="{{ b.walks.src }}" width="{{ b.walks.width }}" height="{{ b.walks.height }}"
alt="{{ b.walks.rows }} interpolations between two latents"></figure>{% endif %}
{% if b.rows %}<details class="table"><summary>Table</summary><table><caption>Mean distance of two images of one
class</caption><tbody>{% for n, v in b.rows %}<tr><th scope="row">{{ n }}</th><td class="r">{{ number(v) }}</td>
</tr>{% endfor %}</tbody></table></details>{% endif %}
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "diversity",
    130,
    "Diversity",
    "Two generated images of one class should lie as far apart as two real ones: a dashed curve left of the solid one "
    "means that the generator repeats itself. Interpolations should change smoothly, and every image on the way should "
    "look real.",
    prepare,
    TEMPLATE,
    per_run=True,
)
