"""The page and the explanation of folders of other trainers: what is there, why nothing is measured,
and what to type.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.cli.main import report_main
from ganeval.datasets.dataset import DATASETS
from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

pytestmark = pytest.mark.usefixtures("words_only")


def _pictures(folder: Path, names: list[str], side: int = 120) -> Path:
    folder.mkdir(parents=True)
    for i, name in enumerate(names):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (side, side), dtype=np.uint8)).save(folder / name)
    return folder.parent


REAL = ("--real", "digits:test", "--classifier", "digits")


def _digits(folder: Path, n: int) -> Path:
    folder.mkdir(parents=True)
    for i, image in enumerate(DATASETS["digits"].load("train").images[:n]):
        Image.fromarray(image[0]).save(folder / f"gen_{i}.png")
    return folder.parent


def _page(root: Path) -> str:
    return build_report(find_runs(root), out=root.parent / "r.html").path.read_text()


def _text(markup: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)))


def test_a_page_without_an_evaluation_is_what_is_there_and_one_box(tmp_path: Path) -> None:
    root = _pictures(tmp_path / "runs" / "gan", ["400.png", "800.png"])
    (root / "gan" / "log.csv").write_text("step,loss,fid\n400,1.0,55.5\n800,0.5,44.25\n")
    page = _page(root)
    assert 'class="panel empty"' not in page
    assert page.count('class="advice"') == 1
    assert "ganeval-report runs --as samples --real REAL_IMAGES --extractor inception" in _text(page)
    card = page[page.index('id="run-0"') :].split("</article>")[0]
    assert 'alt="the last picture"' in card
    assert re.search(r"fid 44.25 step 800", _text(card))
    assert "As logged by the trainer, not measured here" in card
    sections = re.findall(r'<section id="([^"]*)"', page)
    assert set(sections) == {"overview", "curves", "samples", "downloads"}


def test_what_is_not_known_of_pictures_is_not_said(tmp_path: Path) -> None:
    page = _page(_pictures(tmp_path / "runs" / "gan", ["400.png", "800.png"]))
    section = _text(page[page.index('<section id="samples"') :].split("</section>")[0])
    assert "slider" in section
    assert "latent" not in section
    assert "classes" not in section


@pytest.mark.parametrize(
    ("names", "said", "command"),
    [
        (["400.png", "800.png"], "1 picture", "--as samples --real REAL_IMAGES"),
        ([f"gen_{i}.png" for i in range(60)], "1 sample set", "--real REAL_IMAGES --extractor inception"),
    ],
)
def test_the_explanation_says_what_was_read_why_not_measured_and_what_to_type(
    names: list[str], said: str, command: str, tmp_path: Path
) -> None:
    root = _pictures(tmp_path / "runs" / "gan", names, side=120 if len(names) == 2 else 28)
    _pictures(root / "data" / "x", ["1.png", "2.png"])
    text = find_runs(root, explain=True).explanation
    assert re.search(rf"gan: read by pictures: {said.replace('1 picture', '2 pictures')}", text)
    assert f"Type: ganeval-report {root}" in text
    assert command in text
    assert re.search(r"data/x: ignored, .* no run", text)


def test_the_explanation_of_an_empty_folder_is_a_line(tmp_path: Path) -> None:
    assert find_runs(tmp_path, explain=True).explanation == "found 0 runs"


def test_the_explanation_names_the_files_that_no_reader_opens(tmp_path: Path) -> None:
    root = _pictures(tmp_path / "runs" / "gan", ["400.png", "800.png"])
    for name in ("gan/netG.pth", "gan/netD.pth", "notebook.ipynb", "samples.zip"):
        (root / name).write_bytes(b"")
    text = find_runs(root, explain=True).explanation
    assert ".: passed over, no reader opens them: 1 .ipynb, 1 .zip. Images in archives are measured by" in text
    assert "gan: passed over, no reader opens them: 2 .pth." in text


def test_the_explanation_comes_after_the_measuring_and_suggests_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _digits(tmp_path / "runs" / "gan", 120)
    assert report_main([str(root), "--out", str(tmp_path / "r.html"), "--explain", *REAL]) == 0
    said = capsys.readouterr().out
    assert "gan: read by pictures: 1 sample set, 1 evaluation" in said
    assert "not evaluated" not in said


@pytest.mark.parametrize("rows", [None, 8])
def test_the_tiles_of_sheets_are_measured_where_that_was_said(rows: int | None, tmp_path: Path) -> None:
    """By the separators, and without any where the trainer says how large its images are."""
    images = DATASETS["digits"].load("train").images[:64, 0]
    framed = images if rows else np.pad(images, ((0, 0), (2, 0), (2, 0)))
    side = framed.shape[1] * 8
    sheet = np.pad(framed.reshape(8, 8, side // 8, -1).swapaxes(1, 2).reshape(side, side), (0, 0 if rows else 2))
    run = tmp_path / "runs" / "00001-digits"
    run.mkdir(parents=True)
    (run / "training_options.json").write_text('{"training_set_kwargs": {"resolution": 8}}')
    (run / "stats.jsonl").write_text('{"Progress/kimg": {"mean": 4.0}, "Loss/G/loss": {"mean": 1.0}}\n')
    Image.fromarray(sheet).save(run / "fakes000004.png")
    assert report_main([str(run.parent), "--out", str(tmp_path / "r.html"), "--as", "sheets", *REAL]) == 0
    (record,) = find_runs(run.parent).runs
    assert [evaluation.fake.n for evaluation in record.evaluations] == [64]


def test_the_box_says_to_cut_sheets_where_the_page_has_found_their_tiles(tmp_path: Path) -> None:
    root = _pictures(tmp_path / "runs" / "gan", [])
    tiles = DATASETS["digits"].load("train").images[:16, 0]
    framed = np.pad(tiles, ((0, 0), (2, 0), (2, 0))).reshape(4, 4, 10, 10).swapaxes(1, 2).reshape(40, 40)
    for step in (400, 800):
        Image.fromarray(np.pad(framed, (0, 2))).save(root / "gan" / f"{step}.png")
    said = _text(_page(root))
    assert "ganeval-report runs --as sheets --real REAL_IMAGES --extractor inception" in said
    assert "Its pictures hold many images each" in said


def test_a_loss_that_is_lost_is_told_once_on_the_card(tmp_path: Path) -> None:
    root = _pictures(tmp_path / "runs" / "gan", ["0.png", "40.png"])
    rows = [f"{step},{1.5 if step < 20 else 'nan'}" for step in range(0, 60, 5)]
    (root / "gan" / "log.csv").write_text("\n".join(["step,loss_g", *rows]))
    page = _page(root)
    card = _text(page[page.index('id="run-0"') :].split("</article>")[0])
    assert "diverged at step 20" in card
    assert card.count("NaN") == 1


@pytest.mark.parametrize(
    "flags", ["--real mnist:test", "--classifier digits", "--real 'my images' --extractor inception"]
)
def test_the_box_repeats_what_was_typed_and_asks_for_the_rest(flags: str, tmp_path: Path) -> None:
    root = _pictures(tmp_path / "runs" / "gan", ["400.png", "800.png"])
    page = build_report(find_runs(root, flags=flags), out=tmp_path / "r.html").path.read_text()
    command = _text(page).split("ganeval-report runs --as samples", 1)[1]
    assert flags in command
    assert ("REAL_IMAGES" in command) == ("--real" not in flags)
    assert ("--extractor inception" in command) == ("--classifier" not in flags)


def test_no_folder_of_the_users_is_told_by_the_box(tmp_path: Path) -> None:
    root = _pictures(tmp_path / "runs" / "gan", ["400.png", "800.png"])
    page = build_report(find_runs(root, flags="--real /home/zenobia/mnist"), out=tmp_path / "r.html").path.read_text()
    assert "zenobia" not in page
    assert "--real …/mnist" in _text(page)


def test_a_folder_that_cannot_be_measured_says_why_on_the_page_and_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _digits(tmp_path / "runs" / "gan", 60)
    Image.new("L", (16, 16), 9).save(root / "gan" / "gen_7.png")
    assert report_main([str(root), "--out", str(tmp_path / "r.html"), "--explain", *REAL]) == 6
    said = capsys.readouterr()
    assert "one size" in said.err or "same size" in said.err or "gen_7.png" in said.err
    why = "Its samples were not measured: "
    assert why in said.out
    assert why in _text((tmp_path / "r.html").read_text())
    assert f"Type: ganeval-report {root} --real digits:test --classifier digits" in said.out


def test_sheets_that_are_images_of_the_real_size_are_samples(tmp_path: Path) -> None:
    root = _digits(tmp_path / "runs" / "gan", 30)
    (run,) = find_runs(root, pictures="sheets", size=(8, 8)).runs
    assert [len(samples.files) for samples in run.samples] == [0]
    assert not run.grids


@pytest.mark.parametrize("kind", ["colours", "twice as large"])
def test_images_of_another_shape_than_the_real_ones_are_shown_beside_them(kind: str, tmp_path: Path) -> None:
    """Grey images that `save_image` wrote as colours, and larger ones, have the panel of their nearest real images."""
    (tmp_path / "runs" / "gan").mkdir(parents=True)
    for i, (image,) in enumerate(DATASETS["digits"].load("train").images[:80]):
        pixels = np.repeat(image[..., None], 3, axis=-1) if kind == "colours" else image.repeat(2, 0).repeat(2, 1)
        Image.fromarray(pixels).save(tmp_path / "runs" / "gan" / f"gen_{i}.png")
    larger = ("--real", "digits:test", "--extractor", "wavelet", "--as", "samples")
    flags = REAL if kind == "colours" else larger
    assert report_main([str(tmp_path / "runs"), "--out", str(tmp_path / "r.html"), *flags]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "are damaged" not in page
    assert "generated image and its 3 nearest real images" in page
