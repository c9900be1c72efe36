"""The best and the worst images: by realism, by their influence on FID, by the classifier's doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.report.panel import Absent, Panel
from ganeval.report.pictures import sprite_of
from ganeval.report.view import Page, RunView

GROUPS = {
    "worst": ("Least realistic", "realism"),
    "best": ("Most realistic", "realism"),
    "influential": ("Raise FID most", "influence on fid"),
    "unsure": ("The classifier is least sure", "confidence"),
}
COLUMNS = 8


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(lambda run: _block(page, run), page.evaluated)
    if not blocks:
        return Absent("The last evaluation stored no images: evaluate the run again with this version.")
    return {"blocks": blocks}


def _block(page: Page, run: RunView) -> dict[str, Any] | None:
    galleries = []
    for name, (title, value) in GROUPS.items():
        stored = run.evidence(name)
        if not stored or not len(stored["tiles"]):
            continue
        sprite = sprite_of(stored["tiles"], COLUMNS)
        near = None if page.crowded else _near(stored)
        height, width = sprite.shape[:2]
        zoom = max(1, round(450 / width))
        galleries.append(
            {
                "title": title,
                "value": value,
                "src": page.pictures.add(sprite),
                "width": width * zoom,
                "height": height * zoom,
                "values": stored["values"].tolist(),
                "rows": -(-len(stored["tiles"]) // COLUMNS),
                "words": [f"{title}: {value} {number:.3g}" for number in stored["values"].tolist()],
                "near": None if near is None else _sheet(page, near),
                "each": 0 if near is None else near.shape[1],
            }
        )
    return {"galleries": galleries, "columns": COLUMNS} if galleries else None


def _near(stored: dict[str, NDArray]) -> NDArray | None:
    """The reals nearest to each tile, (n, k, h, w[, 3]), where the evaluation kept them as large as the tiles."""
    near, tiles = stored.get("near"), stored["tiles"]
    fits = near is not None and near.ndim > 2 and near.shape[1] and near.shape[:1] + near.shape[2:] == tiles.shape
    return near if fits else None


def _sheet(page: Page, near: NDArray) -> str:
    """One row of reals for each tile."""
    return page.pictures.add(sprite_of(np.concatenate(list(near)), near.shape[1]))


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
<div class="galleries">{% for g in b.galleries %}<figure><figcaption>{{ g.title }}</figcaption><span class="frame gaps"
style="--columns: {{ b.columns }}; --tile-rows: {{ g.rows }}" tabindex="0" data-zoom="{{ b.columns }} {{ g.rows }}"
data-words='{{ g.words|tojson }}'{% if g.near %} data-near="{{ g.near }}" data-each="{{ g.each }}"{% endif %}><img
class="pixel" loading="lazy" src="{{ g.src }}" width="{{ g.width }}" height="{{ g.height }}"
alt="{{ g['values']|length }} generated images: {{ g.title|lower }}"></span><p class="meta">{{ g.value }} from
{{ '%.3g' % g['values'][0] }} to {{ '%.3g' % g['values'][-1] }}</p></figure>{% endfor %}</div>
<details class="table"><summary>Table</summary><table><caption>Values of the images, in reading order</caption>
<tbody>{% for g in b.galleries %}<tr><th scope="row">{{ g.title }} ({{ g.value }})</th>
<td>{% for v in g['values'] %}{{ '%.3g' % v }}{{ ', ' if not loop.last }}{% endfor %}</td></tr>{% endfor %}</tbody>
</table></details>
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "extremes",
    120,
    "Best and worst images",
    "Realism compares how near an image is to real ones with how near these are to each other; at 1 or more it lies "
    "among them. Influence is how much a single image raises FID: what these images have in common is what to fix "
    "first. Click on an image to see it large beside the real images that are nearest to it.",
    prepare,
    TEMPLATE,
    per_run=True,
)
