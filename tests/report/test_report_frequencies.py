"""Where in frequency a run differs is shown as it was measured, the largest difference in bold."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ganeval.report import build_report
from ganeval.runs.directory import RunDirectory
from ganeval.runs.discovery import find_runs
from ganeval.runs.record import RunRecord

pytestmark = pytest.mark.usefixtures("words_only")


def _section(root: Path, **details: object) -> str:
    found = find_runs(root)
    (run,) = found.runs
    shown = replace(found, runs=(_with(run, details) if details else run,))
    page = build_report(shown, out=root.parent / "r.html").path.read_text()
    return page[page.index('<section id="frequencies"') :].split("</section>")[0] if 'id="frequencies"' in page else ""


def _with(run: RunRecord, details: dict[str, object]) -> RunRecord:
    last = run.evaluations[-1]
    record = last.scores["worst_packet"]
    scores = {**last.scores, "worst_packet": replace(record, details={**record.details, **details})}
    return replace(run, evaluations=(replace(last, scores=scores),))


@pytest.fixture
def root(new_run: Callable[..., RunDirectory], tmp_path: Path) -> Path:
    new_run(tmp_path / "runs", "seen", names=("a", "b"), steps=(100,), evaluated=(100,))
    return tmp_path / "runs"


def test_the_bands_are_those_that_were_measured(root: Path) -> None:
    said = _section(root)
    cells = re.findall(r"<td class=\"(?:right|wrong)\"\s+style=\"--p:[\d.]+\">(.*?)</td>", said)
    assert [html.unescape(re.sub("<.*?>", "", cell)) for cell in cells[:4]] == ["+0.10", "−0.20", "0", "+0.10"]
    assert (len(cells), [cell for cell in cells if "<b>" in cell]) == (32, ["<b>+1.20</b>"])
    assert "no difference that chance does not explain" in said


@pytest.mark.parametrize("bands", [[[[0.1]]] * 9, "x", None, [[["a"] * 4] * 4]])
def test_strange_bands_cost_no_more_than_their_table(root: Path, bands: object) -> None:
    assert "could not be drawn" not in _section(root, energy=bands)
