"""What a notebook shows of an evaluation: a word for the whole, the headline with errors and floors, a few pictures.

Plain HTML without a script: names are escaped, colours follow the notebook's own, pictures are embedded.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ganeval.core.png import encode_png
from ganeval.core.wording import plural
from ganeval.records.headline import by_question, headline
from ganeval.records.score import Floor, ScoreRecord
from ganeval.records.story import Story
from ganeval.records.text import arrow, interval, name, number, visible

SENTENCE = 600  # characters of one
SHOWN = 8  # pictures of one row
ZOOM = 56  # pixels that a small picture is shown at
ROWS = {
    "worst.tiles": "Least realistic images",
    "neighbours.fake": "Some generated images",
    "neighbours.real": "and the real image nearest to each",
}
COLOURS = {"good": "#1a7f37", "warn": "#9a6700", "bad": "#cf222e", "none": "#6e7781"}
SIGNS = {"good": "✔", "warn": "!", "bad": "✘", "none": "–"}
HEADS = ("metric", "value", "95 % interval", "floor", "n")


def badge(level: str, word: str) -> Markup:
    """A sign and a word in the colour of its level: good, warn, bad or none."""
    style = f"color:{COLOURS[level]};border:1px solid;border-radius:1em;padding:0 .6em;white-space:nowrap"
    return Markup('<span style="{}">{} {}</span>').format(style, SIGNS[level], visible(word))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Cells are escaped; a row of one cell is a heading over the whole width."""
    body = Markup("").join(_row(row, len(heads)) for row in rows)
    head = Markup("").join(Markup('<th style="text-align:left">{}</th>').format(text) for text in heads)
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def _row(row: Sequence[object], width: int) -> Markup:
    if len(row) == 1:
        cells = Markup('<th colspan="{}" style="text-align:left">{}</th>').format(width, row[0])
    else:
        cells = Markup("").join(Markup('<td style="text-align:left">{}</td>').format(cell) for cell in row)
    return Markup("<tr>{}</tr>").format(cells)


def folded(summary: str, body: Markup) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, body)


def render_cell(
    title: str, how: str, records: Mapping[str, ScoreRecord], story: Story, pictures: Mapping[str, NDArray]
) -> str:
    """The whole cell. `pictures` are the evaluation's evidence, where it carries any."""
    shown = headline(records)
    valued, missing = [r for r in records.values() if r.ok], [r for r in records.values() if not r.ok]
    parts = [
        Markup("<p><b>{}</b> {}<br><small>{}</small></p>").format(
            name(title), badge(story.level, story.badge), name(how)
        ),
        Markup("").join(
            Markup("<p>{}</p>").format(name(sentence, SENTENCE))
            for sentence in (*story.sentences, story.limits)
            if sentence
        ),
        _numbers(shown),
        *_pictures(pictures),
    ]
    if len(valued) > sum(len(group) for _, group in shown):
        parts.append(folded(f"all {len(valued)} numbers", _numbers(by_question(records))))
    if missing:
        lines = [(name(r.name), name(r.status)) for r in sorted(missing, key=lambda r: r.name)]
        parts.append(
            folded(f"{plural(len(missing), 'metric')} without a number, and why", table(("metric", ""), lines))
        )
    return str(Markup("<div>{}</div>").format(Markup("").join(parts)))


def _numbers(groups: Sequence[tuple[str, Sequence[ScoreRecord]]]) -> Markup:
    rows: list[Sequence[object]] = []
    for question, records in groups:
        rows.append((visible(question),))
        rows += [_line(record) for record in records]
    return table(HEADS, rows)


def _line(record: ScoreRecord) -> Sequence[object]:
    n = "" if record.n is None else f"{record.n:,}"
    bound = "≥ " if record.only_a_bound else ""
    value = Markup("{}{}").format(bound, number(record.value, record.se))
    title = Markup("{} {}").format(name(record.name), arrow(record.better, words=False))
    return title, value, interval(record), _floor(record.floor, record.n), n


def _floor(floor: Floor | None, n: int | None) -> Markup:
    """What a perfect generator gets, and at which n where that is another one."""
    if floor is None:
        return Markup("")
    other = f" (n = {floor.n:,})" if floor.n and floor.n != n else ""
    return Markup("{}{}").format(number(floor.value, floor.se), other)


def _pictures(evidence: Mapping[str, NDArray]) -> Iterable[Markup]:
    for key, title in ROWS.items():
        tiles = evidence.get(key)
        if tiles is None or len(tiles) == 0:
            continue
        first = tiles[:SHOWN, 0] if key == "neighbours.real" else tiles[:SHOWN]
        yield Markup('<figure style="margin:.4em 0"><figcaption>{}</figcaption>{}</figure>').format(
            title, _strip(first)
        )


def _strip(tiles: NDArray) -> Markup:
    """uint8 (n, h, w) or (n, h, w, 3) side by side, pixels as they are."""
    colour = tiles[..., None] if tiles.ndim == 3 else tiles
    picture = np.concatenate(list(colour), axis=1)
    source = "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode("ascii")
    height = max(ZOOM, colour.shape[1])
    return Markup('<img src="{}" alt="" style="height:{}px;image-rendering:pixelated">').format(source, height)
