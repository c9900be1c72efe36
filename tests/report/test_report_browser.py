"""The page in a browser: offline, by keyboard, in both themes, without scripts, on paper, with hostile names.

axe-core (vendor/axe.min.js, Mozilla Public License 2.0, unchanged) looks for what people with a screen reader meet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganeval.records.headline import HEADLINE
from ganeval.report import build_report
from ganeval.report.panel import panels_in_order
from ganeval.runs.discovery import find_runs

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
Opened = Callable[..., Any]


def _broken_images(page: Any) -> list[str]:
    """The descriptions of the visible pictures that cannot be decoded; those below the fold are loaded first."""
    return page.evaluate(
        "() => Promise.all([...document.images].filter(image => image.offsetParent).map(image => {"
        " image.loading = 'eager'; return image.decode().then(() => image.naturalWidth ? '' : image.alt, () => "
        "image.alt);})).then(found => found.filter(Boolean))"
    )


def test_the_page_asks_for_nothing_and_shows_every_panel_and_picture(opened: Opened) -> None:
    page = opened()
    shown = page.eval_on_selector_all("main > section", "all => all.map(s => s.id)")
    assert shown == [panel.name for panel in panels_in_order()]
    assert page.locator("img").count() > 10
    assert _broken_images(page) == []


def test_the_keyboard_reaches_and_moves_everything(opened: Opened) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    slider = page.locator("#step-0")
    picture = page.locator("#samples-0")
    before, said = picture.get_attribute("src"), slider.get_attribute("aria-valuetext")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert picture.get_attribute("src") != before
    assert (said, slider.get_attribute("aria-valuetext")) == ("step 300", "step 200")
    assert page.locator("#step-1").get_attribute("aria-valuetext") == "step 200"
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "step 100"
    assert "step 100" in (picture.get_attribute("alt") or "")


def test_enter_sorts_a_table_by_full_values_and_again_the_other_way(opened: Opened) -> None:
    page = opened()
    head = page.locator("#comparison thead th", has_text="fid").first
    read = "rows => rows.map(row => Number(row.children[1].dataset.value))"
    head.locator("button").focus()
    for direction in ("ascending", "descending"):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == direction
        values = page.eval_on_selector_all("#comparison tbody tr", read)
        assert values == sorted(values, reverse=direction == "descending")


def test_a_rule_of_the_gate_leads_to_its_number_even_of_a_run_that_is_not_shown(opened: Opened) -> None:
    page = opened()
    page.select_option("#run-a", label="only trained")
    page.select_option("#run-b", "")
    page.locator("#verdicts a", has_text="fid").click()
    assert page.locator("#m-0-fid").is_visible()


def test_the_class_picker_shows_one_row(opened: Opened) -> None:
    page = opened()
    whole = page.locator(".frame").first.bounding_box()
    page.select_option("#class-picker", "۳")
    one = page.locator(".frame").first.bounding_box()
    assert whole is not None
    assert one is not None
    assert one["height"] == pytest.approx(whole["height"] / 10, rel=0.05)


def test_a_cell_of_the_confusion_matrix_shows_its_images(opened: Opened) -> None:
    page = opened()
    cell = page.locator("button.cell").first
    cell.focus()
    page.keyboard.press("Enter")
    assert cell.get_attribute("aria-pressed") == "true"
    box = page.locator("#cells-0 .crop")
    assert "requested as ۰, seen as ۰; 2 examples" in (box.get_attribute("aria-label") or "")
    assert box.evaluate("e => getComputedStyle(e).backgroundImage").startswith('url("data:image/webp')


def test_play_stops_by_itself_and_never_starts_by_itself(opened: Opened) -> None:
    page = opened()
    play = page.locator("#play")
    assert play.get_attribute("aria-pressed") == "false"
    page.wait_for_timeout(600)
    assert page.locator("#step-0").get_attribute("aria-valuetext") == "step 300"
    play.click()
    assert play.get_attribute("aria-pressed") == "true"
    page.locator("#play[aria-pressed=false]").wait_for()
    assert page.locator("#step-0").get_attribute("aria-valuetext") == "step 300"


def test_the_toolbar_changes_the_runs_shown(opened: Opened) -> None:
    page = opened()
    assert page.locator("#metrics .run-block:visible h3").all_inner_texts()[0].endswith("healthy digits")
    page.select_option("#run-a", label="only trained")
    page.select_option("#run-b", "")
    assert page.locator("#metrics .run-block:visible").count() == 0
    assert page.locator("#metrics .nothing-here").is_visible()
    assert page.locator("#samples .run-block:visible").count() == 1
    assert page.locator("#curves .line.dim").count() > 0


def test_the_colours_turn_by_button_and_by_key(opened: Opened) -> None:
    page = opened(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.keyboard.press("t")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(paper) != light
    page.locator("#theme").click()
    assert page.evaluate(paper) == light


def test_without_scripts_every_table_chart_and_run_is_there(opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    assert page.locator("table").count() > 20
    assert page.locator("svg[role=img]").count() > 8
    assert page.locator("#metrics .run-block").count() == 3
    for i in range(3):
        assert page.locator("#metrics .run-block").nth(i).is_visible()
    assert not page.locator("#play").is_visible()
    assert page.locator("noscript p").is_visible()


def test_paper_has_the_tables_and_no_buttons(opened: Opened) -> None:
    page = opened()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator(".toolbar").is_visible()
    assert page.locator("#curves details table").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#curves details table").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Opened, theme: str) -> None:
    page = opened(color_scheme=theme, bypass_csp=True, viewport={"width": 1200, "height": 900})
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [
        (rule["id"], node["target"], node.get("failureSummary"))
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
    assert found == []


def test_the_numbers_on_the_page_are_those_of_report_json(opened: Opened, report: Path) -> None:
    page = opened()
    document = json.loads(report.with_suffix(".json").read_text())
    tables = page.eval_on_selector_all(
        "#metrics table",
        "all => all.map(t => [t.dataset.runId, [...t.querySelectorAll('tr[data-metric]')].map("
        "r => [r.dataset.metric, Number(r.children[1].dataset.value)])])",
    )
    runs = {run["id"]: run for run in document["runs"] if run["evaluations"]}
    assert {run for run, _ in tables} == set(runs)
    for run, rows in tables:
        scores = runs[run]["evaluations"][-1]["scores"]
        assert dict(rows) == {name: s["value"] for name, s in scores.items() if s["value"] is not None}


def test_the_download_is_report_json(opened: Opened, report: Path) -> None:
    page = opened(accept_downloads=True)
    with page.expect_download() as waiting:
        page.locator("[data-download='report.json']").press("Enter")  # a footer that moves loses a click
    assert json.loads(Path(waiting.value.path()).read_text()) == json.loads(report.with_suffix(".json").read_text())


def test_the_table_is_copied_as_markdown_and_latex(opened: Opened, report: Path) -> None:
    page = opened()
    page.evaluate(
        "navigator.clipboard && (navigator.clipboard.writeText = text => { window.copied = text; return "
        "Promise.resolve(); })"
    )
    page.locator("[data-copy-as=markdown]").click()
    assert re.search(r"^\| fid ↓ .*± 0\.21 \|", page.evaluate("window.copied").replace("\u2009", " "), re.MULTILINE)
    page.locator("[data-copy-as=latex]").click()
    latex = page.evaluate("window.copied")
    runs = [run for run in json.loads(report.with_suffix(".json").read_text())["runs"] if run["evaluations"]]
    scored = [
        name
        for name in HEADLINE
        if any(run["evaluations"][-1]["scores"].get(name, {}).get("value") is not None for run in runs)
    ]
    assert len(scored) > 3
    assert f"\\begin{{tabular}}{{l{'r' * len(scored)}}}" in latex
    assert latex.split("\\hline\n")[1].count(" & ") == len(scored)


def test_hostile_names_do_nothing(opened: Opened) -> None:
    page = opened()
    page.select_option("#run-a", "2")
    page.wait_for_timeout(300)
    assert page.locator("img[src=x]").count() == 0
    assert "<U+202E>" in page.locator("#run-2 h3").inner_text()


def test_an_injected_script_would_not_run(browser: Any, report: Path, tmp_path: Path) -> None:
    copy = tmp_path / "injected.html"
    copy.write_text(report.read_text().replace("</main>", "<script>window.bad = 1</script></main>"))
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(copy.as_uri())
    assert page.evaluate("window.bad") is None
    assert any("Content Security Policy" in text for text in refused)
    page.close()


def test_the_page_in_folder_mode_shows_its_pictures(browser: Any, three_runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    build_report(find_runs(three_runs), out=out, single_file_limit=1000)
    page = browser.new_page()
    page.goto(out.as_uri())
    assert page.locator("img").count() > 10
    assert _broken_images(page) == []
    page.close()


def test_fifty_runs_of_fifty_steps_open_within_the_budget_of_memory(
    browser: Any, new_runs: Callable[..., None], tmp_path: Path
) -> None:
    new_runs(tmp_path / "runs", 50, steps=range(10, 510, 10), evaluated=(300,))
    result = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html")
    assert result.size <= 10 * 2**20
    page = browser.new_page()
    page.goto((tmp_path / "r.html").as_uri())
    assert page.locator("article[id^=run-]").count() == 50
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    page.close()
    assert heap < 300e6


def test_the_headline_stands_alone_until_the_rest_is_asked_for(
    opened: Opened, new_run: Callable[..., Any], tmp_path: Path
) -> None:
    new_run(tmp_path / "runs", "a", steps=(100,), evaluated=(100,))
    for path in (tmp_path / "runs").rglob("eval/**/*.json"):
        path.write_text(path.read_text().replace('"not computed: needs more images"', '"ok"'))
    for path in (tmp_path / "runs").rglob("eval/**/*.json"):
        document = json.loads(path.read_text())
        if "scores" in document:
            document["scores"]["vendi"]["value"] = 3.0
            path.write_text(json.dumps(document))
    build_report(find_runs(tmp_path / "runs"), out=tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    block = page.locator("#metrics .run-block").first
    rows = block.locator("tbody tr[data-metric]")
    before = [name for name in HEADLINE if block.locator(f"tr[data-metric={name}]").count()]
    visible = "rows => rows.filter(row => row.offsetParent).map(row => row.dataset.metric)"
    assert sorted(rows.evaluate_all(visible)) == sorted(before)
    block.locator("[data-unfold]").press("Enter")
    assert len(rows.evaluate_all(visible)) == rows.count() > len(before)
    page.fill("[data-filter=metrics]", "vendi")
    page.fill("[data-filter=metrics]", "")
    assert sorted(rows.evaluate_all(visible)) == sorted(before)


def test_the_two_pickers_define_the_differences_and_stay_in_the_address(opened: Opened) -> None:
    page = opened()
    page.select_option("#run-a", label="healthy digits")
    page.select_option("#run-b", label="collapsed digits")
    block = page.locator("#metrics .run-block:not([hidden])", has_text="collapsed digits").first
    cells = block.locator("tr[data-metric=recall] td")
    values = page.eval_on_selector_all(
        "#metrics tr[data-metric=recall]",
        "rows => rows.map(row => Number(row.querySelector('[data-value]').dataset.value))",
    )
    assert float(cells.nth(4).inner_text().replace("\u2212", "-")) == pytest.approx(values[1] - values[0], abs=0.005)
    assert "worse" in cells.nth(5).inner_text()
    assert "healthy digits" in block.locator("[data-against]").inner_text()
    page.reload()
    assert page.locator("#run-b").evaluate("picker => picker.options[picker.selectedIndex].text") == "collapsed digits"


def test_a_run_alone_has_the_differences_that_the_page_was_written_with(opened: Opened) -> None:
    """Also if it stood beside itself in between; and its heads can still be sorted by."""
    page = opened()
    rows = "rows => rows.map(row => row.innerText)"
    before = page.eval_on_selector_all("#metrics .run-block[data-run='1'] tr[data-metric]", rows)
    for first, second in (("1", "0"), ("1", "1"), ("0", "1"), ("1", "")):
        page.select_option("#run-a", first)
        page.select_option("#run-b", second)
    assert page.eval_on_selector_all("#metrics .run-block[data-run='1'] tr[data-metric]", rows) == before
    assert page.locator("#metrics .run-block[data-run='1'] th[data-base] button.sort").count() == 1


def test_an_image_is_seen_in_large_and_the_arrow_keys_go_on(opened: Opened) -> None:
    page = opened()
    page.locator("#samples .frame[data-zoom]").first.focus()
    page.keyboard.press("Enter")
    crop = page.locator("dialog.large .crop")
    assert crop.bounding_box()["width"] > 200
    first = crop.evaluate("crop => crop.style.backgroundPosition")
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog.large .crop").evaluate("crop => crop.style.backgroundPosition") != first
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_one_of_the_worst_images_is_seen_beside_the_real_images_nearest_to_it(opened: Opened) -> None:
    page = opened()
    frames = page.locator("#extremes .frame[data-zoom]")
    with_reals, without = frames.nth(0), frames.nth(1)
    places = "crops => crops.map(crop => crop.style.backgroundPosition)"
    with_reals.focus()
    page.keyboard.press("Enter")
    crops = page.locator("dialog.large .crop")
    assert crops.count() == 4
    assert "Least realistic: realism 0.1; to the right the nearest real" in page.locator("dialog.large p").inner_text()
    boxes = [crop.bounding_box() for crop in crops.all()]
    assert len({(box["y"], box["width"], box["height"]) for box in boxes}) == 1  # side by side, in one size
    assert boxes[-1]["x"] + boxes[-1]["width"] <= page.viewport_size["width"]
    first = crops.evaluate_all(places)
    page.keyboard.press("ArrowLeft")  # from the first image to the last
    assert "realism 1;" in page.locator("dialog.large p").inner_text()
    assert all(one != other for one, other in zip(crops.evaluate_all(places), first, strict=True) if "0% 0%" in other)
    page.keyboard.press("Escape")
    without.focus()
    page.keyboard.press("Enter")
    assert crops.count() == 1
    assert "Raise FID most" in page.locator("dialog.large p").inner_text()


def test_the_keyboard_shortcut_can_be_switched_off(opened: Opened) -> None:
    page = opened()
    theme = "document.documentElement.dataset.theme || ''"
    page.keyboard.press("t")
    assert page.evaluate(theme) == "light"
    page.locator("#shortcut").press("Enter")  # not a click: the footer moves while pictures above it are loaded
    assert page.locator("#shortcut").get_attribute("aria-pressed") == "false"
    page.locator("body").press("t")
    assert page.evaluate(theme) == "light"
