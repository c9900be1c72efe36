"""The charts as pictures against golden ones: shapes only, because fonts differ from machine to machine.

`GANEVAL_GOLDEN=write` in the environment draws the golden pictures anew; look at them before they are committed.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = 0.003  # mean difference of a grey value in [0, 1]; one run's line left out costs twice as much
CHARTS = {
    "compare-fid": "#comparison .chart >> nth=0",
    "metric-over-steps": "#curves .chart >> nth=0",
    "logged-with-nan": "#curves .chart[aria-labelledby^='curve-loss/g']",
    "plane": "#fidelity .chart >> nth=0",
    "prd": "#fidelity .chart >> nth=2",
    "map": "#feature-map .chart >> nth=0",
    "nearest": "#neighbours .chart >> nth=0",
}
PLAIN = (
    ".chart text { visibility: hidden } .chart { width: 400px !important; background: #fff }"
    ".posing { position: fixed; top: 0; left: 0; z-index: 99 }"
)


@pytest.fixture(scope="module")
def page(browser: Any, three_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("golden") / "report.html"
    build_report(find_runs(three_runs), out=out)
    page = browser.new_page(color_scheme="light", viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.goto(out.as_uri())
    page.add_style_tag(content=PLAIN)
    yield page
    page.close()


def _shot(page: Any, name: str) -> bytes:
    """The chart alone, in the corner of the window: where it stands on the page moves it by parts of a pixel."""
    chart = page.locator(CHARTS[name])
    chart.evaluate("chart => chart.classList.add('posing')")
    png = chart.screenshot()
    chart.evaluate("chart => chart.classList.remove('posing')")
    return png


def _grey(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=np.float64) / 255


def _distance(shown: np.ndarray, golden: np.ndarray) -> float:
    """Mean difference after a blur of 4 x 4 pixels, which forgives half a pixel of antialiasing."""
    height, width = (min(a, b) // 4 * 4 for a, b in zip(shown.shape, golden.shape, strict=True))
    blurred = [
        picture[:height, :width].reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3)) for picture in (shown, golden)
    ]
    return float(np.abs(blurred[0] - blurred[1]).mean())


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_looks_like_its_golden_picture(page: Any, name: str) -> None:
    png = _shot(page, name)
    path = GOLDEN / f"{name}.png"
    if os.environ.get("GANEVAL_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        Image.open(io.BytesIO(png)).convert("RGB").quantize(32, dither=Image.Dither.NONE).save(path, optimize=True)
    shown, golden = _grey(png), _grey(path.read_bytes())
    assert np.allclose(shown.shape, golden.shape, atol=2)
    assert _distance(shown, golden) <= TOLERANCE


def test_a_chart_without_one_of_its_lines_is_not_golden(page: Any) -> None:
    """The tolerance can fail: one run's line less, or another chart, is further away."""
    golden = _grey((GOLDEN / "metric-over-steps.png").read_bytes())
    page.add_style_tag(content="#curves .line.run-1 { visibility: hidden }")
    shown = _grey(_shot(page, "metric-over-steps"))
    assert _distance(shown, golden) > TOLERANCE
    other = _grey(_shot(page, "plane"))
    assert _distance(other, golden) > 2 * TOLERANCE
