"""Generated images beside their nearest real ones: is anything copied from the training set?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.numerics.intervals import wilson
from ganeval.report.charts import ink, series_style, tagged, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = ("changed_copies", "copies", "authenticity", "data_copying", "ct", "mifid")
FEW = 16  # strips a run on a crowded page
UNLIKELY = 0.05  # below it, chance alone does not explain how many are suspicious
SUSPICIOUS = 0.01  # quantile: closer than all but 1 % of real images are to their nearest other


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("The last evaluation stored no neighbours: evaluate the run again with this version.")
    return {"blocks": blocks, "charts": _charts(page), "runs": page.evaluated}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    stored = run.evidence("neighbours")
    if not stored:
        return None
    fake, real = stored["fake"], stored["real"]
    order = np.argsort(stored["quantile"], kind="stable")[: FEW if page.crowded else len(fake)]
    strips = np.concatenate([fake[order, None], real[order]], axis=1)
    n, k, height, width = strips.shape[:4]
    scores = run.evaluation.scores if run.evaluation else {}
    return {
        "sheet": page.pictures.add(sprite_of(np.concatenate(list(strips)), k)),
        "n": len(fake),
        "k": k - 1,
        "aspect": k * width / height,
        "rows": n,
        "cases": [
            {"distance": float(stored["distance"][i, 0]), "quantile": float(stored["quantile"][i])} for i in order
        ],
        **_suspicion(stored["quantile"]),
        "limit": SUSPICIOUS,
        "scores": [scores[name] for name in SCORES if name in scores and scores[name].ok],
    }


def _suspicion(quantiles: np.ndarray) -> dict[str, Any]:
    """How many lie closer than `SUSPICIOUS` of the real ones do, its 95 % Wilson interval, and how likely that is by
    chance.
    """
    n, k = len(quantiles), int((quantiles < SUSPICIOUS).sum())
    by_chance = sum(math.comb(n, i) * SUSPICIOUS**i * (1 - SUSPICIOUS) ** (n - i) for i in range(k, n + 1))
    return {"suspicious": k, "share": wilson(k, n), "by_chance": by_chance, "striking": by_chance < UNLIKELY}


def _charts(page: Page) -> list[Any]:
    """Where the nearest real image lies, one chart for all runs that share reference and embedding."""
    shown = [run for run in page.evaluated if run.evidence("distances")]
    return [_chart(page, members) for members in page.comparable(shown)]


def _chart(page: Page, runs: list[RunView]) -> Any:
    stored = {run: run.evidence("distances") for run in runs}
    first = stored[runs[0]]

    def paint(axes: Axes) -> None:
        for name, dash in (("real", "-"), ("heldout", (0, (2, 2)))):
            if name in first:
                axes.stairs(_density(first, name), first["edges"], color=ink("real"), ls=dash, lw=1.6)
        for run, values in stored.items():
            color = series_style(run.index)["color"]
            steps = axes.stairs(_density(values, "fake"), values["edges"], color=color, ls=(0, (5, 2)), lw=1.4)
            tagged(steps, "line", f"run-{run.index}")
        tidy(axes, xlabel="distance to the nearest real image")
        axes.set_yticks([])

    said = "; ".join(f"median of {run.label} {_median(values, 'fake'):.3g}" for run, values in list(stored.items())[:8])
    said = f"median real to other real {_median(first, 'real'):.3g}; {said}"
    return page.chart(
        f"nearest-{runs[0].index}",
        paint,
        title="Distances to the nearest real image",
        description=said,
        height=2.1,
        left=0.15,
    )


def _density(stored: dict[str, np.ndarray], name: str) -> np.ndarray:
    return stored[name] / np.diff(stored["edges"])


def _median(stored: dict[str, np.ndarray], name: str) -> float:
    return float(stored["edges"][int(np.searchsorted(np.cumsum(stored[name]), 0.5)) + 1])


TEMPLATE = """
{% if charts %}{{ ui.legend(runs) }}<div class="charts">{% for chart in charts %}<figure>
<figcaption>Distance to the nearest real image: of generated images (dashed), of real ones (solid), of real ones that
nobody
trained on (dotted)</figcaption>{{ chart }}</figure>{% endfor %}</div>{% endif %}
{% for b in blocks %}{% call ui.block(b.run) %}
<p><span class="badge {{ 'bad' if b.striking else 'good' }}">{{ '✘' if b.striking else '✔' }} {{ b.suspicious }} of
{{ b.n }}</span> images picked at random {{ 'has' if b.suspicious == 1 else 'have' }} a real image so near as only 1 %
of the real
images have (95 % interval of the share: {{ b.share[0]|percent }} to {{ b.share[1]|percent }}){% if b.suspicious %};
without any copying, chance gives as many or more with probability {{ b.by_chance|chance }}{% endif %}.
</p>
{% if b.scores %}<p class="facts-line">{% for s in b.scores %}<span>{{ s.name|metric }} {{ s.better|arrow }}
<b>{{ s|score }}</b></span> {% endfor %}</p>{% endif %}
<ul class="neighbours" style="--sheet: url('{{ b.sheet }}'); --columns: {{ b.k + 1 }}">{% for c in b.cases %}<li
class="{{ 'near' if c.quantile < b.limit }}"><span class="crop" role="img"
aria-label="a generated image and its {{ b.k }} nearest real images"
style="aspect-ratio: {{ '%.4f' % b.aspect }}; background-size: 100% {{ 100 * b.rows }}%;
background-position: 0 {{ '%.4f' % (100 * loop.index0 / (b.rows - 1) if b.rows > 1 else 0) }}%"></span><span>
{{- '! ' if c.quantile < b.limit }}q {{ '%.2f' % c.quantile }}</span></li>{% endfor %}</ul>
<details class="table"><summary>Table</summary><table class="sortable">
<caption>Nearest distances of the images shown</caption><thead><tr><th scope="col">image</th>
<th scope="col" class="r">distance</th><th scope="col" class="r">quantile among real distances</th></tr></thead>
<tbody>{% for c in b.cases %}<tr><th scope="row">{{ loop.index }}</th><td class="r">{{ number(c.distance) }}</td>
<td class="r">{{ '%.3f' % c.quantile }}</td></tr>{% endfor %}</tbody></table></details>
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "neighbours",
    110,
    "Nearest real images",
    "The image on the left is generated, those to its right are the real images nearest to it. q = 0.05 says that "
    "only 5 % of the real images have another real image as near as that. An image with q near 0 may be a copy: look "
    "at it.",
    prepare,
    TEMPLATE,
    per_run=True,
)
