"""Contact sheets are found by their separators and cut into the tiles that were laid into them;
other pictures are not.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.numerics.sheets import Sheet, sheet_of
from ganeval.report import build_report
from ganeval.runs.discovery import find_runs
from ganeval.runs.record import SampleSet

pytestmark = pytest.mark.usefixtures("words_only")


def _laid_out(tiles: np.ndarray, columns: int, pad: int, ground: int) -> np.ndarray:
    rows = -(-len(tiles) // columns)
    height, width = tiles.shape[1:3]
    sheet = np.full((rows * (height + pad) + pad, columns * (width + pad) + pad, *tiles.shape[3:]), ground, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = (place * (side + pad) + pad for place, side in zip(divmod(i, columns), (height, width), strict=True))
        sheet[y : y + height, x : x + width] = tile
    return sheet


def _digits(n: int) -> np.ndarray:
    """Digits on black with a margin of 4, as in MNIST: margins run on from tile to tile."""
    from ganeval.datasets.dataset import DATASETS

    small = DATASETS["digits"].load("train").images[:n, 0].repeat(3, axis=1).repeat(3, axis=2)[:, 2:22, 2:22]
    return np.pad(small, ((0, 0), (4, 4), (4, 4)))


@pytest.mark.parametrize(
    ("n", "columns", "pad", "ground"), [(64, 8, 2, 0), (60, 8, 2, 255), (25, 5, 2, 0), (16, 4, 1, 128), (10, 5, 4, 0)]
)
def test_the_tiles_of_a_sheet_come_back(n: int, columns: int, pad: int, ground: int) -> None:
    tiles = _digits(n)
    pixels = _laid_out(tiles, columns, pad, ground)
    sheet = sheet_of(pixels)
    assert sheet is not None
    assert (sheet.rows, sheet.columns, sheet.pad) == (-(-n // columns), columns, pad)
    assert np.array_equal(sheet.tiles(pixels), tiles)


def test_colour_sheets_come_back() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    pixels = _laid_out(tiles, 4, 2, 0)
    sheet = sheet_of(pixels)
    assert sheet is not None
    assert np.array_equal(sheet.tiles(pixels), tiles)


@pytest.mark.parametrize("kind", ["noise", "constant", "one digit", "no separators"])
def test_what_has_no_separators_is_no_sheet(kind: str) -> None:
    pictures = {
        "noise": np.random.default_rng(0).integers(0, 256, (242, 242), dtype=np.uint8),
        "constant": np.zeros((242, 242), np.uint8),
        "one digit": _digits(1)[0],
        "no separators": np.concatenate(list(np.random.default_rng(1).integers(1, 256, (4, 32, 128), dtype=np.uint8))),
    }
    assert sheet_of(pictures[kind]) is None


def test_a_card_shows_the_tiles_of_a_sheet(tmp_path: Path) -> None:
    (tmp_path / "runs" / "gan").mkdir(parents=True)
    for step in (100, 200):
        Image.fromarray(_laid_out(_digits(64), 8, 2, 0)).save(tmp_path / "runs" / "gan" / f"{step}.png")
    page = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    card = page[page.index('id="run-0"') :].split("</article>")[0]
    assert re.search(r'alt="10 generated images of the last step"', card)


def test_the_tiles_of_a_sheet_are_measured_when_asked(tmp_path: Path) -> None:
    from ganeval.cli.main import report_main
    from ganeval.datasets.dataset import DATASETS

    digits = DATASETS["digits"].load("train").images[:64, 0]
    (tmp_path / "runs" / "gan").mkdir(parents=True)
    for step in (100, 200):
        Image.fromarray(_laid_out(digits, 8, 2, 255)).save(tmp_path / "runs" / "gan" / f"{step}.png")
    options = ["--real", "digits:test", "--classifier", "digits", "--as", "sheets", "--out", str(tmp_path / "r.html")]
    assert report_main([str(tmp_path / "runs"), *options]) == 0
    (run,) = find_runs(tmp_path / "runs", pictures="sheets").runs
    assert [(e.step, e.fake.n) for e in run.evaluations] == [(100, 64), (200, 64)]
    assert len(run.grids) == 2


def test_a_picture_without_separators_is_refused_as_a_sheet(tmp_path: Path) -> None:
    from ganeval.errors import WrongInputError
    from ganeval.measure.run_samples import _tiles

    Image.fromarray(np.random.default_rng(0).integers(0, 256, (61, 61), dtype=np.uint8)).save(tmp_path / "1.png")
    with pytest.raises(
        WrongInputError, match="no separators between them, and its 61 x 61 pixels are no whole number of real"
    ):
        _tiles(SampleSet(0, tmp_path / "1.png", sheet=(0, 0)), "digits:test")


@pytest.mark.parametrize(("rows", "columns", "pad", "ground"), [(5, 20, 1, 255), (5, 20, 2, 128), (8, 8, 1, 0)])
def test_separators_between_tiles_are_enough(rows: int, columns: int, pad: int, ground: int) -> None:
    tiles = np.random.default_rng(0).integers(1, 250, (rows * columns, 12, 12), dtype=np.uint8)
    pixels = _laid_out(tiles, columns, pad, ground)[pad:-pad, pad:-pad]
    sheet = sheet_of(pixels)
    assert sheet is not None
    assert (sheet.rows, sheet.columns, sheet.pad, sheet.border) == (rows, columns, pad, 0)
    assert np.array_equal(sheet.tiles(pixels), tiles)


def test_wide_gaps_of_a_figure_are_no_separators() -> None:
    pixels = np.full((200, 200), 255, np.uint8)
    for y in (10, 110):
        for x in (10, 110):
            pixels[y : y + 80, x : x + 80] = np.random.default_rng(y + x).integers(0, 200, (80, 80))
    assert sheet_of(pixels, (28, 28)) is None


@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("border", [0, 1, 2])
def test_tiles_of_a_known_size_need_no_separators(pad: int, border: int) -> None:
    tiles = _digits(40)
    pixels = _laid_out(tiles, 8, pad, 0)
    cut = max(0, pad - border) if border in (0, pad) else 0
    pixels = pixels[cut : len(pixels) - cut, cut : pixels.shape[1] - cut]
    sheet = sheet_of(pixels, (28, 28))
    assert sheet is not None
    assert np.array_equal(sheet.tiles(pixels), tiles)


@pytest.mark.parametrize("quality", [75, 95])
@pytest.mark.parametrize("ground", [0, 255])
def test_the_tiles_of_a_jpeg_are_found(quality: int, ground: int) -> None:
    tiles = _digits(64).repeat(2, axis=1).repeat(2, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(_laid_out(tiles, 8, 2, ground)).convert("RGB").save(buffer, "JPEG", quality=quality)
    pixels = np.asarray(Image.open(buffer))
    assert sheet_of(pixels, lossy=True) == Sheet(8, 8, 2, 2)


def test_a_sheet_on_the_page_can_be_looked_at_tile_by_tile(tmp_path: Path) -> None:
    (tmp_path / "runs" / "gan").mkdir(parents=True)
    for step in (100, 200):
        Image.fromarray(_laid_out(_digits(64), 8, 2, 0)).save(tmp_path / "runs" / "gan" / f"{step}.png")
    page = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    assert 'data-zoom="8 8"' in page[page.index('<section id="samples"') :]
