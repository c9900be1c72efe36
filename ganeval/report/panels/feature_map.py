"""Real and generated embeddings on the two main axes of the real ones: where the generator does not go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import dots, ink, series_style, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 24_000  # of one colour, all runs together
PER_RUN = 600


def prepare(page: Page) -> dict[str, Any] | Absent:
    limit = max(60, min(PER_RUN, MAX_POINTS // max(1, len(page.evaluated))))
    blocks = page.blocks(lambda run: _block(page, run, limit), page.evaluated)
    if not blocks:
        return Absent("Needs stored evidence: evaluate the run again with this version.")
    return {"blocks": blocks}


def _block(page: Page, run: RunView, limit: int) -> dict[str, Any] | None:
    stored = run.evidence("map")
    if not stored:
        return None
    real, fake = stored["real"][:limit], stored["fake"][:limit]
    explained = stored["explained"]

    def paint(axes: Axes) -> None:
        dots(axes, real, color=ink("real"), square=True, size=2.4)
        dots(axes, fake, color=series_style(run.index)["color"], size=2.8)
        both = np.concatenate([real, fake])
        low, high = both.min(axis=0), both.max(axis=0)
        pad = 0.05 * (high - low + 1e-9)
        axes.set_xlim(low[0] - pad[0], high[0] + pad[0])
        axes.set_ylim(low[1] - pad[1], high[1] + pad[1])
        tidy(
            axes,
            xlabel=f"axis 1, {100 * explained[0]:.0f} % of the real variance",
            ylabel=f"axis 2, {100 * explained[1]:.0f} %",
        )

    spread = fake.std(axis=0) / np.maximum(real.std(axis=0), 1e-12)
    shift = (fake.mean(axis=0) - real.mean(axis=0)) / np.maximum(real.std(axis=0), 1e-12)
    said = (
        f"{len(fake)} generated points spread {spread[0]:.2f} and {spread[1]:.2f} times as far as {len(real)} real ones"
    )
    chart = page.chart(f"map-{run.index}", paint, title=f"Embeddings of {run.label}", description=said, height=3.4)
    return {"chart": chart, "spread": spread.tolist(), "shift": shift.tolist(), "explained": explained.tolist(),
            "classes": _classes(run, stored)}  # fmt: skip


def _classes(run: RunView, stored: dict[str, Any]) -> list[dict[str, Any]]:
    """Per class: how far the generated centre lies from the real one on this plane, in units of the real spread."""
    rows = []
    for label in sorted(set(stored["real_labels"].tolist()) - {-1}):
        real = stored["real"][stored["real_labels"] == label]
        fake = stored["fake"][stored["fake_labels"] == label]
        if len(real) < 3 or len(fake) < 3:
            continue
        scale = np.maximum(real.std(axis=0), 1e-12)
        rows.append({"name": run.class_name(label), "shift": float(np.hypot(*((fake.mean(axis=0) - real.mean(axis=0)) / scale))),
                     "spread": float(np.sqrt(np.prod(fake.std(axis=0) / scale)))})  # fmt: skip
    return rows


TEMPLATE = """
<p class="legend"><span class="key"><i class="dot square real"></i> real (squares)</span> <span class="key">generated (dots in the run's colour)</span></p>
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
<figure>{{ b.chart }}</figure>
<details class="table"><summary>Table</summary><table><caption>On each axis, in units of the real spread</caption><thead><tr><th scope="col">axis</th><th scope="col" class="r">real variance explained</th><th scope="col" class="r">generated spread</th><th scope="col" class="r">shift of the mean</th></tr></thead>
<tbody>{% for i in (0, 1) %}<tr><th scope="row">{{ i + 1 }}</th><td class="r">{{ b.explained[i]|percent }}</td><td class="r">{{ '%.2f' % b.spread[i] }}</td><td class="r">{{ '%.2f' % b.shift[i] }}</td></tr>{% endfor %}</tbody></table>
{% if b.classes %}<table class="sortable"><caption>By class, on this plane</caption><thead><tr><th scope="col">class</th><th scope="col" class="r">shift of the centre</th><th scope="col" class="r">relative spread</th></tr></thead><tbody>{% for c in b.classes %}<tr><th scope="row">{{ c.name|name }}</th><td class="r">{{ '%.2f' % c.shift }}</td><td class="r">{{ '%.2f' % c.spread }}</td></tr>{% endfor %}</tbody></table>{% endif %}</details>
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "feature-map", 100, "Feature map",
    "Principal components of the real embeddings, the same axes for both sets. Squares without dots are what the "
    "generator does not draw. Two axes hide the rest of the space: an overlap here proves nothing.",
    prepare, TEMPLATE, per_run=True,
)  # fmt: skip
