"""Real and generated embeddings on the two main axes of the real ones: where the generator does not go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import dots, ink, series_style, tagged, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PER_RUN, PER_RUN_CROWDED = 600, 150


def prepare(page: Page) -> dict[str, Any] | Absent:
    runs = [run for run in page.evaluated if run.evidence("map")]
    if not runs:
        return Absent("Needs stored evidence: evaluate the run again with this version.")
    together = [_chart(page, members) for members in _groups(runs).values()] if page.crowded else []
    return {"blocks": page.blocks(lambda run: _block(page, run), runs), "together": together, "runs": runs}


def _groups(runs: list[RunView]) -> dict[tuple[str, str], list[RunView]]:
    """Runs with the same reference and embedding have the same axes."""
    groups: dict[tuple[str, str], list[RunView]] = {}
    for run in runs:
        if run.evaluation:
            groups.setdefault((run.evaluation.real.fingerprint, run.evaluation.fake.weights_sha256), []).append(run)
    return groups


def _block(page: Page, run: RunView) -> dict[str, Any]:
    stored = run.evidence("map")
    real, fake = stored["real"], stored["fake"]
    scale = np.maximum(real.std(axis=0), 1e-12)
    return {
        "chart": None if page.crowded else _chart(page, [run]), "spread": (fake.std(axis=0) / scale).tolist(),
        "shift": ((fake.mean(axis=0) - real.mean(axis=0)) / scale).tolist(), "explained": stored["explained"].tolist(),
        "classes": _classes(run, stored),
    }  # fmt: skip


def _chart(page: Page, runs: list[RunView]) -> Any:
    """The real points, and those of one run or, on a crowded page, of all runs, of which the chosen ones are seen."""
    limit = PER_RUN_CROWDED if page.crowded else PER_RUN
    first = runs[0].evidence("map")
    fakes = {run: run.evidence("map")["fake"][:limit] for run in runs}

    def paint(axes: Axes) -> None:
        dots(axes, first["real"][:PER_RUN], color=ink("real"), square=True, size=2.4)
        for run, fake in fakes.items():
            cloud = dots(axes, fake, color=series_style(run.index)["color"], size=2.8)
            if page.crowded:
                tagged(cloud, "line", "cloud", f"run-{run.index}")
        both = np.concatenate([first["real"][:PER_RUN], *fakes.values()])
        low, high = both.min(axis=0), both.max(axis=0)
        pad = 0.05 * (high - low + 1e-9)
        axes.set_xlim(low[0] - pad[0], high[0] + pad[0])
        axes.set_ylim(low[1] - pad[1], high[1] + pad[1])
        share = 100 * first["explained"]
        tidy(axes, xlabel=f"axis 1, {share[0]:.0f} % of the real variance", ylabel=f"axis 2, {share[1]:.0f} %")

    said = f"{len(first['real'])} real points as squares, generated points of {', '.join(run.label for run in runs[:8])} as dots"
    return page.chart(f"map-{runs[0].index}", paint, title=f"Embeddings of {runs[0].label if len(runs) == 1 else 'all runs'}",
                      description=said, height=3.4, left=0.6)  # fmt: skip


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
{% if together %}{{ ui.legend(runs) }}{% for chart in together %}<figure>{{ chart }}</figure>{% endfor %}{% endif %}
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.chart %}<figure>{{ b.chart }}</figure>{% endif %}
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
