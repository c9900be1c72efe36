"""The panel of missing and invented modes: pictures of both sides, how many there are, and silence where nothing is."""

from __future__ import annotations

from pathlib import Path

from ganeval.report.build import build_report
from ganeval.runs.discovery import find_runs


def section(root: Path, tmp_path: Path) -> str:
    text = build_report(find_runs(root), out=tmp_path / "report.html").path.read_text(encoding="utf-8")
    return text[text.index('<section id="modes"') :].partition("</section>")[0]


def test_the_panel_shows_both_sides_and_names_the_class(small_run: Path, tmp_path: Path) -> None:
    panel = " ".join(section(small_run, tmp_path).split())
    assert "Missing: real images" in panel
    assert "Invented: what" in panel
    assert "real: 30 of 200 (15" in panel
    assert "generated: 2 of 200 (1" in panel
    assert panel.count("<img") == 3  # two of the second generated strip of 20, none of its 0 real images
