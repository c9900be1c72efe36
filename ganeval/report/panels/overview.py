"""All runs at a glance: what each is, what is wrong with it, a few of its images, and the runs that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import BrokenPictureError, load_picture, shrink, sprite_of, tiles_of
from ganeval.report.view import Page, RunView

HEADLINE = ("fid", "classifier_score", "recall", "missing_classes")
STRIP = 10
STRIP_SIDE = 64


def prepare(page: Page) -> dict[str, Any] | Absent:
    if not page.runs:
        return Absent("No run was found.")
    return {"cards": [_card(page, run) for run in page.runs]}


def _card(page: Page, run: RunView) -> dict[str, Any]:
    scores = run.evaluation.scores if run.evaluation else {}
    return {
        "run": run, "numbers": [scores[name] for name in HEADLINE if name in scores and scores[name].ok],
        "strip": None if run.record.error else _strip(page, run),
    }  # fmt: skip


def _strip(page: Page, run: RunView) -> dict[str, Any] | None:
    """A few tiles of each class of the last sprite."""
    if not run.record.grids:
        return None
    grid = run.record.grids[-1]
    try:
        pixels = load_picture(grid.path, grid.span)
    except BrokenPictureError:
        return None  # the samples panel says so
    if not grid.rows or not grid.columns:
        return None
    tiles = tiles_of(pixels, grid.rows, grid.columns)
    chosen = _chosen(grid.labels[: len(tiles)], len(tiles))
    strip = shrink(sprite_of(tiles[chosen], len(chosen)), STRIP_SIDE * len(chosen))
    return {"src": page.pictures.add(strip), "width": strip.shape[1], "height": strip.shape[0], "n": len(chosen)}


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
<div class="cards">
{% for card in cards %}{% set run = card.run %}{% set r = run.record %}
<article class="card {{ 'broken' if r.error or run.problems else 'story-' ~ run.story.level }}" id="run-{{ run.index }}">
  <header>{{ ui.swatch(run) }}<h3>{{ run.label|name }}</h3>
  {% if r.error %}<span class="badge bad">✘ broken</span>
  {% else %}{% if run.problems %}<span class="badge bad">✘ damaged</span> {% endif %}<span class="badge {{ run.story.level }}">{{ {'good': '✔', 'warn': '!', 'bad': '✘', 'none': '–'}[run.story.level] }} {{ run.story.word }}</span>{% endif %}
  </header>
  {% if r.error %}<p class="error">{{ r.error|visible(600) }}</p>
  {% else %}
  {% if card.strip %}<img class="strip pixel" src="{{ card.strip.src }}" width="{{ card.strip.width }}" height="{{ card.strip.height }}" alt="{{ card.strip.n }} generated images of the last step">{% endif %}
  {% if card.numbers %}<dl class="headline">{% for s in card.numbers %}<div><dt>{{ s.name|metric }} {{ s.better|arrow }}</dt><dd>{{ s|score }}</dd></div>{% endfor %}</dl>{% endif %}
  {% for text in run.problems[:6] %}<p class="error">{{ text|visible(600) }}</p>{% endfor %}
  {% if run.story.sentences %}<ul class="story">{% for text in run.story.sentences %}<li>{{ text|name }}</li>{% endfor %}</ul>{% endif %}
  {% endif %}
  <p class="meta">{{ r.reader }}{% if r.status != 'unknown' %} · {{ r.status }}{% endif %}{% if r.created %} · <time>{{ r.created[:16]|replace('T', ' ')|visible }}</time>{% endif %}{% if run.evaluation and run.evaluation.step is not none %} · evaluated at {{ r.step_unit|visible }} {{ run.evaluation.step|count }}{% endif %}</p>
  {% if run.record.notes %}<details class="notes"><summary>{{ run.record.notes|length|plural('note') }}</summary><ul>{% for note in run.record.notes[:30] %}<li>{{ note|name }}</li>{% endfor %}</ul></details>{% endif %}
</article>
{% endfor %}
</div>
{% if page.found.ignored %}<details class="table"><summary>{{ page.found.ignored|length|plural('folder') }} skipped</summary>
<ul>{% for path, reason in page.found.ignored[:50] %}<li>{{ path.name|name }}: {{ reason }}</li>{% endfor %}</ul></details>{% endif %}
"""

PANEL = Panel(
    "overview", 0, "Runs",
    "One card per run. The badge sums up its last evaluation in words; the panels below show the numbers.",
    prepare, TEMPLATE,
)  # fmt: skip
