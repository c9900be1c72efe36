"""Generated images beside their nearest real ones: is anything copied from the training set?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import ink, series_style, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = ("authenticity", "copies", "data_copying", "ct", "mifid")
SUSPICIOUS = 0.01  # quantile: closer than all but 1 % of real images are to their nearest other


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("Needs stored evidence: evaluate the run again with this version.")
    return {"blocks": blocks}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    stored = run.evidence("neighbours")
    if not stored:
        return None
    fake, real = stored["fake"], stored["real"]
    order = np.argsort(stored["quantile"], kind="stable")[: 16 if len(page.evaluated) > 8 else 32]
    cases = [_case(page, fake[i], real[i], stored["distance"][i], float(stored["quantile"][i])) for i in order]
    scores = run.evaluation.scores if run.evaluation else {}
    suspicious = int((stored["quantile"] < SUSPICIOUS).sum())
    return {"cases": cases, "n": len(fake), "suspicious": suspicious, "chart": _chart(page, run),
            "scores": [scores[name] for name in SCORES if name in scores and scores[name].ok]}  # fmt: skip


def _case(page: Page, fake: np.ndarray, real: np.ndarray, distance: np.ndarray, quantile: float) -> dict[str, Any]:
    sprite = sprite_of(np.concatenate([fake[None], real]), 1 + len(real))
    height, width = sprite.shape[:2]
    zoom = max(1, round(36 * (1 + len(real)) / width))
    return {"src": page.pictures.add(sprite), "width": width * zoom, "height": height * zoom,
            "distance": float(distance[0]), "quantile": quantile, "near": quantile < SUSPICIOUS, "k": len(real)}  # fmt: skip


def _chart(page: Page, run: RunView) -> Any:
    stored = run.evidence("distances")
    if not stored:
        return None
    edges = stored["edges"]

    def paint(axes: Axes) -> None:
        own = series_style(run.index)["color"]
        lines = {"real": (ink("real"), "-"), "heldout": (ink("muted"), (0, (2, 2))), "fake": (own, (0, (5, 2)))}
        for name, (color, dash) in lines.items():
            if name in stored:
                axes.stairs(stored[name], edges, color=color, ls=dash, lw=1.6)
        tidy(axes, xlabel="distance to the nearest real image")
        axes.set_yticks([])

    middle = {name: edges[int(np.searchsorted(np.cumsum(stored[name]), 0.5))] for name in ("real", "fake")}
    said = f"median bin: generated to real {middle['fake']:.3g}, real to other real {middle['real']:.3g}"
    return page.chart(f"nearest-{run.index}", paint, title=f"Distances to the nearest real image, {run.label}",
                      description=said, height=1.9)  # fmt: skip


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
<p>{% if b.suspicious %}<span class="badge warn">! {{ b.suspicious }} of {{ b.n }}</span> random images lie{{ 's' if b.suspicious == 1 }} closer to a real image than all but 1 % of real images do to each other.{% else %}<span class="badge good">✔ none of {{ b.n }}</span> random images lies closer to a real image than all but 1 % of real images do to each other.{% endif %}
{% for s in b.scores %} {{ s.name|metric }} {{ s.better|arrow }} <b>{{ s|score }}</b>{{ ',' if not loop.last else '.' }}{% endfor %}</p>
<div class="split"><ul class="neighbours">{% for c in b.cases %}<li class="{{ 'near' if c.near }}"><img class="pixel first-tile" loading="lazy" src="{{ c.src }}" width="{{ c.width }}" height="{{ c.height }}" alt="a generated image and its {{ c.k }} nearest real images"><span>{{ '! ' if c.near }}q {{ '%.2f' % c.quantile }}</span></li>{% endfor %}</ul>
{% if b.chart %}<figure><figcaption>Distance to the nearest real image: generated (dashed), real (solid), unseen real (dotted)</figcaption>{{ b.chart }}</figure>{% endif %}</div>
<details class="table"><summary>Table</summary><table class="sortable"><caption>Nearest distances of the images shown</caption><thead><tr><th scope="col">image</th><th scope="col" class="r">distance</th><th scope="col" class="r">quantile among real distances</th></tr></thead><tbody>{% for c in b.cases %}<tr><th scope="row">{{ loop.index }}</th><td class="r">{{ number(c.distance) }}</td><td class="r">{{ '%.3f' % c.quantile }}</td></tr>{% endfor %}</tbody></table></details>
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "neighbours", 110, "Nearest real images",
    "In each strip the first image is generated, the others are the real ones nearest to it. q is where that distance "
    "stands among the distances between real images: near 0 is closer than reals are to each other, so look for a copy.",
    prepare, TEMPLATE, per_run=True,
)  # fmt: skip
