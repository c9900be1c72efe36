"""What was logged during training, one chart a quantity, all runs in it; and metrics over training with their bands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ganeval.records.scores import Z95
from ganeval.report.charts import downsample, ink, plain, series_style, tagged, tidy
from ganeval.report.hints import plausible
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CHARTS = 12
COUNTED = ("cpu_seconds", "images")  # what only grows: the panel of costs has its last value
EVALUATED = ("fid", "classifier_score", "recall", "kid")
_FIRST = ("loss", "score", "d_", "d(", "grad", "r1", "fid", "lr")


def prepare(page: Page) -> dict[str, Any] | Absent:
    runs = [run for run in page.readable if run.record.curves or len(run.record.evaluations) > 1]
    if not runs:
        return Absent("No run has logged quantities.")
    measured = [chart for name in EVALUATED for chart in _measured(page, runs, name)]
    tags = _tags(runs)
    drawn = [_logged(page, runs, tag, unit) for tag, unit in tags[:MAX_CHARTS]]
    rows = [
        _row(run, tag)
        for tag, unit in tags
        for run in runs
        if tag in run.record.curves and run.record.step_unit == unit
    ]
    return {
        "charts": [*measured, *drawn],
        "rows": rows,
        "more": max(0, len(tags) - MAX_CHARTS),
        "runs": runs,
        "hints": [(run, run.hints) for run in runs if run.hints],
    }


def _tags(runs: list[RunView]) -> list[tuple[str, str]]:
    """(tag, unit of steps), losses first: kimg and epochs never share an axis."""
    tags = {(tag, run.record.step_unit) for run in runs for tag in run.record.curves if tag not in COUNTED}

    def place(item: tuple[str, str]) -> tuple[int, str]:
        low = item[0].lower()
        return next((i for i, word in enumerate(_FIRST) if word in low), len(_FIRST)), low

    return sorted(tags, key=place)


def _logged(page: Page, runs: list[RunView], tag: str, unit: str) -> dict[str, Any]:
    members = [run for run in runs if tag in run.record.curves and run.record.step_unit == unit]
    pixels = max(40, min(260, 4000 // len(members)))

    def paint(axes: Axes) -> None:
        for run in members:
            curve = plausible(tag, run.record.curves[tag])
            x, y = downsample(curve.steps, curve.values, pixels)
            for line in axes.plot(x, y, lw=1.2, marker="." if len(x) == 1 else "", **series_style(run.index)):
                tagged(line, "line", "plot", f"run-{run.index}", title=plain(run.label))
            broken = [step for step, value in zip(curve.steps, curve.values, strict=True) if not math.isfinite(value)]
            if broken:
                mark = axes.plot(broken[:1], [0.04], "x", color=ink("bad"), mew=2, transform=axes.get_xaxis_transform())
                tagged(mark[0], "line", f"run-{run.index}")
        tidy(axes, xlabel=plain(unit))

    values = {run: plausible(tag, run.record.curves[tag]).values for run in members}
    said = "; ".join(f"{run.label} ends at {_last(values[run]):.4g}" for run in members[:6])
    chart = page.chart(
        f"curve-{tag}-{unit}",
        paint,
        title=f"{tag} over {unit}",
        description=said,
        height=2.1,
        positive=_positive(value for run in members for value in values[run]),
    )
    return {"title": tag, "chart": chart, "unit": unit}


def _positive(values: Iterable[float]) -> tuple[float, float] | None:
    """The smallest and the largest finite value where all lie above 0: a logarithmic axis can show nothing else."""
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite and min(finite) > 0 else None


def _measured(page: Page, runs: list[RunView], name: str) -> list[dict[str, Any]]:
    """A metric at several steps, one chart for each unit of steps."""
    charts = []
    for unit in sorted({run.record.step_unit for run in runs}):
        series = {run: points for run in runs if run.record.step_unit == unit and len(points := _points(run, name)) > 1}
        if series:
            charts.append(_over_steps(page, series, name, unit))
    return charts


def _points(run: RunView, name: str) -> list[tuple[float, float, float]]:
    return [
        (float(e.step), float(s.value), s.se or 0.0)
        for e in run.record.evaluations
        if e.step is not None and (s := e.scores.get(name)) and s.value is not None
    ]


def _over_steps(
    page: Page, series: dict[RunView, list[tuple[float, float, float]]], name: str, unit: str
) -> dict[str, Any]:
    def paint(axes: Axes) -> None:
        for run, points in series.items():
            x, y, se = (list(column) for column in zip(*points, strict=True))
            style = series_style(run.index)
            low, high = ([v + sign * Z95 * e for v, e in zip(y, se, strict=True)] for sign in (-1, 1))
            if not page.crowded:
                band = axes.fill([*x, *x[::-1]], [*low, *high[::-1]], color=style["color"], alpha=0.18, lw=0)
                tagged(band[0], "line", "plot", f"run-{run.index}")  # a polygon: its points can be moved, as can lines
            line = axes.plot(x, y, marker=".", **style)[0]
            tagged(line, "line", "plot", f"run-{run.index}", title=plain(run.label))
            for place, mark in _marks(run, name, points):
                options = {"ms": 9, "mec": ink("ink"), "mew": 0.8, "mfc": style["color"] if mark == "*" else "none"}
                tagged(axes.plot(*place, mark, **options)[0], "line", "plot", f"run-{run.index}")
        tidy(axes, xlabel=plain(unit))

    ends = [v + sign * Z95 * e for points in series.values() for _, v, e in points for sign in (-1, 1)]
    said = "; ".join(f"{run.label} {points[-1][1]:.4g} at {points[-1][0]:g}" for run, points in series.items())
    chart = page.chart(
        f"metric-{name}-{unit}",
        paint,
        title=f"{name} over {unit}",
        description=said,
        height=2.1,
        positive=_positive(ends),
    )
    return {"title": f"{name}, band 95 %", "chart": chart, "unit": unit, "marked": True}


def _marks(run: RunView, name: str, points: list[tuple[float, float, float]]) -> list[tuple[tuple[float, float], str]]:
    """The best checkpoint by this metric as a star, the one that the gate judged as a diamond around its point."""
    record = next(e.scores[name] for e in run.record.evaluations if name in e.scores)
    key = {"lower": 1.0, "higher": -1.0}.get(record.better)
    best = [] if key is None else [(min(points, key=lambda p: key * p[1])[:2], "*")]
    candidate = (run.verdict or {}).get("candidate")
    step = candidate.get("step") if isinstance(candidate, dict) else None
    return best + [(point[:2], "D") for point in points if point[0] == step]


def _row(run: RunView, tag: str) -> dict[str, Any]:
    curve = plausible(tag, run.record.curves[tag])
    finite = [value for value in curve.values if math.isfinite(value)]
    return {
        "run": run,
        "tag": tag,
        "n": len(curve.values),
        "last": _last(curve.values),
        "low": min(finite, default=None),
        "high": max(finite, default=None),
        "nan": len(curve.values) - len(finite),
        "step": curve.steps[-1] if curve.steps else None,
    }


def _last(values: tuple[float, ...]) -> float:
    return values[-1] if values else math.nan


TEMPLATE = """
{% if hints %}<ul class="hints">{% for run, found in hints %}{% for hint in found[:6] %}<li
class="{{ hint.level }}"><span class="badge {{ 'bad' if hint.level == 'bad' else 'warn' }}">
{{- '✘' if hint.level == 'bad' else '!' }}</span> {{ ui.swatch(run) }}<b>{{ run.label|name }}</b>:
{{ hint.text|name }}</li>{% endfor %}{% endfor %}</ul>{% endif %}
{{ ui.legend(runs) }}
<div class="controls" data-needs-script hidden><button type="button" id="smooth"
aria-pressed="false">Smooth</button><button type="button" id="logarithmic" aria-pressed="false">Log scale</button><span
role="status" class="status" id="curves-status"></span></div>
<div class="charts">{% for c in charts %}<figure>
<figcaption>{{ c.title|name }}</figcaption>{{ c.chart }}</figure>{% endfor %}</div>
{% if charts|selectattr('marked', 'defined')|list %}<p
class="meta">★ the best checkpoint by that metric, ◇ the one that
the gate judged.</p>{% endif %}
{% if more %}<p class="meta">{{ '1 more logged quantity is' if more == 1 else more ~ ' more logged quantities are' }} in
the table.</p>{% endif %}
<details class="table"><summary>Table of the curves</summary><div class="scroll" tabindex="0" role="region"
aria-label="Logged quantities"><table class="sortable"><caption class="sr">Logged quantities</caption>
<thead><tr><th scope="col">quantity</th><th scope="col">run</th><th scope="col" class="r">values</th>
<th scope="col" class="r">last step</th><th scope="col" class="r">last</th><th scope="col" class="r">smallest</th>
<th scope="col" class="r">largest</th><th scope="col" class="r">NaN, infinite or failed</th></tr></thead>
<tbody>{% for r in rows[:400] %}<tr><th scope="row">{{ r.tag|name }}</th><td>{{ r.run.label|name }}</td>
<td class="r">{{ r.n|count }}</td><td class="r">{{ r.step|count }} {{ r.run.record.step_unit|visible }}</td>
<td class="r">{{ number(r.last) }}</td><td class="r">{{ number(r.low) }}</td><td class="r">{{ number(r.high) }}</td>
<td class="r">{{ r.nan|count }}</td></tr>{% endfor %}</tbody></table></div></details>
"""

PANEL = Panel(
    "curves",
    40,
    "Training curves",
    "Two networks of a GAN compete, so their losses need not fall. Look for values that grow without end, that stay "
    "at 0, or that break off (✕: from here on no number, NaN). Long logs are drawn with fewer points; their peaks "
    "are kept.",
    prepare,
    TEMPLATE,
)
