"""Fidelity against diversity: precision with recall, density with coverage, and the precision-recall curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganeval.report.charts import ink, series_marker, series_style, tagged, tidy
from ganeval.report.comparability import alike, fair_floor
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAME = 0.02  # floors nearer than this are one mark
PLANES = (("recall", "precision"), ("coverage", "density"))


def prepare(page: Page) -> dict[str, Any] | Absent:
    charts = [chart for pair in PLANES if (chart := _plane(page, *pair)) is not None]
    curve = _curve(page)
    if not charts and curve is None:
        return Absent("Needs precision and recall: evaluate with an extractor or a classifier.")
    names = [name for pair in PLANES for name in reversed(pair)]
    rows = [(run, [_score(run, name) for name in names]) for run in page.evaluated]
    sizes = {run.evaluation.fake.n for run in page.evaluated if run.evaluation}
    return {
        "charts": [*charts, *([curve] if curve else [])],
        "names": names,
        "rows": rows,
        "runs": page.evaluated,
        "sizes": sorted(sizes),
    }


def _score(run: RunView, name: str) -> Any:
    record = run.evaluation.scores.get(name) if run.evaluation else None
    return record if record is not None and record.ok else None


def _plane(page: Page, across: str, up: str) -> dict[str, Any] | None:
    rows = [(run, x, y) for run in page.evaluated if (x := _score(run, across)) and (y := _score(run, up))]
    if not rows:
        return None

    runs = [run for run, _, _ in rows]
    one = all(len(alike(runs, name)) == len(runs) for name in (across, up))
    floors = _floors(rows)

    def paint(axes: Axes) -> None:
        for run, x, y in rows:
            style = series_style(run.index)
            (x0, x1), (y0, y1) = x.interval or (x.value, x.value), y.interval or (y.value, y.value)
            cross = [([x0, x1], [y.value] * 2), ([x.value] * 2, [y0, y1])]
            for across_values, up_values in cross:
                tagged(axes.plot(across_values, up_values, color=style["color"], lw=1)[0], "line", f"run-{run.index}")
            mark = axes.plot([x.value], [y.value], series_marker(run.index), color=style["color"])
            tagged(mark[0], "line", f"run-{run.index}")
        for run, place in floors:
            style = {"color": ink("muted") if one else series_style(run.index)["color"], "ms": 9, "mew": 1.5}
            tagged(axes.plot(*place, "+", **style)[0], *(() if one else ("line", f"run-{run.index}")))
        heights = [*((y.interval or (0, y.value))[1] for _, _, y in rows), *(place[1] for _, place in floors)]
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, max(1.03, *(1.08 * height for height in heights)))
        tidy(axes, xlabel=f"{across} → diversity", ylabel=f"{up} → fidelity")

    said = "; ".join(f"{run.label}: {across} {x}, {up} {y}" for run, x, y in rows[:8])
    chart = page.chart(
        f"plane-{up}", paint, title=f"{up} and {across} of {len(rows)} runs", description=said, height=2.9
    )
    return {"title": f"{up} and {across}", "chart": chart}


def _floors(rows: list[tuple[RunView, Any, Any]]) -> list[tuple[RunView, tuple[float, float]]]:
    """Where real images lie, for each run whose mark would not cover that of another."""
    found: list[tuple[RunView, tuple[float, float]]] = []
    for run, x, y in rows:
        across, up = fair_floor(x), fair_floor(y)
        if across and up:
            place = (across.value, up.value)
            if all(max(abs(a - b) for a, b in zip(place, seen, strict=True)) > SAME for _, seen in found):
                found.append((run, place))
    return found


def _curve(page: Page) -> dict[str, Any] | None:
    lines = []
    for run in page.evaluated:
        record = _score(run, "prd_precision")
        points = np.asarray(record.details.get("curve", ()) if record else (), dtype=np.float64)
        if points.ndim == 2 and points.shape[1] == 2 and np.isfinite(points).all():
            lines.append((run, points))
    if not lines:
        return None

    def paint(axes: Axes) -> None:
        for run, points in lines:
            tagged(axes.plot(points[:, 0], points[:, 1], **series_style(run.index))[0], "line", f"run-{run.index}")
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        tidy(axes, xlabel="recall", ylabel="precision")

    said = "; ".join(
        f"{run.label} encloses {np.trapezoid(points[::-1, 1], points[::-1, 0]):.3f}" for run, points in lines[:8]
    )
    chart = page.chart("prd", paint, title="Precision-recall curves for distributions", description=said, height=2.9)
    return {"title": "PRD curve", "chart": chart}


TEMPLATE = """
{% if sizes|length > 1 %}<p class="warning">! Runs were measured with different numbers of images
({{ sizes|map('count')|join(', ') }}): recall and coverage rise with n, so do not compare these.</p>{% endif %}
{{ ui.legend(runs) }}
<div class="charts">{% for c in charts %}<figure>
<figcaption>{{ c.title }}</figcaption>{{ c.chart }}</figure>{% endfor %}</div>
<details class="table"><summary>Table</summary><div class="scroll" tabindex="0" role="region"
aria-label="Fidelity and diversity"><table class="sortable"><caption class="sr">Fidelity and diversity</caption><thead>
<tr><th scope="col">run</th>{% for n in names %}<th scope="col" class="r">{{ n }} ↑</th>{% endfor %}</tr></thead>
<tbody>{% for run, scores in rows %}<tr><th scope="row">{{ run.label|name }}</th>{% for s in scores %}<td
class="r">{% if s %}{{ s|score }}{% else %}<span
class="none">none</span>{% endif %}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div></details>
"""

PANEL = Panel(
    "fidelity",
    90,
    "Fidelity and diversity",
    "Higher: more of the images look real (fidelity). Further right: more of the variety of the real images is there "
    "(diversity). A generator that draws few things well sits high and to the left. A + marks what real images get. "
    "Recall and coverage grow with the number of images: compare only runs of equally many.",
    prepare,
    TEMPLATE,
)
