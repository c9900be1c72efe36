"""What a notebook, a paper and a data frame get of an evaluation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import ganeval
from ganeval.errors import GanevalError
from ganeval.gate.verdict import Check, RuleVerdict, Verdict
from ganeval.records.headline import HEADLINE, MOST, headline
from ganeval.records.scores import Evaluation, Passport, Score, ScoreRecord

HOSTILE = "<script>alert(1)</script>\u202e_&%$#{}~^\\|`*\n| x"
VOID = {"img", "br", "meta"}


class Strict(HTMLParser):
    """Fails on elements that are not closed in order; collects names and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(key for key, _ in attrs)}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(html: str) -> set[str]:
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.seen


def passport(source: str = "images", **more: object) -> Passport:
    return Passport(
        **{
            "source": source,
            "fingerprint": "",
            "n": 300,
            "dim": 8,
            "extractor": "given",
            "weights_sha256": "",
            "preprocessing": "",
            **more,
        }
    )


def an_evaluation(*names: str, name: str = "cgan") -> Evaluation:
    scores = {
        key: ScoreRecord(key, "ok", 1.0 + i, 0.1, (0.8 + i, 1.2 + i), 300, question="close")
        for i, key in enumerate(names)
    }
    return Evaluation(name, "2026-01-01T00:00:00+00:00", passport("real"), passport(name), scores)


@pytest.fixture(scope="module")
def measured() -> Evaluation:
    metrics = [*HEADLINE, "realism", "density", "symmetric_precision", "inception_score", "modes"]
    return ganeval.evaluate("digits:test", "digits:train", classifier="digits", n=300, exhibits=True, metrics=metrics)


def test_an_evaluation_is_one_short_line_in_a_prompt(measured: Evaluation) -> None:
    assert "\n" not in repr(measured)
    assert len(repr(measured)) < 500
    assert "fid 0.5" in repr(measured)


def test_a_headline_has_at_most_ten_lines_and_every_one_a_value(measured: Evaluation) -> None:
    assert len(measured.scores) > MOST
    shown = [record for _, group in headline(measured.scores) for record in group]
    assert 5 <= len(shown) <= MOST
    assert all(record.ok and record.name in HEADLINE for record in shown)


def test_the_few_metrics_that_were_asked_for_are_the_headline() -> None:
    few = an_evaluation("mind", "vendi", "sfid")
    assert {r.name for _, group in headline(few.scores) for r in group} == {"mind", "vendi", "sfid"}


def test_a_headline_without_its_usual_metrics_is_still_one() -> None:
    many = an_evaluation(*(f"own_{i}" for i in range(30)))
    assert len([r for _, group in headline(many.scores) for r in group]) == MOST


def test_a_notebook_sees_headline_badge_floor_errors_and_pictures(measured: Evaluation) -> None:
    html = measured._repr_html_()
    assert {"table", "img", "details"} <= checked(html)
    assert all(word in html for word in ("no fault found", "floor", "95 % interval", "How close are the two sets?"))
    assert html.count("data:image/png;base64,") == 3
    assert "±" in html
    assert type(html) is str


def test_hostile_names_stay_text_in_every_output() -> None:
    hostile = an_evaluation("fid", HOSTILE, name=HOSTILE)
    seen = checked(hostile._repr_html_())
    assert "script" not in seen
    assert "\u202e" not in hostile._repr_html_()
    assert "\n" not in repr(hostile)
    rows = hostile.to_markdown().splitlines()
    assert {row.replace("\\|", "").count("|") for row in rows} == {7}
    assert "<script" not in hostile.to_markdown()


def test_a_score_shows_its_error_in_html_and_escapes_its_name() -> None:
    html = Score(3.2, se=0.1, n=2000, name="<b>")._repr_html_()
    checked(html)
    assert "3.20" in html
    assert "&lt;b&gt;" in html
    assert "2,000" in html


def test_a_verdict_shows_its_rules_worst_first() -> None:
    check = Check("difference", "regressed", "worse", 1.0, (0.5, 1.5), 2.0, 3.0)
    rules = (
        RuleVerdict("kid", "ok", ""),
        RuleVerdict("fid", "regressed", "worse", (check,), 3.0, 0.2, 300),
        RuleVerdict("copies", "incomparable", ""),
    )
    verdict = Verdict(HOSTILE, "", "regressed", 1, "fid: regressed.", rules, notes=("a note",))
    html = verdict._repr_html_()
    assert "script" not in checked(html)
    assert html.index("fid") < html.index("copies") < html.index("kid")
    assert "a note" in html
    assert len(repr(verdict)) < 300
    assert "exit code 1" in repr(verdict)


def test_a_frame_has_a_row_for_every_metric_and_says_why_one_has_no_number(measured: Evaluation) -> None:
    pytest.importorskip("pandas", reason="frames need pandas")
    frame = measured.to_frame()
    assert list(frame.index) == sorted(measured.scores)
    assert frame.loc["fid", "value"] == measured["fid"].value
    assert frame.loc["fid", "high"] == (measured["fid"].interval or (0, 0))[1]
    assert "copies" in frame.loc["changed_copies", "status"]
    assert np.isnan(frame.loc["changed_copies", "value"])


def test_without_pandas_a_frame_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(GanevalError, match=r"ganeval\[frame\]"):
        an_evaluation("fid").to_frame()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_the_latex_table_compiles_whatever_the_names_hold(measured: Evaluation, tmp_path: Path) -> None:
    hostile = an_evaluation("fid", HOSTILE.replace("\n", " "), name=HOSTILE)
    hostile = replace(hostile, fake=passport(HOSTILE, class_names=("\u06f7",)), real=passport(HOSTILE))
    tables = measured.to_latex() + measured.to_latex(full=True) + hostile.to_latex()
    (tmp_path / "t.tex").write_text(f"\\documentclass{{article}}\\begin{{document}}{tables}\\end{{document}}", "ascii")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "t.pdf").stat().st_size > 1000


def test_show_writes_one_page_with_the_pictures_and_opens_it(
    measured: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    page = ganeval.show(measured, out=tmp_path / "page.html")
    html = page.read_text("utf-8")
    assert opened == [page.resolve().as_uri()]
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert "Least realistic" in html
    assert "digits:test" in html


def test_show_refuses_what_is_no_evaluation() -> None:
    with pytest.raises(GanevalError, match="takes evaluations; got str"):
        ganeval.show("result.json")  # type: ignore[arg-type]
