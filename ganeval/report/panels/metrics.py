"""Every number of a run's last evaluation, with its error, its interval and what real images would get."""

from __future__ import annotations

from typing import Any

from ganeval.records.headline import by_question, headline
from ganeval.records.score import ScoreRecord
from ganeval.report.changes import changes_of
from ganeval.report.comparability import kinds
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView


def prepare(page: Page) -> dict[str, Any] | Absent:
    if not page.evaluated:
        return Absent("No run is evaluated yet. `ganeval-report RUNS` evaluates what is missing.")
    several = len(page.evaluated) > 1
    return {
        "blocks": page.blocks(lambda run: _block(page, run), page.evaluated),
        "kinds": kinds(page.evaluated) if several else {},
        "several": several,
    }


def _block(page: Page, run: RunView) -> dict[str, Any]:
    evaluation = run.evaluation
    assert evaluation is not None
    missing = sorted((r for r in evaluation.scores.values() if not r.ok), key=lambda record: record.name)
    changes = changes_of(run, page.evaluated, beside=page.beside(run))
    first = {record.name for _, records in headline(evaluation.scores) for record in records}
    unlike: dict[str, list[str]] = {}
    for name, said in changes.unlike.items():
        unlike.setdefault(said, []).append(name)
    return {
        "e": evaluation,
        "groups": [(question, records, _have(records, first)) for question, records in by_question(evaluation.scores)],
        "first": first,
        "all": sum(record.ok for record in evaluation.scores.values()),
        "missing": missing,
        "changes": changes,
        "unlike": unlike,
    }


def _have(records: list[ScoreRecord], names: set[str]) -> bool:
    return any(record.name in names for record in records)


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
<p class="protocol">{{ b.e.fake.n|count }} generated against {{ b.e.real.counted }} of
{{ b.e.real.source|name }} · embedding of {{ b.e.fake.extractor|name }} ({{ b.e.fake.dim }}-d)
{%- if b.e.real.given %}, as was
said of a file that names none{% endif %}{% if b.e.classifier %} ·
classifier {{ b.e.classifier|name }}{% endif %}{% if b.e.step is not none %} · {{ b.run.record.step_unit|visible }}
{{ b.e.step|count }}{% endif %}<span data-against data-kind="{{ b.changes.kind }}">{% if b.changes.by_metric %} · Δ
against
{{ {'baseline': 'the baseline', 'beside': '', 'run': 'the run before,', 'step': 'this run at'}[b.changes.kind] }}
{{ b.changes.against|name }}{% endif %}</span></p>
<div class="scroll" tabindex="0" role="region" aria-label="Metrics of {{ b.run.label }}">
<table class="sortable grouped" data-run-id="{{ b.run.record.id }}" data-copy="1">
<caption class="sr">Metrics of {{ b.run.label }} with errors</caption>
<thead><tr><th scope="col">metric</th><th scope="col" class="r">value</th><th scope="col" class="r">95 % interval</th>
<th scope="col" class="r"><abbr
title="the same metric on real images in the generator's place: what a perfect generator gets">floor</abbr></th>
{%- if b.changes.by_metric or several %}<th scope="col" class="r" data-base>
{{- {'baseline': 'baseline', 'beside': 'beside'}.get(b.changes.kind, 'before') }}</th><th scope="col"
class="r">Δ</th><th
scope="col">reading</th><th scope="col" class="r">95 % of Δ</th>{% endif %}<th scope="col" class="r">perfect</th><th
scope="col" class="r">n</th></tr></thead>
{% for question, records, headed in b.groups %}
<tbody{% if not headed %} class="more"{% endif %}><tr class="group"><th scope="rowgroup"
colspan="{{ 10 if b.changes.by_metric or several else 6 }}">{{ question }}</th></tr>
{% for s in records %}<tr{% if s.name not in b.first %} class="more"{% endif %} data-metric="{{ s.name }}"
data-better="{{ s.better }}"{% if (b.run.index, s.name) in kinds %} data-alike="{{ kinds[b.run.index, s.name] }}"
{%- endif %}{% if s.interval %} data-low="{{ s.interval[0] }}" data-high="{{ s.interval[1] }}"
{%- endif %} id="m-{{ b.run.index }}-{{ s.name }}">
<th scope="row">{{ s.name|metric }} {{ s.better|arrow }}{% if s.biased_in_n %} <abbr class="mark"
title="biased in n: compare at equal n only">n</abbr>{% endif %}</th><td class="r"
data-value="{{ s.value }}">{{ s|score }}</td><td class="r">{{ s|interval }}</td>
<td class="r">{% if s.floor %}{{ number(s.floor.value, s.floor.se) }}{% if s.floor.n and s.floor.n != s.n %} <small
class="floor-n nowrap">at n = {{ s.floor.n|count }}</small>{% endif %}{% else %}<span
class="none">none</span>{% endif %}</td>{% if b.changes.by_metric or several %}
{%- set c = b.changes.by_metric.get(s.name) %}{% if c %}<td class="r">{{ number(c.base, c.base_se) }}</td><td class="r">
{{- change(c.delta, c.interval) }}</td><td>{% if c.level == 'none' %}<span class="none nowrap">{{ c.word }}</span>
{%- else %}<span class="badge {{ c.level }}">{{ c.word }}</span>{% endif %}</td><td class="r">
{{- ends(c.interval) }}</td>{% else %}<td class="r"><span class="none">none</span></td><td></td><td></td><td></td>
{%- endif %}{% endif %}<td class="r">{{ '%g' % s.perfect if s.perfect is not none else '–' }}</td><td class="r">
{{- s.n|count }}</td></tr>
{% endfor %}</tbody>{% endfor %}
</table></div>
{% if b.first|length < b.all %}<p class="unfold" data-needs-script hidden><button type="button" data-unfold
aria-expanded="false"
data-more="All {{ b.all }} metrics" data-less="Headline only">All {{ b.all }} metrics</button></p>{% endif %}
{% for said, names in b.unlike.items() %}<p class="meta">No Δ for
{% for n in names %}{{ n|metric }}{{ ', ' if not loop.last }}{% endfor %}:
{{ 'its number differs' if names|length == 1 else 'their numbers differ' }} from
{{ 'those' if names|length > 1 else 'that' }} of {{ b.changes.against|name }} in {{ said|name }}.</p>
{% endfor %}
{% if b.missing %}<details class="table"><summary>{{ b.missing|length|plural('metric') }} without a number, and
why</summary><ul>{% for s in b.missing %}<li>{{ s.name|metric }}: {{ s.status|name }}</li>{% endfor %}</ul>
</details>{% endif %}
{% endcall %}{% endfor %}
<p class="buttons" data-needs-script hidden><button type="button" data-copy-as="markdown">Copy as Markdown</button>
<button type="button" data-copy-as="latex">Copy all runs as LaTeX</button> <label>Filter <input type="search"
data-filter="metrics" placeholder="fid" autocomplete="off"></label> <span role="status" class="status"></span></p>
"""

PANEL = Panel(
    "metrics",
    50,
    "Metrics",
    "↑ larger is better, ↓ smaller is better, ◎ nearer to real images is better. The floor is what real images "
    "get when they stand in for the generated ones: a perfect generator reaches about that. Δ is the difference to "
    "the other run; where its 95 % interval contains 0, the images show no clear difference. Of forty metrics about "
    "two seem to differ by chance alone: to decide, use ganeval gate, which corrects for that.",
    prepare,
    TEMPLATE,
    per_run=True,
)
