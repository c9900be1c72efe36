"""Runs against each other: dot and whisker for the headline metrics, ranks only where intervals separate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ganeval.records.scores import ScoreRecord
from ganeval.report.charts import SERIES, ink, plain, series_marker, series_style, tidy
from ganeval.report.comparability import fair_floor, ranks, unlike
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHARTED = ("fid", "kid", "classifier_score", "precision", "recall", "coverage")
TABLED = (*CHARTED, "density", "class_balance", "missing_classes", "duplicates", "copies", "vendi")
SPREAD = 0.6  # of a line that the seeds of one recipe take
_SEED = re.compile(r"[-_ ]?(seed|s)[-_ ]?\d+$", re.IGNORECASE)


def prepare(page: Page) -> dict[str, Any] | Absent:
    runs = page.evaluated
    if len(runs) < 2:
        return Absent("A comparison needs two evaluated runs.")
    names = [n for n in TABLED if sum(_ok(run, n) for run in runs) > 1]
    return {
        "runs": runs,
        "names": names,
        "charts": [_chart(page, runs, n) for n in names if n in CHARTED],
        "ranks": {n: ranks(runs, n) for n in names},
        "seeds": _seeds(runs),
        "unlike": unlike(runs, names),
        "better": {n: next(r.evaluation.scores[n].better for r in runs if _ok(r, n)) for n in names},  # pyright: ignore[reportOptionalMemberAccess] - _ok has looked
    }


def _record(run: RunView, name: str) -> ScoreRecord | None:
    return run.evaluation.scores.get(name) if run.evaluation else None


def _ok(run: RunView, name: str) -> bool:
    record = _record(run, name)
    return record is not None and record.ok


def _seeds(runs: list[RunView]) -> dict[str, list[RunView]]:
    """Runs that differ only in a trailing seed, by their common name."""
    groups: dict[str, list[RunView]] = {}
    for run in runs:
        stem = _SEED.sub("", run.label)
        if stem and stem != run.label:
            groups.setdefault(stem, []).append(run)
    return {stem: members for stem, members in groups.items() if len(members) > 1}


def _chart(page: Page, runs: list[RunView], name: str) -> Any:
    rows = [(run, record) for run in runs if (record := _record(run, name)) and record.ok]
    lanes = _lanes([run for run, _ in rows])

    def paint(axes: Axes) -> None:
        for place, members in _by_style(rows).items():
            color, values = series_style(place)["color"], [float(record.value or 0.0) for _, record in members]
            ends = [record.interval or (value, value) for (_, record), value in zip(members, values, strict=True)]
            height = [lanes[run.index] for run, _ in members]
            axes.hlines(height, *zip(*ends, strict=True), color=color, lw=1.6)
            axes.plot(values, height, series_marker(place), color=color, ls="none")
        floors = [floor.value for _, record in rows if (floor := fair_floor(record))]
        one = bool(floors) and max(floors) - min(floors) < 1e-6 + 0.2 * abs(max(floors))
        if one:
            axes.axvline(floors[0], color=ink("muted"), lw=1, ls=(0, (2, 2)))
        labels = {round(lanes[run.index]): plain(_lane_name(run, runs)) for run, _ in rows}
        axes.set_ylim(max(labels) + 0.6, -0.6)
        axes.grid(visible=False, axis="y")
        tidy(axes, xlabel="dashed: real against real" if one else "")
        axes.set_yticks(list(labels), list(labels.values()), parse_math=False)

    said = "; ".join(f"{run.label} {record}" for run, record in rows[:8])
    height = 0.6 + 0.24 * (1 + round(max(lanes.values())))
    left = 0.2 + 0.072 * max(len(plain(_lane_name(run, runs))) for run, _ in rows)
    return page.chart(
        f"compare-{name}",
        paint,
        title=f"{name} of {len(rows)} runs with 95 % intervals",
        description=said,
        height=height,
        left=left,
    )


def _by_style(rows: list[tuple[RunView, ScoreRecord]]) -> dict[int, list[tuple[RunView, ScoreRecord]]]:
    """Runs of one colour and marker together: a few artists instead of two a run."""
    groups: dict[int, list[tuple[RunView, ScoreRecord]]] = {}
    for run, record in rows:
        groups.setdefault(run.index % SERIES, []).append((run, record))
    return groups


def _lanes(runs: list[RunView]) -> dict[int, float]:
    """A line of its own for each run; the seeds of one recipe share one, spread over `SPREAD` of it."""
    together = {
        run.index: (stem, place / (len(members) - 1) - 0.5)
        for stem, members in _seeds(runs).items()
        for place, run in enumerate(members)
    }
    lanes: dict[int, float] = {}
    where: dict[str, int] = {}
    for run in runs:
        stem, place = together.get(run.index, (f"#{run.index}", 0.0))
        lanes[run.index] = where.setdefault(stem, len(where)) + SPREAD * place
    return lanes


def _lane_name(run: RunView, runs: list[RunView]) -> str:
    return next((stem for stem, members in _seeds(runs).items() if run in members), run.label)


TEMPLATE = """
{% for u in unlike %}<p class="warning"><strong>! Not measured alike:</strong>
{% for run in u.runs %}{{ run.label|name }}{{ ', ' if not loop.last }}{% endfor %}
{{ 'differs' if u.runs|length == 1 else 'differ' }} from the other runs in {{ u.words }}, so
{{ 'it has' if u.runs|length == 1 else 'they have' }} no rank in
{% for n in u.metrics %}{{ n|metric }}{{ ', ' if not loop.last }}{% endfor %}.</p>{% endfor %}
<div class="charts">{% for chart in charts %}<figure><figcaption>{{ names[loop.index0]|metric }}
{{ better[names[loop.index0]]|arrow }}</figcaption>{{ chart }}</figure>{% endfor %}</div>
<div class="scroll" tabindex="0" role="region" aria-label="Comparison of runs">
<table class="sortable wide"><caption>Last evaluation of each run. A small number is the rank, a range where intervals
overlap.</caption>
<thead><tr><th scope="col">run</th><th scope="col">summary</th>{% for n in names %}<th scope="col"
class="r">{{ n|metric }} {{ better[n]|arrow }}</th>{% endfor %}</tr></thead>
<tbody>{% for run in runs %}<tr data-run-row="{{ run.index }}"><th scope="row">{{ ui.swatch(run) }}<a
href="#run-{{ run.index }}">{{ run.label|name }}</a></th>
<td><span class="badge {{ run.story.level }}">{{ {'good': '✔', 'warn': '!', 'bad': '✘', 'none': '–'}[run.story.level] }}
{{ run.story.word }}</span></td>
{% for n in names %}{% set s = run.evaluation.scores.get(n) %}<td class="r"{% if s and s.ok %}
data-value="{{ s.value }}"{% endif %}>{% if s and s.ok %}{{ s|score }}{% if run.index in ranks[n] %} <small class="rank"
title="rank">{{ ranks[n][run.index] }}</small>{% endif %}{% else %}<span
class="none">none</span>{% endif %}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
{% if seeds %}<p class="meta">Seeds of one recipe share a line in the charts:
{% for stem, members in seeds.items() %}{{ stem|name }}
({{ members|length }}){{ ', ' if not loop.last }}{% endfor %}.</p>{% endif %}
"""

PANEL = Panel(
    "comparison",
    30,
    "Runs compared",
    "Dots are values, whiskers 95 % intervals. Two runs have different ranks only where their intervals do not touch. "
    "The intervals cover the random choice of images, not the luck of a training seed: one seed each cannot prove that "
    "a recipe is better.",
    prepare,
    TEMPLATE,
)
