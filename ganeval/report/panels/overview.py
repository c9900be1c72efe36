"""All runs at a glance: what each is, what is wrong with it, a few of its images, and the runs that cannot be read."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.records.privacy import discreet
from ganeval.report.drawn import cover_of, draw_one
from ganeval.report.glimpse import spread
from ganeval.report.hints import plausible
from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import BrokenPictureError, shrink, sprite_of
from ganeval.report.recipes import Recipe, best_of, mean_of, recipes_of
from ganeval.report.view import Page, RunView
from ganeval.runs.advice import advice_of

GLANCE = ("fid", "classifier_score", "recall", "missing_classes")  # of the headline, what a card has room for
MANY = 4  # runs from which a table is easier to read than cards
STRIP = 10
STRIP_SIDE = 64
PICTURE_SIDE = 256  # of a last picture whose tiles are not known
_METRIC = re.compile(
    r"(?:^|[^a-z])(fid|kid|is|inception|precision|recall|coverage|density|lpips)(?![a-z])", re.IGNORECASE
)
LINES = 4  # hints and events of a run that are not folded


def prepare(page: Page) -> dict[str, Any] | Absent:
    if not page.runs:
        return Absent("No run was found.")
    cards = [_card(page, run) for run in page.runs]
    return {
        "lines": LINES,
        "advice": _advice(page, cards),
        "cards": cards,
        "board": _board(page, cards) if len(page.readable) >= MANY else None,
    }


def _board(page: Page, cards: list[dict[str, Any]]) -> dict[str, Any]:
    """One line a recipe: what it is, and the headline numbers, of several seeds their mean."""
    recipes, strips = recipes_of(page.readable), {card["run"].index: card["strip"] for card in cards}
    names = [name for name in GLANCE if any(mean_of(recipe, name) for recipe in recipes)]
    columns = {name: [mean_of(recipe, name) for recipe in recipes] for name in names}
    best = {name: best_of(means) for name, means in columns.items()}
    rows = [
        {
            "recipe": recipe,
            "run": recipe.runs[0],
            "badges": Counter((run.story.level, _word(run, recipe)) for run in recipe.runs).most_common(),
            "strip": strips[recipe.runs[0].index],
            "numbers": [(columns[name][place], place in best[name]) for name in names],
        }
        for place, recipe in enumerate(recipes)
    ]
    better = {name: next(mean.record.better for mean in columns[name] if mean) for name in names}
    sets = {run.dataset for run in page.readable}
    return {
        "names": names,
        "rows": rows,
        "better": better,
        "seeds": any(recipe.several for recipe in recipes),
        "dataset": sets.pop() if len(sets) == 1 else "",
    }


def _word(run: RunView, recipe: Recipe) -> str:
    return run.story.word if recipe.several else run.story.badge


def _advice(page: Page, cards: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What would measure the first run that can be measured, where none is; runs with samples first."""
    if page.evaluated or not page.readable:
        return None
    root = page.found.root
    run = min(page.readable, key=lambda run: (not run.record.samples, run.record.reader != "pictures"))
    tiled = any(card["strip"] and card["strip"]["n"] for card in cards if card["run"] is run)
    given = replace(page.found.given, root=root.name if root.is_absolute() else root)
    advice = advice_of(run.record, given, sheets=tiled, refused=page.found.refused.get(run.record.id, ""))
    return None if advice is None else {"run": run, "why": advice.why, "command": discreet(advice.command)}


def _card(page: Page, run: RunView) -> dict[str, Any]:
    scores = run.evaluation.scores if run.evaluation else {}
    return {
        "run": run,
        "link": page.link(run),
        "numbers": [scores[name] for name in GLANCE if name in scores and scores[name].ok],
        "strip": None if run.record.error else _strip(page, run),
        "logged": [] if scores else _logged(run),
    }


def _logged(run: RunView) -> list[tuple[str, float, float]]:
    """(tag, value, step) of the last values of metrics that the trainer itself has logged."""
    found = []
    for tag, curve in sorted(run.record.curves.items(), key=lambda item: ("fid" not in item[0].lower(), item[0])):
        pairs = zip(curve.steps, plausible(tag, curve).values, strict=True)
        last = [(value, step) for step, value in pairs if math.isfinite(value)][-1:]
        if _METRIC.search(tag) and last:
            found.append((tag, *last[0]))
    return found[:LINES]


def _strip(page: Page, run: RunView) -> dict[str, Any] | None:
    """A few tiles of each class of the picture that stands for the run; the whole of it where its tiles are unknown."""
    source = cover_of(run.record)
    try:
        drawn = None if source is None else draw_one(page, run, source)
    except BrokenPictureError:
        return None  # the samples panel says so
    if drawn is None:
        return None
    if drawn.tiles is None:
        return _picture(page, shrink(drawn.pixels, PICTURE_SIDE), 0)
    n = len(drawn.tiles)
    chosen = spread(n, STRIP) if drawn.of and not drawn.labels else _chosen(drawn.labels, n)
    return _picture(page, shrink(sprite_of(drawn.tiles[chosen], len(chosen)), STRIP_SIDE * len(chosen)), len(chosen))


def _picture(page: Page, pixels: NDArray[np.uint8], n: int) -> dict[str, Any]:
    return {"src": page.pictures.add(pixels), "width": pixels.shape[1], "height": pixels.shape[0], "n": n}


def _chosen(labels: Sequence[int], n: int) -> list[int]:
    """`STRIP` tiles, as many of each class as fit, by class; the first ones where classes are not known.

    >>> _chosen([0, 0, 0, 1, 1, 1], 6), _chosen([], 12)
    ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    where: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        where.setdefault(label, []).append(index)
    if len(where) < 2:
        return list(range(min(n, STRIP)))
    each = max(1, STRIP // len(where))
    return [index for label in sorted(where)[:STRIP] for index in where[label][:each]]


TEMPLATE = """
{% if advice %}<div class="advice"><p><strong>No run is evaluated yet.</strong> {{ advice.run.label|name }}:
{{ advice.why }}</p><p class="command"><code>{% for word in advice.command.split(' ') %}<span>
{{- word|visible(500) }}</span> {% endfor %}</code> <button type="button" data-needs-script hidden
data-copy-text="{{ advice.command }}">Copy</button></p></div>{% endif %}
{% if board %}<div class="scroll" tabindex="0" role="region" aria-label="Runs at a glance">
<table class="sortable board"><caption>{% if board.dataset %}All against {{ board.dataset|name }}. {% endif %}
{%- if board.seeds %}A recipe
that was trained several times: the mean ± the standard deviation of its runs. {% endif %}<b>Bold</b>: no other is
clearly better (95 %
intervals).</caption>
<thead><tr><th scope="col"><span class="sr">samples</span></th><th scope="col">recipe</th><th scope="col">summary</th>
{% for n in board.names %}<th scope="col" class="r">{{ n|metric }} {{ board.better[n]|arrow }}</th>{% endfor %}
{%- if not board.dataset %}<th
scope="col">real images</th>{% endif %}{% if board.seeds %}<th scope="col" class="r">runs</th>{% endif %}<th
scope="col">date</th></tr></thead>
<tbody>{% for row in board.rows %}{% set run = row.run %}<tr data-run-row="{{ run.index }}"><td>{% if row.strip %}<span
class="thumb{{ ' gaps' if row.strip.n }}" style="--columns: {{ row.strip.n or 1 }}; --tile-rows: 1"><img class="pixel"
src="{{ row.strip.src }}" width="{{ row.strip.width }}" height="{{ row.strip.height }}" loading="lazy" alt=""></span>
{%- endif %}</td>
<th scope="row">{{ ui.swatch(run) }}<a href="#run-{{ run.index }}" data-shows="{{ run.index }}">
{{- row.recipe.name|name }}</a></th>
<td>{% for (level, word), times in row.badges %}<span
class="badge {{ level }}">{{ {'good': '✔', 'warn': '!', 'bad': '✘', 'none': '–'}[level] }}
{{ ui.said(word) }}{% if row.recipe.several %} in {{ times }}{% endif %}</span> {% endfor %}</td>
{%- for mean, best in row.numbers %}<td class="r"{% if mean %}
data-value="{{ mean.value }}"{% endif %}>{% if mean %}{% if best %}<b>{% endif %}
{{- mean.record|score if mean.runs == 1 else number(mean.value, mean.spread) }}{% if best %}</b>{% endif %}
{%- else %}<span
class="none">none</span>{% endif %}</td>{% endfor %}
{% if not board.dataset %}<td class="nowrap">{{ run.dataset|name if run.dataset else 'not said' }}</td>{% endif %}
{%- if board.seeds %}<td
class="r">{{ row.recipe.runs|length }}</td>{% endif %}
<td class="nowrap">{{ run.record.created[:10]|visible }}</td></tr>{% endfor %}</tbody></table></div>
<details class="table"{% if page.readable|length != page.runs|length %} open
{%- endif %}><summary>What is wrong with each run</summary>{% endif %}
<div class="cards">
{% for card in cards %}{% set run = card.run %}{% set r = run.record %}
<article class="card {{ 'broken' if r.error or run.problems else 'story-' ~ run.story.level }}"
id="run-{{ run.index }}">
  <header>{{ ui.swatch(run) }}<h3>{{ run.label|name }}</h3>
  {% if r.error %}<span class="badge bad">✘ broken</span>
  {% else %}{% if run.problems %}<span class="badge bad">✘ damaged</span> {% endif %}<span
class="badge {{ run.story.level }}">{{ {'good': '✔', 'warn': '!', 'bad': '✘', 'none': '–'}[run.story.level] }}
{{ ui.said(run.story.badge) }}</span>{% endif %}
  </header>
  {% if r.error %}<p class="error">{{ r.error|visible(600) }}</p>
  {% else %}
  {% if card.strip %}<span class="strip{{ ' gaps' if card.strip.n else ' whole' }}"
style="--columns: {{ card.strip.n or 1 }}; --tile-rows: 1"><img
class="pixel" src="{{ card.strip.src }}" width="{{ card.strip.width }}" height="{{ card.strip.height }}"
alt="{% if card.strip.n %}{{ card.strip.n }} generated images of the last step{% else %}the last picture{% endif %}"
></span>{% endif %}
  {% if card.numbers %}<dl class="headline">{% for s in card.numbers %}<div>
<dt>{{ s.name|metric }} {{ s.better|arrow }}</dt><dd>{{ s|score }}</dd></div>{% endfor %}</dl>{% endif %}
  {% if card.logged %}<dl class="headline logged">{% for tag, value, step in card.logged %}<div><dt>{{ tag|name }}</dt>
<dd>{{ number(value) }} <small>{{ r.step_unit|visible }} {{ step|count }}</small></dd></div>{% endfor %}</dl>
<p class="meta">As logged by the trainer, not measured here.</p>{% endif %}
  {% for text in run.problems[:6] %}<p class="error">{{ text|visible(600) }}</p>{% endfor %}
  {% if run.story.sentences %}<ul class="story">{% for text in run.story.sentences %}<li>{{ text|name(600) }}</li>
{%- endfor %}</ul>{% endif %}
  {% if run.story.limits %}<p class="meta">{{ run.story.limits|name(600) }}</p>{% endif %}
  {% endif %}
  <p class="meta">{% if run.dataset %}real images {{ run.dataset|name }} · {% endif %}{% if card.link %}<a
href="{{ card.link }}">folder</a> · {% endif %}{{ r.reader }}{% if r.status != 'unknown' %} · {{ r.status }}
{%- endif %}{% if r.created %} ·
<time>{{ r.created[:16]|replace('T', ' ')|visible }}</time>{% endif %}
{%- if run.evaluation and run.evaluation.step is not none %} · evaluated at {{ r.step_unit|visible }}
{{ run.evaluation.step|count }}{% endif %}</p>
  {% if run.hints %}<ul class="card-hints">{% for hint in run.hints[:lines] %}<li
class="{{ hint.level }}">{{ '✘' if hint.level == 'bad' else '!' }} {{ hint.text|name(600) }}</li>{% endfor %}</ul>
{%- endif %}
  {% if r.notes %}<ul class="events">{% for note in r.notes[:lines] %}<li>{{ note|name(600) }}</li>{% endfor %}</ul>
  {% if r.notes|length > lines %}<details class="notes">
<summary>{{ (r.notes|length - lines)|plural('more event') }}</summary><ul
class="events">{% for note in r.notes[lines:30] %}<li>{{ note|name(600) }}</li>{% endfor %}</ul>
</details>{% endif %}{% endif %}
</article>
{% endfor %}
</div>
{% if board %}</details>{% endif %}
{% if page.found.ignored %}<details class="table"><summary>{{ page.found.ignored|length|plural('folder') }}
skipped</summary>
<ul>{% for path, reason in page.found.ignored[:50] %}<li>{{ path.name|name }}: {{ reason }}</li>{% endfor %}</ul>
</details>{% endif %}
"""

PANEL = Panel(
    "overview",
    0,
    "Runs",
    "The badge says in a word what the last evaluation of a run found, the list under it what that rests on; the "
    "panels below have the numbers.",
    prepare,
    TEMPLATE,
)
