"""The page as text: what it holds, that it is the same twice, and that nothing bad that comes in gets out."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganeval.errors import GanevalError
from ganeval.report import build_report
from ganeval.report.panel import panels_in_order
from ganeval.report.pictures import BrokenPictureError, load_picture
from ganeval.runs.directory import RunDirectory, create_run
from ganeval.runs.discovery import find_runs

MakeRun = Callable[..., object]


@pytest.fixture(scope="module")
def page(three_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "report.html"
    result = build_report(find_runs(three_runs), out=out)
    assert not [warning for warning in result.warnings if warning.startswith("panel")]
    return out.read_text(encoding="utf-8")


def test_every_panel_has_its_section_and_says_how_to_read_it(page: str) -> None:
    for panel in panels_in_order():
        assert f'<section id="{panel.name}"' in page
        assert str(html.escape(panel.how_to_read, quote=True)).replace("&#x27;", "&#39;") in page


def test_no_panel_is_missing_from_the_sixteen_of_the_specification() -> None:
    assert {panel.name for panel in panels_in_order()} >= {
        "verdicts",
        "metrics",
        "comparison",
        "curves",
        "samples",
        "classes",
        "confusion",
        "balance",
        "fidelity",
        "feature-map",
        "neighbours",
        "modes",
        "extremes",
        "diversity",
        "judge",
        "passport",
        "downloads",
    }


def test_equal_runs_give_equal_bytes(small_run: Path, tmp_path: Path) -> None:
    first, second = (build_report(find_runs(small_run), out=tmp_path / name) for name in ("a.html", "b.html"))
    assert first.path.read_bytes() == second.path.read_bytes()


def test_the_page_forbids_the_network_and_every_script_but_its_own(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = html.unescape(policy[1])
    assert rules.startswith("default-src 'none'; img-src data:;")
    assert re.search(r"script-src 'sha256-[\w+/=]+'", rules)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_hostile_names_are_text(page: str) -> None:
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert page.count("</script>") == 2


def test_a_broken_run_is_a_red_card(page: str) -> None:
    card = page[page.index('class="card broken"') :][:1500]
    assert "✘ broken" in card
    assert "run.json" in card


def test_a_collapsed_run_is_named_as_such(page: str) -> None:
    card = page[page.index('id="run-1"') :].partition("</article>")[0]
    assert "✘ collapsed" in " ".join(card.split())
    assert "never generates" in card


def test_curves_carry_hints(page: str) -> None:
    assert "loss/g is NaN or infinite at step 250" in page
    assert "loss/d is about 0 from step 110 to 300" in page


def test_the_verdict_shows_its_rule(page: str) -> None:
    section = page[page.index('<section id="verdicts"') : page.index('<section id="metrics"')]
    assert "✘ regressed" in section
    assert 'data-value="4.5"' in section


def test_numbers_on_the_page_are_those_of_report_json(three_runs: Path, tmp_path: Path) -> None:
    build_report(find_runs(three_runs), out=tmp_path / "r.html", json_out=tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text())
    text = (tmp_path / "r.html").read_text()
    assert document["schema"] == "ganeval.report/1"
    assert len(document["runs"]) == 5
    scores = document["runs"][0]["evaluations"][-1]["scores"]
    for name in ("fid", "kid", "recall"):
        assert f'data-metric="{name}"' in text
        assert f'data-value="{scores[name]["value"]!r}"' in text


@pytest.mark.usefixtures("words_only")
def test_the_time_of_the_page_is_that_of_its_data(three_runs: Path, tmp_path: Path) -> None:
    build_report(find_runs(three_runs), out=tmp_path / "r.html", json_out=tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["created"] == "2026-01-02T03:04:05+00:00"


def test_a_page_beyond_the_limit_lays_its_pictures_beside_it(small_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = build_report(find_runs(small_run), out=out, single_file_limit=1000)
    assert result.assets == tmp_path / "report.assets"
    sources = set(re.findall(r'src="(report\.assets/[^"]+)"', out.read_text()))
    assert sources
    for source in sources:
        assert (tmp_path / source).is_file()
    assert "img-src data: file:" in html.unescape(out.read_text())


def test_a_page_beyond_the_limit_that_has_no_pictures_is_written_alone(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", "curves", config={}, seeds={}, protocol={})
    for step in range(20):
        run.log(step, {"loss/d": 1.0 + step})
    result = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html", single_file_limit=1000)
    assert result.size > 1000
    assert "loss/d" in result.path.read_text(encoding="utf-8")
    assert not (tmp_path / "r.assets").exists()


@pytest.mark.usefixtures("words_only")
def test_pictures_of_an_earlier_page_are_dropped_and_strangers_files_kept(small_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    build_report(find_runs(small_run), out=out, single_file_limit=1000)
    (tmp_path / "report.assets" / "old.webp").write_bytes(b"old")
    build_report(find_runs(small_run), out=out, single_file_limit=1000)
    assert not (tmp_path / "report.assets" / "old.webp").exists()
    (tmp_path / "report.assets" / "notes.txt").write_text("mine")
    build_report(find_runs(small_run), out=out)
    assert (tmp_path / "report.assets" / "notes.txt").exists()


@pytest.mark.usefixtures("words_only")
def test_a_full_disk_leaves_the_previous_report(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    build_report(find_runs(small_run), out=out)
    before = out.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ganeval.core.files.os.fsync", full)
    with pytest.raises(GanevalError, match=r"No space left on device\. The previous one is untouched"):
        build_report(find_runs(small_run), out=out, title="new")
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.usefixtures("words_only")
def test_a_full_disk_leaves_the_previous_folder_mode_report(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    build_report(find_runs(small_run), out=out, single_file_limit=1000)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ganeval.core.files.os.fsync", full)
    with pytest.raises(GanevalError, match="No space left"):
        build_report(find_runs(small_run), out=out, single_file_limit=1000)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_no_runs_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(GanevalError, match=r"at least one run .* Try --explain"):
        build_report(find_runs(tmp_path), out=tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_a_truncated_picture_is_a_sentence_and_the_others_are_shown(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path / "runs", "torn", evaluated=())
    picture = next((tmp_path / "runs").rglob("step-000200.png"))
    picture.write_bytes(picture.read_bytes()[:-200])
    result = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html")
    text = result.path.read_text()
    assert "step-000200.png cannot be decoded" in text
    assert "2 of 3 steps" in text


def test_a_picture_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("1", (10_000, 10_000)).save(tmp_path / "bomb.png")
    with pytest.raises(BrokenPictureError, match="10000 x 10000 pixels; at most 64,000,000"):
        load_picture(tmp_path / "bomb.png")


def test_broken_evidence_and_verdicts_are_notes(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path / "runs", "one", evaluated=(300,))
    folder = tmp_path / "runs" / "0001-one"
    (folder / "eval" / "step-000300" / "evidence.safetensors").write_bytes(b"\xff" * 64)
    (folder / "gate").mkdir()
    (folder / "gate" / "verdict.json").write_text('{"schema": "of/something-else"}')
    text = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    assert "Expected the evidence of an evaluation" in text
    assert "not of schema ganeval.verdict/1" in text


def test_a_panel_that_fails_leaves_the_others(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganeval.report import build
    from ganeval.report.panel import Panel

    def fail(_: object) -> dict:
        raise ZeroDivisionError("no")

    broken = Panel("broken-panel", 15, "Broken", "Not at all.", fail, "")
    monkeypatch.setattr(build, "panels_in_order", lambda: [broken, *panels_in_order()])
    result = build_report(find_runs(small_run), out=tmp_path / "r.html")
    assert any("panel broken-panel: ZeroDivisionError: no" in warning for warning in result.warnings)
    assert '<section id="metrics"' in result.path.read_text()


@pytest.mark.usefixtures("words_only")
def test_compare_chooses_the_runs_the_page_opens_with(three_runs: Path, tmp_path: Path) -> None:
    found = find_runs(three_runs)
    result = build_report(found, out=tmp_path / "r.html", compare=["collapsed digits", "healthy digits"])
    island = re.search(r'id="data">(.*?)</script>', result.path.read_text(), re.DOTALL)
    assert island
    assert json.loads(island[1])["shown"] == [1, 0]
    with pytest.raises(GanevalError, match="Known:"):
        build_report(found, out=tmp_path / "r.html", compare=["nobody"])


def test_ranks_are_shared_where_intervals_overlap(new_run: MakeRun, tmp_path: Path) -> None:
    from ganeval.report.comparability import ranks
    from ganeval.report.pictures import Pictures
    from ganeval.report.view import Page

    for name, collapsed in (("one", False), ("two", False), ("three", True)):
        new_run(tmp_path, name, collapsed=collapsed, evaluated=(300,))
    runs = Page(find_runs(tmp_path), "", Pictures()).evaluated
    assert ranks(runs, "fid") == {0: "1–2", 1: "1–2", 2: "3"}
    assert ranks(runs, "recall") == {0: "1–2", 1: "1–2", 2: "3"}


@pytest.mark.parametrize("near", [0, 1, 5])
def test_images_close_to_real_ones_are_weighed_against_chance(near: int) -> None:
    from scipy.stats import binom

    from ganeval.report.panels.neighbours import _suspicion

    found = _suspicion(np.where(np.arange(32) < near, 0.001, 0.5))
    assert found["suspicious"] == near
    assert found["striking"] == (near == 5)
    assert found["by_chance"] == pytest.approx(float(binom.sf(near - 1, 32, 0.01)))


def test_the_passport_says_what_was_typed(tmp_path: Path) -> None:
    from ganeval.runs.directory import create_run

    typed = ["python", "-m", "train", "--name", "<b>"]
    create_run(tmp_path / "runs", "one", config={}, seeds={"train": 7}, protocol={}, command=typed)
    text = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    section = text[text.index('<section id="passport"') : text.index('<section id="downloads"')]
    words = [html.unescape(word) for word in re.findall(r"<span>(.*?)</span>\s", section)]
    assert " ".join(words) == "python -m train --name '<b>'"
    assert "<b>" not in section
    assert "seeds.train" in section


def test_a_run_without_anything_is_still_a_page(tmp_path: Path) -> None:
    create_run(tmp_path / "runs", "empty", config={}, seeds={}, protocol={})
    result = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html")
    assert "No run is evaluated yet" in result.path.read_text()
    assert not [warning for warning in result.warnings if "panel" in warning]


def test_names_in_a_spreadsheet_are_no_formulas(new_run: MakeRun, tmp_path: Path) -> None:
    from ganeval.report.document import render_csv
    from ganeval.report.pictures import Pictures
    from ganeval.report.view import Page

    new_run(tmp_path, "one", evaluated=(300,))
    (tmp_path / "0001-one").rename(tmp_path / "=cmd()")
    lines = render_csv(Page(find_runs(tmp_path), "", Pictures())).splitlines()
    assert lines[0].startswith("run,step,metric,value")
    assert all(line.startswith("'=cmd()") for line in lines[1:])


def test_colour_pictures_stay_in_colour(tmp_path: Path) -> None:
    from PIL import Image

    from ganeval.report.pictures import Pictures

    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "c.png")
    assert (load_picture(tmp_path / "c.png") == pixels).all()
    pictures = Pictures(tmp_path / "assets")
    source = pictures.add(pixels)
    assert (np.asarray(Image.open(tmp_path / source)) == pixels).all()


def test_reading_and_writing_load_no_torch(three_runs: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from ganeval.runs.discovery import find_runs; from ganeval.report import build_report; "
        "build_report(find_runs(sys.argv[1]), out=sys.argv[2]); assert 'torch' not in sys.modules, 'torch was loaded'"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(three_runs), str(tmp_path / "r.html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_twenty_runs_of_twenty_steps_fit_into_five_megabytes(new_runs: Callable[..., None], tmp_path: Path) -> None:
    new_runs(tmp_path / "runs", 20, steps=range(10, 210, 10), evaluated=(300,))
    result = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html")
    assert result.size <= 5 * 2**20
    assert result.path.read_text().count('min="0" max="19"') == 20  # of sliders: each goes over all steps


def test_a_quantity_that_was_logged_once_is_a_mark(new_run: Callable[..., RunDirectory], tmp_path: Path) -> None:
    run = new_run(tmp_path / "runs", "once", names=("a", "b"), steps=(100,), evaluated=())
    run.log(100, {"once": 1.0})
    html = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    chart = html[html.index('aria-labelledby="curve-once-step-t') :]
    line = chart[chart.index("line plot run-0") :]
    assert "<use" in line[: line.index("</g> <g")]
