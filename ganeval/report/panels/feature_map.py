"""Real and generated embeddings on the two main axes of the real ones: where the generator does not go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import dots, ink, plain, series_style, tagged, tidy
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PER_RUN, PER_RUN_CROWDED = 600, 150
HALF = 1.1774100225154747  # sqrt(2 ln 2): so many standard deviations hold half of a Gaussian in the plane
FEWEST = 8  # points of a class below which an ellipse says nothing


def prepare(page: Page) -> dict[str, Any] | Absent:
    runs = [run for run in page.evaluated if run.evidence("map")]
    if not runs:
        return Absent("The last evaluation stored no embeddings: evaluate the run again with this version.")
    together = [_chart(page, members) for members in page.comparable(runs)] if page.crowded else []
    return {
        "blocks": page.blocks(lambda run: _block(page, run), runs),
        "together": together,
        "runs": runs,
        "outlined": not page.crowded and any((run.evidence("map")["real_labels"] >= 0).any() for run in runs),
    }


def _block(page: Page, run: RunView) -> dict[str, Any]:
    stored = run.evidence("map")
    real, fake = stored["real"], stored["fake"]
    scale = np.maximum(real.std(axis=0), 1e-12)
    return {
        "chart": None if page.crowded else _chart(page, [run]),
        "spread": (fake.std(axis=0) / scale).tolist(),
        "shift": ((fake.mean(axis=0) - real.mean(axis=0)) / scale).tolist(),
        "explained": stored["explained"].tolist(),
        "classes": _classes(run, stored),
    }


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
        for run in runs if not page.crowded else ():
            _outline(axes, run)
        both = np.concatenate([first["real"][:PER_RUN], *fakes.values()])
        low, high = both.min(axis=0), both.max(axis=0)
        pad = 0.05 * (high - low + 1e-9)
        axes.set_xlim(low[0] - pad[0], high[0] + pad[0])
        axes.set_ylim(low[1] - pad[1], high[1] + pad[1])
        share = 100 * first["explained"]
        tidy(axes, xlabel=f"axis 1, {share[0]:.0f} % of the real variance", ylabel=f"axis 2, {share[1]:.0f} %")

    said = (
        f"{len(first['real'])} real points as squares, generated points of {', '.join(run.label for run in runs[:8])} "
        "as dots"
    )
    return page.chart(
        f"map-{runs[0].index}",
        paint,
        title=f"Embeddings of {runs[0].label if len(runs) == 1 else 'all runs'}",
        description=said,
        height=3.4,
        left=0.6,
    )


def _outline(axes: Axes, run: RunView) -> None:
    """Each class as an ellipse that holds half of it: real ones solid and named, generated ones dashed."""
    stored = run.evidence("map")
    for label in sorted(set(stored["real_labels"].tolist()) - {-1}):
        own = f"class-{label}"
        for kind, color, dash in (("real", ink("real"), "-"), ("fake", series_style(run.index)["color"], (0, (4, 2)))):
            points = stored[kind][stored[f"{kind}_labels"] == label]
            if len(points) < FEWEST:
                continue
            tagged(axes.plot(*ellipse(points), color=color, ls=dash, lw=1.3)[0], "ellipse", own)
            if kind == "real":
                name = axes.annotate(
                    plain(run.class_name(label)),
                    points.mean(axis=0),
                    ha="center",
                    va="center",
                    color=ink("ink"),
                    fontsize=10,
                    fontweight="bold",
                    annotation_clip=True,
                )
                tagged(name, "ellipse", own)


def ellipse(points: np.ndarray, corners: int = 48) -> np.ndarray:
    """(2, corners) around points (n, 2): holds half of the Gaussian with their mean and covariance.

    >>> outline = ellipse(np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]]))
    >>> (np.abs(outline).max(axis=1) / HALF).round(3).tolist()  # the standard deviations, of n - 1
    [2.449, 0.816]
    """
    values, vectors = np.linalg.eigh(np.cov(points.T))
    angle = np.linspace(0, 2 * np.pi, corners + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return points.mean(axis=0)[:, None] + HALF * vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * circle)


def _classes(run: RunView, stored: dict[str, Any]) -> list[dict[str, Any]]:
    """Per class: how far the generated centre lies from the real one on this plane, in units of the real spread."""
    rows = []
    for label in sorted(set(stored["real_labels"].tolist()) - {-1}):
        real = stored["real"][stored["real_labels"] == label]
        fake = stored["fake"][stored["fake_labels"] == label]
        if len(real) < 3 or len(fake) < 3:
            continue
        scale = np.maximum(real.std(axis=0), 1e-12)
        rows.append(
            {
                "name": run.class_name(label),
                "shift": float(np.hypot(*((fake.mean(axis=0) - real.mean(axis=0)) / scale))),
                "spread": float(np.sqrt(np.prod(fake.std(axis=0) / scale))),
            }
        )
    return rows


TEMPLATE = """
<p class="legend"><span class="key"><i class="dot square real"></i> real (squares)</span> <span class="key">generated
(dots in the run's colour)</span>{% if outlined %} <span class="key">ellipses hold half of a class: real solid,
generated dashed</span>{% endif %}</p>
{% if outlined %}<div class="controls" data-needs-script hidden><button type="button" id="ellipses"
aria-pressed="true">Class ellipses</button></div>{% endif %}
{% if together %}{{ ui.legend(runs) }}{% for chart in together %}<figure>{{ chart }}</figure>{% endfor %}{% endif %}
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.chart %}<figure>{{ b.chart }}</figure>{% endif %}
<details class="table"><summary>Table</summary><table><caption>On each axis, in units of the real spread</caption>
<thead><tr><th scope="col">axis</th><th scope="col" class="r">real variance explained</th>
<th scope="col" class="r">generated spread</th><th scope="col" class="r">shift of the mean</th></tr></thead>
<tbody>{% for i in (0, 1) %}<tr><th scope="row">{{ i + 1 }}</th><td class="r">{{ b.explained[i]|percent }}</td>
<td class="r">{{ '%.2f' % b.spread[i] }}</td><td class="r">{{ '%.2f' % b.shift[i] }}</td></tr>{% endfor %}</tbody>
</table>
{% if b.classes %}<table class="sortable"><caption>By class, on this plane</caption><thead><tr>
<th scope="col">class</th><th scope="col" class="r">shift of the centre</th>
<th scope="col" class="r">relative spread</th></tr></thead><tbody>{% for c in b.classes %}<tr>
<th scope="row">{{ c.name|name }}</th><td class="r">{{ '%.2f' % c.shift }}</td>
<td class="r">{{ '%.2f' % c.spread }}</td></tr>{% endfor %}</tbody></table>{% endif %}</details>
{% endcall %}{% endfor %}
</div>
"""

PANEL = Panel(
    "feature-map",
    100,
    "Feature map",
    "A point is an image as the network sees it, laid out along the two directions in which real images differ most "
    "(their principal components). Squares without dots near them are real images that the generator does not reach; "
    "a solid ellipse without a dashed one is a class that it misses. All other directions are hidden: sets that "
    "overlap here may differ.",
    prepare,
    TEMPLATE,
    per_run=True,
)
