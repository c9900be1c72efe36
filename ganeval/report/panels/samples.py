"""What a run has drawn over its training: a slider, a play button, two runs side by side; rows are classes where they
are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.records.text import count
from ganeval.report.drawn import Drawn, Source, apart_of, course_of, draw_one
from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import BrokenPictureError, class_rows, shrink, sprite_of
from ganeval.report.view import Page, RunView

PER_CLASS, PER_CLASS_CROWDED = 8, 5


@dataclass(frozen=True)
class Sheet:
    """A picture as it is shown: the class of each row where they are known; columns and rows, zeros where unknown."""

    drawn: Drawn
    pixels: NDArray[np.uint8]
    classes: list[int]
    tiling: tuple[int, int]


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.readable)
    if not blocks:
        return Absent("No run has sample pictures.")
    sheets = [sheet for block in blocks for sheet in block["sheets"]]
    return {
        "blocks": blocks,
        "classes": sorted({name for sheet in sheets for _, name in sheet["rows"]}),
        "reduced": page.pictures.reduced,
        "same_latents": any(sheet["latents"] for sheet in sheets),
    }


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    course, apart = course_of(run.record), apart_of(run.record)
    if not course:
        return None
    made, broken = _made(page, run, thin(course, page.steps_per_run))
    beside, more = _made(page, run, [apart] if apart else [])
    sheets = [*([_course(page, run, made)] if made else []), *(_apart(page, run, sheet) for sheet in beside)]
    return {"broken": [*broken, *more], "of": len(course), "sheets": sheets, "unit": _unit(run)}


def _made(page: Page, run: RunView, sources: Sequence[Source]) -> tuple[list[Sheet], list[str]]:
    per_class = PER_CLASS_CROWDED if page.crowded and page.pictures.folder is None else PER_CLASS
    made, broken = [], []
    for source in sources:
        try:
            made.append(_laid(draw_one(page, run, source), per_class))
        except BrokenPictureError as error:
            broken.append(str(error))
    return made, broken


def _laid(drawn: Drawn, per_class: int) -> Sheet:
    """With one class a row where the tiles' classes are known, else as it is."""
    if drawn.tiles is None or len(set(drawn.labels)) < 2:
        return Sheet(drawn, shrink(drawn.pixels), [], (drawn.columns, drawn.rows))
    order, classes = class_rows(drawn.labels, per_class)
    columns = len(order) // len(classes)
    return Sheet(drawn, shrink(sprite_of(drawn.tiles[order], columns)), classes, (columns, len(classes)))


def _course(page: Page, run: RunView, made: list[Sheet]) -> dict[str, Any]:
    """The last picture, and the others for the slider."""
    key, steps = f"samples-{run.index}", [sheet.drawn.step for sheet in made]
    page.sprites[key] = {
        "steps": steps,
        "src": [*(page.pictures.add(sheet.pixels) for sheet in made[:-1]), ""],
    }  # the last one is in the page
    return {**_shown(page, run, made[-1]), "key": key, "steps": steps}


def _apart(page: Page, run: RunView, sheet: Sheet) -> dict[str, Any]:
    """A set that the pictures of the training do not show."""
    what = "The images that were measured" if run.evaluation else "Generated images"
    at = _at(run, sheet.drawn)
    return {**_shown(page, run, sheet), "caption": f"{what}, {at}" if at else what}


def _unit(run: RunView) -> str:
    """What counts the pictures: of an animation nobody says at which steps its frames were drawn."""
    return "frame" if any(grid.frame is not None for grid in run.record.grids) else run.record.step_unit


def _at(run: RunView, drawn: Drawn) -> str:
    """The step; "" of a set of samples whose name says none."""
    return f"{_unit(run)} {count(drawn.step)}" if drawn.step or not drawn.of else ""


def _shown(page: Page, run: RunView, sheet: Sheet) -> dict[str, Any]:
    drawn, (height, width) = sheet.drawn, sheet.pixels.shape[:2]
    return {
        "key": f"measured-{run.index}",
        "steps": [],
        "step": drawn.step,
        "caption": _at(run, drawn),
        "src": page.pictures.add(sheet.pixels),
        "width": width,
        "height": height,
        "zoom": max(1, round(360 / width)) if width < 360 else 1,
        "rows": [(label, run.class_name(label)) for label in sheet.classes],
        "latents": drawn.latents,
        "tiling": sheet.tiling,
        "n": 0 if drawn.tiles is None else len(drawn.tiles),
        "of": drawn.of,
    }


def thin(sources: Sequence[Source], limit: int | None) -> list[Source]:
    """At most `limit` of them, evenly over the steps; the first and the last always."""
    if limit is None or len(sources) <= limit:
        return list(sources)
    return [sources[i] for i in sorted(set(np.linspace(0, len(sources) - 1, limit).round().astype(int).tolist()))]


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
{% for s in b.sheets %}
{% if s.steps|length > 1 %}<div class="stepper" data-needs-script hidden><label
for="step-{{ b.run.index }}">{{ b.unit|visible }} <output
id="step-out-{{ b.run.index }}">{{ s.step|count }}</output></label>
<input type="range" id="step-{{ b.run.index }}" data-sprites="{{ s.key }}" min="0" max="{{ s.steps|length - 1 }}"
value="{{ s.steps|length - 1 }}" step="1" aria-valuetext="{{ b.unit|visible }} {{ s.step|count }}"></div>
{% elif s.caption %}<p class="meta">{{ s.caption|visible }}:</p>{% endif %}
<div class="sheet{{ ' labelled' if s.rows }}">
{% if s.rows %}<ol class="row-names" aria-hidden="true">{% for _, n in s.rows %}<li>{{ n|name }}</li>{% endfor %}</ol>
{%- endif %}
<div class="frame{{ ' gaps' if s.tiling[0] }}"
style="--columns: {{ s.tiling[0] or 1 }}; --tile-rows: {{ s.tiling[1] or 1 }}"{% if s.tiling[0] %}
tabindex="0" data-zoom="{{ s.tiling[0] }} {{ s.tiling[1] }}"{% endif %} data-rows="{{ s.rows|length }}"
data-classes='{{ s.rows|map(attribute=1)|list|tojson }}'><img
class="pixel" id="{{ s.key }}" src="{{ s.src }}" width="{{ s.width * s.zoom }}" height="{{ s.height * s.zoom }}"
alt="Generated images of {{ b.run.label }}, {{ b.unit|visible }} {{ s.step|count }}
{%- if s.rows %}; rows: {{ s.rows|map(attribute=1)|join(', ') }}{% endif %}"></div>
</div>
{% if s.of > s.n %}<p class="meta">{{ s.n|count }} of {{ s.of|plural('image') }}.</p>{% endif %}
{% if s.steps and s.steps|length < b.of %}<p class="meta">{{ s.steps|length }} of {{ b.of|plural('step') }} are
shown.</p>{% endif %}
{% endfor %}
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
    "What the generator drew, as its trainer kept it; a slider goes through the steps and begins at the last one. "
    "Click on an image to see it large; with the keyboard, Enter and the arrow keys.",
    prepare,
    TEMPLATE,
    per_run=True,
)
