"""Text, charts and pictures of the page, each on its own."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.records.text import name, number, visible
from ganeval.report.charts import downsample, draw, ink, plain, series_style, tagged, tidy
from ganeval.report.hints import hints_of
from ganeval.report.pictures import class_rows, sprite_of, tiles_of
from ganeval.runs.points import LIMIT, Points
from ganeval.runs.record import Curve, RunRecord

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes


def _chart(title: str = "a chart") -> str:
    def paint(axes: Axes) -> None:
        tagged(axes.plot([0, 1], [0, 1], **series_style(3))[0], "line", "run-3")
        axes.set_yticks([0, 1], [plain("$x^2$ <b>"), plain("\u202eabc")], parse_math=False)
        tidy(axes, xlabel="step")
        axes.plot([0, 1], [1, 0], color=ink("muted"))

    return str(draw("test", paint, title=title, description="two lines"))


def test_charts_are_well_formed_and_described() -> None:
    root = ET.fromstring(_chart().replace("xlink:href", "href"))
    assert root.get("role") == "img"
    assert [child.text for child in root[:2]] == ["a chart", "two lines"]


def test_charts_have_no_colours_of_their_own() -> None:
    svg = _chart()
    assert "var(--s3)" in svg
    assert "var(--muted)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg.replace("#m", ""))


def test_charts_are_the_same_twice_and_carry_no_date() -> None:
    assert _chart() == _chart()
    assert "<dc:" not in _chart()
    assert not re.search(r"20\d\d-\d\d-\d\d", _chart())


def test_lines_can_be_told_by_run() -> None:
    assert '<g class="line run-3"' in _chart()


def test_text_in_charts_is_neither_formula_nor_markup() -> None:
    svg = _chart("</title><script>x</script>")
    assert "<script" not in svg
    assert "<b>" not in svg
    assert "\u202e" not in svg
    assert "$x^2$" in svg


@given(st.text(max_size=60))
@settings(max_examples=25, deadline=None)
def test_a_shown_name_holds_no_control_character(text: str) -> None:
    shown = visible(text)
    assert not re.search(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
    assert "<" not in str(name(text)).removeprefix('<bdi dir="auto">').removesuffix("</bdi>")


def test_persian_keeps_its_joiners() -> None:
    assert visible("می\u200cشود") == "می\u200cشود"


def test_a_number_shows_the_digits_its_error_allows_and_keeps_all_of_them() -> None:
    shown = str(number(12.3456789, 0.41))
    assert "12.35\u2009±\u20090.41" in shown
    assert 'data-value="12.3456789"' in shown


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_no_number_is_none(value: float | None) -> None:
    assert str(number(value)) == '<span class="none">none</span>'


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 50))
@settings(max_examples=25, deadline=None)
def test_thinning_keeps_both_extremes_and_both_ends(values: list[float], pixels: int) -> None:
    x, y = downsample(range(len(values)), values, pixels)
    assert (y.min(), y.max()) == (min(values), max(values))
    assert (x[0], x[-1]) == (0, len(values) - 1)
    assert len(x) <= 3 * pixels + 2


def test_thinning_keeps_a_gap() -> None:
    values = [0.0] * 5000
    values[1234] = math.nan
    _, y = downsample(range(5000), values, 20)
    assert np.isnan(y).sum() == 1


def test_a_log_of_any_length_keeps_its_nan() -> None:
    points = Points()
    for i in range(5 * LIMIT):
        points.add(i, math.nan if i == 777 else 1.0)
    curve = points.curve()
    assert len(curve.values) <= 2 * LIMIT + 1
    assert sum(math.isnan(value) for value in curve.values) == 1


def test_tiles_and_sprites_are_inverse() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)
    assert (tiles_of(sprite_of(tiles, 4), 3, 4) == tiles).all()


def test_rows_of_classes_have_one_length() -> None:
    order, classes = class_rows([2, 0, 2, 2, 0], per_class=8)
    assert (order, classes) == ([1, 4, 0, 2], [0, 2])


def _run(tmp_path: Path, **curves: Curve) -> RunRecord:
    return RunRecord(id="r", path=tmp_path, reader="ganeval", curves=curves)


def test_a_short_dip_of_the_discriminator_is_no_hint(tmp_path: Path) -> None:
    steps = tuple(float(i) for i in range(100))
    dip = tuple(0.001 if 40 <= i < 45 else 0.7 for i in range(100))
    assert hints_of(_run(tmp_path, **{"loss/d": Curve(steps, dip)})) == []
    dead = tuple(0.001 if i >= 40 else 0.7 for i in range(100))
    (hint,) = hints_of(_run(tmp_path, **{"loss/d": Curve(steps, dead)}))
    assert "from step 40 to 99" in hint.text


def test_a_generator_loss_near_zero_is_no_hint(tmp_path: Path) -> None:
    steps = tuple(float(i) for i in range(100))
    assert hints_of(_run(tmp_path, **{"loss/g": Curve(steps, (0.0,) * 100)})) == []


def test_an_axis_of_small_numbers_says_their_exponent_at_every_tick() -> None:
    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0.0, 2e-5])
        tidy(axes)

    drawn = draw("rate", paint, title="t", description="d")
    assert "1.8e−5" in drawn
