"""The report over real runs, photographed in both themes for docs/pictures.

RUNS holds a healthy and a collapsed run on Hoda and one on BreastMNIST, in this order. Hoda's real images may not be
shown, so the panel of nearest real images is photographed of BreastMNIST (CC BY 4.0) alone. Needs playwright and a
Chromium on the path.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from ganeval.errors import GanevalError
from ganeval.report import build_report
from ganeval.runs.discovery import find_runs
from studies.page import DOCS

OUT = DOCS / "pictures"
LIMIT = 400_000  # bytes
PANELS = {
    "samples": ("samples", 0, 1),
    "map": ("feature-map", 0, 1),
    "curves": ("curves", 0, 1),
    "diversity": ("diversity", 0, 1),
    "metrics": ("metrics", 1, None),
    "breast": ("samples", 2, None),
    "breast-neighbours": ("neighbours", 2, None),
}
STILL = ".toolbar { position: static !important }"
LOADED = """() => Promise.all([...document.images].map(image => {
  image.loading = 'eager'
  return image.getAttribute('src') ? image.decode().catch(() => {}) : null
}))"""  # an image that is laid out while a panel is photographed moves the panel away


def main(runs: Path, /) -> Path:
    """Photograph the report over `runs`.

    Args:
        runs: a folder of three runs, as said above.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        page = build_report(find_runs(runs), out=Path(scratch) / "report.html", title="Hoda and BreastMNIST").path
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for theme in ("light", "dark"):
            shoot(browser, page.as_uri(), theme)
        browser.close()
    return OUT


def shoot(browser: Any, address: str, theme: str) -> None:
    """The top at both widths, and every panel of `PANELS` with its runs chosen."""
    for name, size in {"top": (1440, 900), "phone": (360, 780)}.items():
        page = browser.new_page(color_scheme=theme, viewport={"width": size[0], "height": size[1]})
        page.goto(address)
        save(page.screenshot(), f"report-{name}-{theme}")
        page.close()
    page = browser.new_page(color_scheme=theme, reduced_motion="reduce", viewport={"width": 1440, "height": 1000})
    page.goto(address)
    page.add_style_tag(content=STILL)
    page.evaluate(LOADED)
    for name, (panel, first, second) in PANELS.items():
        page.select_option("#run-a", str(first))
        page.select_option("#run-b", "" if second is None else str(second))
        page.evaluate(LOADED)
        save(page.locator(f"#{panel}").screenshot(), f"report-{name}-{theme}")
    page.close()


def save(png: bytes, name: str) -> None:
    """A palette of 256 colours that keeps rare ones: a third of the bytes, and no difference that an eye finds."""
    path = OUT / f"{name}.png"
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise GanevalError(f"{path} has {path.stat().st_size:,} bytes; at most {LIMIT:,} were promised.")
