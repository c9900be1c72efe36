"""What a run cost: the training's time and images, and how long its evaluation took, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

SECONDS, IMAGES = ("cpu_seconds", "Timing/total_sec"), ("images",)  # logged quantities, the first one counts
SLOWEST = 8  # metrics that are named


def prepare(page: Page) -> dict[str, Any] | Absent:
    rows = [row for run in page.readable if (row := _row(run))["known"]]
    if not rows:
        return Absent("Nobody has noted how long anything took.", hide=True)
    return {
        "rows": rows,
        "trained": any(row["seconds"] for row in rows),
        "slow": [row for row in rows if row["metrics"]],
    }


def _row(run: RunView) -> dict[str, Any]:
    seconds = _last(run, SECONDS) or _number(run.record.environment.get("cpu_seconds"))
    images = _last(run, IMAGES)
    measured = run.evaluation.environment if run.evaluation else {}
    took = _number(measured.get("seconds"))
    return {
        "run": run,
        "seconds": seconds,
        "images": images,
        "rate": images / seconds if images and seconds else None,
        "device": _device(run.record.environment),
        "n": run.evaluation.fake.n if run.evaluation else None,
        "took": took,
        "measured_on": _device(measured),
        "metrics": _metrics(measured.get("metric_seconds")),
        "known": bool(seconds or took),
    }


def _last(run: RunView, tags: tuple[str, ...]) -> float | None:
    """The last number that was logged under the first of these names."""
    values = next((run.record.curves[tag].values for tag in tags if tag in run.record.curves), ())
    return next((value for value in reversed(values) if math.isfinite(value) and value > 0), None)


def _number(value: Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return float(value) if known else None


def _device(environment: Mapping[str, Any]) -> str:
    named = [environment.get(key) for key in ("gpu", "device", "processor")]
    threads = _number(environment.get("threads"))
    said = " ".join(dict.fromkeys(value for value in named if isinstance(value, str) and value))
    return said + (f", {threads:.0f} thread{'s' * (threads != 1)}" if threads and said else "")


def _metrics(found: Any) -> list[tuple[str, float]]:
    """The slowest metrics with their seconds."""
    known = (
        [(str(name), s) for name, value in found.items() if (s := _number(value))] if isinstance(found, dict) else []
    )
    return sorted(known, key=lambda item: (-item[1], item[0]))[:SLOWEST]


TEMPLATE = """
<div class="scroll" tabindex="0" role="region" aria-label="Time and images of each run"><table class="sortable">
<caption class="sr">Time and images of each run</caption>
<thead><tr><th scope="col">run</th>{% if trained %}<th scope="col" class="r">training, CPU time</th>
<th scope="col" class="r">images seen</th><th scope="col" class="r">images a second</th><th scope="col">trained
on</th>{% endif %}
<th scope="col" class="r">evaluation, time</th><th scope="col" class="r">images measured</th><th scope="col">measured
on</th></tr></thead>
<tbody>{% for r in rows %}<tr><th scope="row">{{ ui.swatch(r.run) }}{{ r.run.label|name }}</th>{% if trained %}
<td class="r" data-value="{{ r.seconds or '' }}">{{ r.seconds|duration }}</td><td class="r">
{{- r.images|count if r.images else '–' }}</td>
<td class="r">{{ r.rate|round|count if r.rate else '–' }}</td><td>{{ r.device|name if r.device else '–' }}</td>
{%- endif %}
<td class="r" data-value="{{ r.took or '' }}">{{ r.took|duration }}</td><td class="r">
{{- r.n|count if r.n else '–' }}</td>
<td>{{ r.measured_on|name if r.measured_on else '–' }}</td></tr>{% endfor %}</tbody></table></div>
{% if slow %}<details class="table"><summary>The slowest metrics</summary><div class="scroll" tabindex="0" role="region"
aria-label="Seconds of the slowest metrics"><table><caption class="sr">Seconds of the slowest metrics</caption>
<tbody>{% for r in slow %}<tr><th scope="row">{{ ui.swatch(r.run) }}{{ r.run.label|name }}</th><td>
{%- for n, s in r.metrics %}{{ n|metric }}
{{ s|duration }}{{ ', ' if not loop.last }}{% endfor %}</td></tr>{% endfor %}</tbody></table></div>
<p class="meta">Metrics share work, for example the search for nearest neighbours: its time is that of the first one
that
asks.</p></details>{% endif %}
"""

PANEL = Panel(
    "costs",
    145,
    "Time and cost",
    "CPU time adds up what all cores did for the training; the evaluation's time is what you waited. The first "
    "evaluation on a machine takes longest: what a network computed of the real images is kept for the next one.",
    prepare,
    TEMPLATE,
)
