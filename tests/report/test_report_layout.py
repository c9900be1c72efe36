"""The page in windows from a telephone's to a desk's, with the fonts that people have: nothing sticks out sideways."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

FONTS = {"fonts-dejavu": "dejavu", "fonts-noto-core": "noto"}  # Debian's packages and their folders
WIDTHS = (320, 360, 390, 1440)
ENDLESS = "W" * 120  # the widest letter, and no place to break at
CONFIGURATION = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir>
<include ignore_missing="yes">/etc/fonts/conf.d</include></fontconfig>"""


@pytest.fixture(scope="module")
def ordinary(three_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(find_runs(three_runs), out=tmp_path_factory.mktemp("layout") / "report.html").path


@pytest.fixture(scope="module")
def endless(new_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on which every name that comes from a file is longer than its place."""
    root = tmp_path_factory.mktemp("endless")
    for i in range(2):
        run = new_run(root / "runs", f"{ENDLESS}{i}", names=[f"{j}{ENDLESS}" for j in range(10)])
        run.log(300, {ENDLESS: 1e300})
        run.update(step_unit=ENDLESS, config={ENDLESS: {ENDLESS: ENDLESS}}, command=ENDLESS)
        (run.path / "gate").mkdir()
        (run.path / "gate" / "verdict.json").write_text(json.dumps(_verdict()))
    (root / "runs" / ENDLESS).mkdir()
    (root / "runs" / ENDLESS / "run.json").write_text("{")
    return build_report(find_runs(root / "runs"), out=root / "report.html", title=ENDLESS).path


def _verdict() -> dict[str, Any]:
    rule = {"metric": ENDLESS, "verdict": "regressed", "sentence": ENDLESS, "value": 1e300, "se": 1e298, "checks": []}
    return {
        "schema": "ganeval.verdict/1",
        "name": ENDLESS,
        "verdict": "regressed",
        "sentence": ENDLESS,
        "rules": [rule],
        "baseline": {"name": ENDLESS},
        "candidate": {"n": 10**9, "commit": ENDLESS},
        "protocol_hash": ENDLESS,
    }


@pytest.fixture(scope="module", params=FONTS)
def with_fonts(
    request: pytest.FixtureRequest, launch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Chromium that finds the fonts of one package and no others."""
    fonts = Path("/usr/share/fonts/truetype", FONTS[request.param])
    if not fonts.is_dir():
        if os.environ.get("CI"):
            pytest.fail(
                f"The layout is tested with {' and '.join(FONTS)}; install the system's package {request.param}"
            )
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    file = folder / "fonts.conf"
    file.write_text(CONFIGURATION.format(fonts=fonts, cache=folder / "cache"))
    return launch(FONTCONFIG_FILE=str(file))


def _overhang(browser: Any, page: Path, *widths: int, text_size: str = "", **options: Any) -> dict[int, int]:
    """By how many pixels the page is wider than a window of each width; only where it is."""
    context = browser.new_context(**options)
    tab = context.new_page()
    tab.goto(page.as_uri())
    if text_size:
        tab.evaluate(f"document.documentElement.style.fontSize = '{text_size}'")
    found = {}
    for width in widths:
        tab.set_viewport_size({"width": width, "height": 800})
        found[width] = tab.evaluate("document.documentElement.scrollWidth") - width
    context.close()
    return {width: over for width, over in found.items() if over > 0}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_its_window_in_both_themes(with_fonts: Any, ordinary: Path, theme: str) -> None:
    assert _overhang(with_fonts, ordinary, *WIDTHS, color_scheme=theme) == {}


def test_names_without_a_place_to_break_fit_the_window(with_fonts: Any, endless: Path) -> None:
    assert _overhang(with_fonts, endless, *WIDTHS) == {}


def test_twice_the_text_size_needs_no_sideways_scrolling(with_fonts: Any, ordinary: Path, endless: Path) -> None:
    for page in (ordinary, endless):
        assert _overhang(with_fonts, page, 720, text_size="200%") == {}


def test_a_telephone_shows_the_reason_of_a_rule_in_a_readable_column(with_fonts: Any, ordinary: Path) -> None:
    tab = with_fonts.new_page(viewport={"width": 360, "height": 800})
    tab.goto(ordinary.as_uri())
    assert tab.locator("#verdicts td.why").first.bounding_box()["width"] >= 200
    tab.close()
