"""The charts in a browser: smoothed, on a log axis, read under the pointer, saved as pictures."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

Opened = Callable[..., Any]


def test_curves_are_smoothed_and_put_on_a_log_axis_by_keyboard_and_back(opened: Opened) -> None:
    page = opened()
    path = page.locator("#curves .chart[aria-labelledby^='curve-loss/d'] .plot.run-0 path").first
    before = path.get_attribute("d")
    page.locator("#smooth").focus()
    page.keyboard.press("Enter")
    assert page.locator("#smooth").get_attribute("aria-pressed") == "true"
    smooth = page.locator("#curves .chart[aria-labelledby^='curve-loss/d'] .plot.run-0 path.smooth")
    assert _roughness(smooth.get_attribute("d")) < 0.5 * _roughness(before)
    assert path.get_attribute("d") == before
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("#curves .chart.log").count() > 0
    assert path.get_attribute("d") != before
    page.keyboard.press("Space")
    page.locator("#smooth").click()
    assert path.get_attribute("d") == before
    assert page.locator("#curves .smooth").count() == 0
    assert page.locator("#curves .chart.log").count() == 0


def _points(d: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] ?([\d.]+) ([\d.]+)", d)]


def _roughness(d: str) -> float:
    heights = [y for _, y in _points(d)]
    return sum(abs(a - 2 * b + c) for a, b, c in zip(heights, heights[1:], heights[2:], strict=False))


def test_a_log_axis_puts_a_value_where_its_logarithm_lies(opened: Opened) -> None:
    page = opened()
    page.locator("#logarithmic").click()
    chart = page.locator("#curves .chart.log").first
    bottom, top, low, high, log_low, log_high = map(float, chart.get_attribute("data-y").split())
    drawn = _points(chart.locator(".plot.run-0 path").nth(1).get_attribute("d"))[-1][1]
    document = json.loads(page.locator("#data").text_content())["report"]["runs"][0]
    fid = document["evaluations"][-1]["scores"]["fid"]["value"]
    assert drawn == pytest.approx(
        bottom - (bottom - top) * math.log(fid / log_low) / math.log(log_high / log_low), abs=0.01
    )
    assert chart.locator(".log-axis").is_visible()
    assert not chart.locator(".linear-axis").is_visible()
    assert log_low < fid < log_high
    assert low < fid < high


def test_charts_with_values_below_zero_stay_linear_and_say_so(
    opened: Opened, new_run: Callable[..., Any], tmp_path: Path
) -> None:
    run = new_run(tmp_path / "runs", "one", evaluated=())
    run.log(300, {"score": -1.0})
    build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html")
    page = opened(tmp_path / "r.html")
    page.locator("#logarithmic").click()
    assert page.locator("#curves-status").inner_text() == "1 chart has values of 0 or below and stays linear."


def test_class_ellipses_can_be_put_away(opened: Opened) -> None:
    page = opened()
    outline = page.locator("#feature-map .run-block:visible .ellipse").first
    assert outline.is_visible()
    page.locator("#ellipses").focus()
    page.keyboard.press("Enter")
    assert not outline.is_visible()
    assert page.locator("#ellipses").get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_a_chart_is_saved_as_a_picture_in_the_colours_of_the_page(opened: Opened, kind: str) -> None:
    page = opened(accept_downloads=True)
    with page.expect_download() as got:
        page.locator("#comparison figure").first.locator(f"button:has-text('{kind}')").click()
    content = Path(got.value.path()).read_bytes()
    if kind == "PNG":
        assert content.startswith(b"\x89PNG")
    else:
        assert content.startswith(b"<svg")
        assert b"var(--" not in content


def test_the_values_under_the_pointer_are_those_that_were_logged(opened: Opened) -> None:
    page = opened(viewport={"width": 1200, "height": 900})
    chart = page.locator("#curves .chart[aria-labelledby^='curve-loss/d']")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + 0.97 * box["width"], box["y"] + 0.5 * box["height"])
    said = (
        page.locator("#curves figure", has=page.locator("[aria-labelledby^='curve-loss/d']"))
        .locator(".readout")
        .inner_text()
    )
    assert said.startswith("300: healthy digits ")
    drawn = float(re.findall(r"healthy digits (-?[\d.]+)", said.replace("\u2212", "-"))[0])
    ends = float(re.findall(r"healthy digits ends at ([\d.]+)", chart.locator("desc").text_content() or "")[0])
    assert drawn == pytest.approx(ends, rel=0.02)
