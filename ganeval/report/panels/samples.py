"""The same latents at every step, rows are classes: a slider, a play button, two runs side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import BrokenPictureError, class_rows, load_picture, sheet_in, shrink, sprite_of, tiles_of
from ganeval.report.view import Page, RunView
from ganeval.runs.record import Grid

PER_CLASS, PER_CLASS_CROWDED = 8, 5


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.readable)
    if not blocks:
        return Absent("No run has sample pictures.")
    names = {name for block in blocks for _, name in block["rows"]}
    return {
        "blocks": blocks,
        "classes": sorted(names),
        "limit": page.steps_per_run,
        "reduced": page.pictures.reduced,
        "same_latents": any(block.get("latents") for block in blocks),
    }


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    grids = run.record.grids
    if not grids:
        return None
    chosen = thin(grids, page.steps_per_run)
    per_class = PER_CLASS_CROWDED if page.crowded and page.pictures.folder is None else PER_CLASS
    made, broken = [], []
    for found in chosen:
        try:
            pixels, grid = _cut(page, load_picture(found.path, found.span), found)
            made.append((grid, *_sprite(pixels, grid, per_class)))
        except BrokenPictureError as error:
            broken.append(str(error))
    if not made:
        return {"broken": broken, "last": None, "steps": [], "rows": [], "of": len(grids)}
    grid, pixels, classes = made[-1]
    columns, rows = _tiling(grid, classes, per_class)
    sources = [page.pictures.add(sprite) for _, sprite, _ in made]
    key = f"samples-{run.index}"
    page.sprites[key] = {
        "steps": [g.step for g, _, _ in made],
        "src": [*sources[:-1], ""],
    }  # the last one is in the page
    height, width = pixels.shape[:2]
    return {
        "broken": broken,
        "of": len(grids),
        "key": key,
        "steps": [g.step for g, _, _ in made],
        "last": sources[-1],
        "width": width,
        "height": height,
        "zoom": max(1, round(360 / width)) if width < 360 else 1,
        "rows": [(label, run.class_name(label)) for label in classes],
        "latents": grid.latents,
        "tiling": (columns, rows),
        "unit": run.record.step_unit,
    }


def _tiling(grid: Grid, classes: list[int], per_class: int) -> tuple[int, int]:
    """Columns and rows of the tiles in the last picture; zeros where nobody says."""
    if not classes:
        return grid.columns or 0, grid.rows or 0
    return len(class_rows(grid.labels, per_class)[0]) // len(classes), len(classes)


def thin(grids: tuple[Grid, ...], limit: int | None) -> list[Grid]:
    """At most `limit` of them, evenly over the steps; the first and the last always."""
    if limit is None or len(grids) <= limit:
        return list(grids)
    return [grids[i] for i in sorted(set(np.linspace(0, len(grids) - 1, limit).round().astype(int).tolist()))]


def _cut(page: Page, pixels: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """A contact sheet of which nobody says how it is laid out, without its separators and with its rows and columns."""
    sheet = None if grid.rows and grid.columns else sheet_in(pixels, grid.path, page.found.size)
    if sheet is None:
        return pixels, grid
    tiles = sheet.tiles(pixels)
    return sprite_of(tiles, sheet.columns), replace(grid, rows=-(-len(tiles) // sheet.columns), columns=sheet.columns)


def _sprite(pixels: np.ndarray, grid: Grid, per_class: int) -> tuple[np.ndarray, list[int]]:
    """The picture with one class a row where the tiles' classes are known, else as it is; and the class of each row."""
    n = (grid.rows or 0) * (grid.columns or 0)
    if not n or len(grid.labels) != n or len(set(grid.labels)) < 2:
        return shrink(pixels), []
    order, classes = class_rows(grid.labels, per_class)
    tiles = tiles_of(pixels, grid.rows or 1, grid.columns or 1)
    return shrink(sprite_of(tiles[order], len(order) // len(classes))), classes


TEMPLATE = """
{% if same_latents or classes %}<p class="how">{% if same_latents %}Each place in a sheet is drawn from the same
random numbers (its latent vector) at every step, so you can follow one image through the training. Places that look
alike
although their numbers differ are a sign of collapse. {% endif %}{% if classes %}Each row is a class that was asked
for.{% endif %}</p>{% endif %}
<div class="controls" data-needs-script hidden>
<button type="button" id="play" aria-pressed="false">▶ Play</button>
{% if classes %}<label>Class <select id="class-picker"><option value="">all</option>{% for c in classes %}<option
value="{{ c }}">{{ c|visible }}</option>{% endfor %}</select></label>{% endif %}
</div>
<div class="beside">
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.last %}
<div class="stepper" data-needs-script hidden><label for="step-{{ b.run.index }}">{{ b.unit|visible }} <output
id="step-out-{{ b.run.index }}">{{ b.steps[-1]|count }}</output></label>
<input type="range" id="step-{{ b.run.index }}" data-sprites="{{ b.key }}" min="0" max="{{ b.steps|length - 1 }}"
value="{{ b.steps|length - 1 }}" step="1" aria-valuetext="{{ b.unit|visible }} {{ b.steps[-1]|count }}"></div>
<div class="sheet{{ ' labelled' if b.rows }}">
{% if b.rows %}<ol class="row-names" aria-hidden="true">{% for _, n in b.rows %}<li>{{ n|name }}</li>{% endfor %}</ol>
{%- endif %}
<div class="frame{{ ' gaps' if b.tiling[0] }}"
style="--columns: {{ b.tiling[0] or 1 }}; --tile-rows: {{ b.tiling[1] or 1 }}"{% if b.tiling[0] %}
tabindex="0" data-zoom="{{ b.tiling[0] }} {{ b.tiling[1] }}"{% endif %} data-rows="{{ b.rows|length }}"
data-classes='{{ b.rows|map(attribute=1)|list|tojson }}'><img
class="pixel" id="{{ b.key }}" src="{{ b.last }}" width="{{ b.width * b.zoom }}" height="{{ b.height * b.zoom }}"
alt="Generated images of {{ b.run.label }}, {{ b.unit|visible }} {{ b.steps[-1]|count }}
{%- if b.rows %}; rows: {{ b.rows|map(attribute=1)|join(', ') }}{% endif %}"></div>
</div>
{% if b.steps|length < b.of %}<p class="meta">{{ b.steps|length }} of {{ b.of|plural('step') }} are shown.</p>
{%- endif %}
{% endif %}
{% for text in b.broken %}<p class="error">{{ text|name }}</p>{% endfor %}
{% endcall %}{% endfor %}
</div>
{% if reduced %}<p class="meta">Grey pictures are shown with 16 levels of grey to keep this page small; the files in the
runs keep
all.</p>{% endif %}
"""

PANEL = Panel(
    "samples",
    20,
    "Samples over training",
    "The slider goes through what the generator drew during training and begins at the last step. Click on an image "
    "to see it large; with the keyboard, Enter and the arrow keys.",
    prepare,
    TEMPLATE,
    per_run=True,
)
