"""Runs against each other: dot and whisker for the headline metrics, ranks only where intervals separate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganeval.records.scores import ScoreRecord
from ganeval.report.charts import SERIES, ink, plain, series_marker, series_style, tagged, tidy
from ganeval.report.comparability import alike, fair_floor, ranks, unlike
from ganeval.report.panel import Absent, Panel
from ganeval.report.recipes import Mean, Recipe, mean_of, recipes_of
from ganeval.report.view import Page, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHARTED = ("fid", "kid", "classifier_score", "precision", "recall", "coverage")
TABLED = (*CHARTED, "density", "class_balance", "missing_classes", "duplicates", "changed_copies", "copies", "vendi")
HISTORY = ("fid", "classifier_score")
DAY, DAYS = 10, 3  # signs of a date; days from which a history is drawn
SPREAD = 0.6  # of a line that the seeds of one recipe take


def prepare(page: Page) -> dict[str, Any] | Absent:
    runs = page.evaluated
    if len(runs) < 2:
        return Absent("A comparison needs two evaluated runs.")
    names = [n for n in TABLED if sum(_ok(run, n) for run in runs) > 1]
    return {
        "runs": runs,
        "names": names,
        "charts": [chart for n in names if n in CHARTED for chart in _charts(page, runs, n)],
        "sets": len({run.dataset for run in runs}) > 1,
        "ranks": {n: ranks(runs, n) for n in names},
        "means": _means(runs, [n for n in names if n in CHARTED]),
        "history": [chart for recipe in recipes_of(runs) for chart in _history(page, recipe)],
        "unlike": unlike(runs, names),
        "better": {n: next(filter(None, (_record(r, n) for r in runs))).better for n in names},
    }


def _record(run: RunView, name: str) -> ScoreRecord | None:
    return run.evaluation.scores.get(name) if run.evaluation else None


def _ok(run: RunView, name: str) -> bool:
    record = _record(run, name)
    return record is not None and record.ok


def _seeds(runs: list[RunView]) -> dict[str, list[RunView]]:
    """The runs of each recipe that has several, by its name."""
    return {recipe.name: list(recipe.runs) for recipe in recipes_of(runs) if recipe.several}


def _means(runs: list[RunView], names: list[str]) -> list[tuple[str, list[tuple[str, Mean]]]]:
    """The means of each recipe that has several runs, metric by metric."""
    found = [
        (recipe.name, [(n, mean) for n in names if (mean := mean_of(recipe, n)) and mean.runs > 1])
        for recipe in recipes_of(runs)
        if recipe.several
    ]
    return [(name, means) for name, means in found if means]


def _history(page: Page, recipe: Recipe) -> list[dict[str, Any]]:
    """A recipe that was run on several days, over the days: has it become better since?"""
    dated = [run for run in recipe.runs if len(run.record.created) >= DAY]
    if len({run.record.created[:DAY] for run in dated}) < DAYS:
        return []
    found = []
    for name in HISTORY:
        rows = [(run.record.created[:DAY], record) for run, record in alike(dated, name)]
        if len({day for day, _ in rows}) >= DAYS:
            found.append({"name": name, "recipe": recipe.name, "chart": _over_days(page, recipe.name, name, rows)})
    return found


def _over_days(page: Page, recipe: str, name: str, rows: list[tuple[str, ScoreRecord]]) -> Any:
    days = sorted({day for day, _ in rows})

    def paint(axes: Axes) -> None:
        for day, record in rows:
            place, value = days.index(day), float(record.value or 0.0)
            axes.vlines(place, *(record.interval or (value, value)), color=ink("s0"), lw=1.4)
            tagged(axes.plot(place, value, "o", color=ink("s0"))[0], "dot", title=plain(f"{day} {record}"))
        some = sorted({0, len(days) // 2, len(days) - 1})
        tidy(axes)
        axes.set_xticks(some, [days[place] for place in some])
        axes.set_xlim(-0.5, len(days) - 0.5)

    said = "; ".join(f"{day} {record}" for day, record in rows[:8])
    return page.chart(
        f"history-{recipe}-{name}",
        paint,
        title=f"{name} of {recipe} over {len(days)} days",
        description=said,
        height=2.1,
    )


def _charts(page: Page, runs: list[RunView], name: str) -> list[dict[str, Any]]:
    """One chart for each set of real images: numbers against different images share no axis."""
    rows = [run for run in runs if _ok(run, name)]
    sets = {run.evaluation.real.fingerprint or run.dataset: run.dataset for run in rows if run.evaluation}
    charts = []
    for place, (key, dataset) in enumerate(sets.items()):
        members = [run for run in rows if run.evaluation and (run.evaluation.real.fingerprint or run.dataset) == key]
        chart = _chart(page, members, name, f"compare-{name}-{place}" if place else f"compare-{name}")
        charts.append({"name": name, "dataset": dataset if len(sets) > 1 else "", "chart": chart})
    return charts


def _chart(page: Page, runs: list[RunView], name: str, mark: str) -> Any:
    rows = [(run, record) for run in runs if (record := _record(run, name)) and record.ok]
    lanes = _lanes([run for run, _ in rows])

    def paint(axes: Axes) -> None:
        for place, members in _by_style(rows).items():
            color, values = series_style(place)["color"], [float(record.value or 0.0) for _, record in members]
            ends = [record.interval or (value, value) for (_, record), value in zip(members, values, strict=True)]
            height = [lanes[run.index] for run, _ in members]
            axes.hlines(height, *zip(*ends, strict=True), color=color, lw=1.6)
            dots = axes.plot(values, height, series_marker(place), color=color, ls="none")[0]
            tagged(dots, "dot", title="; ".join(f"{plain(run.label)} {record}" for run, record in members[:6]))
        floors = [floor.value for _, record in rows if (floor := fair_floor(record))]
        one = bool(floors) and max(floors) - min(floors) < 1e-6 + 0.2 * abs(max(floors))
        if one:
            axes.axvline(floors[0], color=ink("muted"), lw=1, ls=(0, (2, 2)))
        labels = {round(lanes[run.index]): plain(_lane_name(run, runs)) for run, _ in rows}
        axes.set_ylim(max(labels) + 0.6, -0.6)
        axes.grid(visible=False, axis="y")
        tidy(axes, xlabel="dashed: what real images get" if one else "")
        axes.set_yticks(list(labels), list(labels.values()), parse_math=False)

    said = "; ".join(f"{run.label} {record}" for run, record in rows[:8])
    height = 0.6 + 0.24 * (1 + round(max(lanes.values())))
    left = 0.2 + 0.072 * max(len(plain(_lane_name(run, runs))) for run, _ in rows)
    return page.chart(
        mark,
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
{% for run in u.runs %}{{ run.label|name }}{{ ', ' if not loop.last }}{% endfor +%}
{{ 'differs' if u.runs|length == 1 else 'differ' }} from the other runs in {{ u.words }}, so
{{ 'it has' if u.runs|length == 1 else 'they have' }} no rank in
{% for n in u.metrics %}{{ n|metric }}{{ ', ' if not loop.last }}{% endfor %}.</p>{% endfor %}
<div class="charts">{% for c in charts %}<figure><figcaption>{{ c.name|metric }}
{{ better[c.name]|arrow }}{% if c.dataset %} against {{ c.dataset|name }}{% endif %}</figcaption>{{ c.chart }}</figure>
{%- endfor %}</div>
<div class="scroll" tabindex="0" role="region" aria-label="Comparison of runs">
<table class="sortable wide"><caption>The last evaluation of each run. The small number behind a value is its rank, a
range where intervals
touch.</caption>
<thead><tr><th scope="col">run</th>{% if sets %}<th scope="col">real images</th>{% endif %}<th
scope="col">summary</th>{% for n in names %}<th scope="col"
class="r">{{ n|metric }} {{ better[n]|arrow }}</th>{% endfor %}</tr></thead>
<tbody>{% for run in runs %}<tr data-run-row="{{ run.index }}"><th scope="row">{{ ui.swatch(run) }}<a
href="#run-{{ run.index }}">{{ run.label|name }}</a></th>{% if sets %}
<td>{{ run.dataset|name }}</td>{% endif %}
<td><span class="badge {{ run.story.level }}">
{{- {'good': '✔', 'warn': '!', 'bad': '✘', 'none': '–'}[run.story.level] }}
{{ ui.said(run.story.badge) }}</span></td>
{% for n in names %}{% set s = run.evaluation.scores.get(n) %}<td class="r"{% if s and s.ok +%}
data-value="{{ s.value }}"{% endif %}>{% if s and s.ok %}{{ s|score }}{% if run.index in ranks[n] %} <small class="rank"
title="rank">{{ ranks[n][run.index] }}</small>{% endif %}{% else %}<span
class="none">none</span>{% endif %}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
{% if history %}<h3>The same recipe over time</h3><div class="charts">{% for c in history %}<figure><figcaption>
{{- c.recipe|name }}:
{{ c.name|metric }} {{ better[c.name]|arrow }} by day</figcaption>{{ c.chart }}</figure>{% endfor %}</div>{% endif %}
{% if means %}<p class="meta">Runs of one recipe share a line in the charts.
Their mean ± the standard deviation between runs:</p>
<ul class="facts">{% for recipe, found in means %}<li>{{ recipe|name }}: {% for n, mean in found %}{{ n|metric }}
{{ number(mean.value, mean.spread) }} over {{ mean.runs }} runs{{ ', ' if not loop.last }}{% endfor %}</li>
{%- endfor %}</ul>{% endif %}
"""

PANEL = Panel(
    "comparison",
    30,
    "Runs compared",
    "A dot is a measured value, the line through it its 95 % interval: such intervals hold the true value in 95 of "
    "100 measurements. Runs whose intervals touch share a rank. An interval knows only that other images would have "
    "given another number, not that another training seed would have given another generator: to show that a recipe "
    "is better, train it with several seeds.",
    prepare,
    TEMPLATE,
)
