"""The LaTeX table: it compiles, says how the numbers came about, and is bold only where intervals leave no doubt."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganeval.records.headline import HEADLINE
from ganeval.records.latex import escaped
from ganeval.records.scores import Evaluation
from ganeval.report.latex import render_latex
from ganeval.report.pictures import Pictures
from ganeval.report.view import Page
from ganeval.runs.discovery import find_runs

MakeRun = Callable[..., Any]
STRANGE = '50%_off & {more} #1 $x^2$ \\end{table} ~ ۰۱ ünïcode <b> "q"'


def _runs(new_run: MakeRun, root: Path, **kinds: bool) -> list[Any]:
    for name, collapsed in kinds.items():
        new_run(root, name, steps=(), evaluated=(300,), collapsed=collapsed)
    return Page(find_runs(root), "", Pictures()).evaluated


def _rows(table: str) -> list[list[str]]:
    body = table[table.index("\\hline") : table.rindex("\\hline")]
    return [line.removesuffix(" \\\\").split(" & ") for line in body.splitlines() if line.endswith("\\\\")]


def _balanced(table: str) -> bool:
    plain = re.sub(r"\\[\\{}$&#_%]", "", table)
    depth = 0
    for sign in plain:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0 and plain.count("$") % 2 == 0


def test_the_table_has_a_row_a_run_and_only_headline_metrics(new_run: MakeRun, tmp_path: Path) -> None:
    table = render_latex(_runs(new_run, tmp_path, one=False, two=True))
    head, *rows = _rows(table)
    assert {len(row) for row in (head, *rows)} == {len(head)}
    assert len(rows) == 2
    assert 5 <= len(head) <= len(HEADLINE) + 1
    assert f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}" in table


def test_the_caption_says_how_the_numbers_were_measured(new_run: MakeRun, tmp_path: Path) -> None:
    table = render_latex(_runs(new_run, tmp_path, one=False))
    caption = table[table.index("\\caption") : table.index("\\begin{tabular}")]
    for part in (
        "1,000 generated against 450 real images of digits:test",
        "digits-cnn (cdcdcdcd)",
        "classifier",
        "95 \\%",
    ):
        assert part in caption


def test_only_a_number_whose_interval_touches_no_other_is_bold(new_run: MakeRun, tmp_path: Path) -> None:
    head, *rows = _rows(render_latex(_runs(new_run, tmp_path, one=False, two=True)))
    bold = {
        name.split(" ")[0]: [cell.startswith("\\textbf") for cell in cells]
        for name, *cells in zip(head, *rows, strict=True)
    }
    assert bold["fid"] == bold["recall"] == [True, False]
    assert bold["precision"] == [False, False]


def test_a_run_alone_has_nothing_in_bold(new_run: MakeRun, tmp_path: Path) -> None:
    assert "\\textbf" not in render_latex(_runs(new_run, tmp_path, one=False))


def test_runs_that_were_measured_otherwise_are_named_in_the_caption(new_run: MakeRun, tmp_path: Path) -> None:
    _runs(new_run, tmp_path, one=False, two=True, odd=False)
    path = tmp_path / "0003-odd" / "eval" / "step-000300" / "result.json"
    evaluation = Evaluation.read(path)
    scores = {k: replace(r, signature=r.signature.replace("real:", "real:0")) for k, r in evaluation.scores.items()}
    replace(evaluation, scores=scores).write(path)
    table = render_latex(Page(find_runs(tmp_path), "", Pictures()).evaluated)
    assert "Odd cannot be ranked in fid, kid" in table
    assert "the real images" in table


def test_strange_names_are_printed_and_never_obeyed(new_run: MakeRun, tmp_path: Path) -> None:
    runs = _runs(new_run, tmp_path, one=False)
    object.__setattr__(runs[0], "record", replace(runs[0].record, name=STRANGE))
    table = render_latex(runs)
    assert _balanced(table)
    assert table.isascii()
    assert table.count("\\end{table}") == 1
    assert "01 unicode" in escaped(STRANGE)


def test_nothing_measured_is_no_table() -> None:
    assert render_latex([]) == ""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
def test_the_table_compiles(new_run: MakeRun, tmp_path: Path) -> None:
    runs = _runs(new_run, tmp_path / "runs", one=False, two=True)
    object.__setattr__(runs[0], "record", replace(runs[0].record, name=STRANGE))
    document = f"\\documentclass{{article}}\\begin{{document}}\n{render_latex(runs)}\\end{{document}}\n"
    (tmp_path / "t.tex").write_text(document)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
