"""The documentation of the report says what there is: every option, reader and panel; its pictures and its example
hold.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganeval.cli.report import report
from ganeval.report.panel import panels_in_order
from ganeval.runs.reader import READERS
from studies import example, guide

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "report.md").read_text(encoding="utf-8")


def test_every_option_of_the_command_is_explained() -> None:
    typed = {"pictures": "as"}  # a word that Python keeps for itself
    flags = {f"--{typed.get(name, name)}" for name in inspect.signature(report).parameters} - {
        "--runs",
        "--evaluate",
        "--measurement",  # stands for the measuring flags, which every verb shares
    } | {"--no-evaluate"}
    assert [flag for flag in sorted(flags) if flag not in PAGE] == []


def test_every_reader_and_every_panel_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text(PAGE, encoding="utf-8")
    assert guide.main(out=tmp_path).read_text(encoding="utf-8") == PAGE, "run: python -m studies pages"
    assert [name for name in READERS.names() if f"| `{name}` | " not in PAGE] == []
    assert [panel.title for panel in panels_in_order() if f"| {panel.title} | {panel.how_to_read} |" not in PAGE] == []


def test_every_picture_is_there_in_both_themes_and_is_small() -> None:
    shown = re.findall(r"\(pictures/([\w-]+)\.png\)", PAGE)
    assert len(shown) > 6
    for name in shown:
        for theme in ("light", "dark"):
            path = DOCS / "pictures" / f"{name.rsplit('-', 1)[0]}-{theme}.png"
            assert 0 < path.stat().st_size <= 400_000


def test_the_example_is_one_small_page_without_a_machines_paths() -> None:
    text = (DOCS / "example-report.html").read_text(encoding="utf-8")
    assert len(text.encode()) <= 3 * 2**20
    assert not re.search(r"/(?:home|root|tmp|work|Users)/", text)
    island = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert island
    document = json.loads(island[1])["report"]
    readings = {run["name"]: run["reading"]["word"] for run in document["runs"]}
    assert readings == {"healthy-digits": "no fault found", "collapsed-digits": "collapsed"}


def test_the_example_forgets_the_clock(new_run: Callable[..., Any], tmp_path: Path) -> None:
    pages = []
    for i, seconds in enumerate((1.0, 2.0)):
        root = tmp_path / str(i)
        run = new_run(root, "one", names=("a", "b"), steps=(100,), evaluated=(300,))
        run.log(300, {"cpu_seconds": seconds})
        run.update(created=f"2026-02-0{i + 1}T00:00:00+00:00", cpu_seconds=seconds)
        pages.append(example.main(runs=root, out=tmp_path / f"page {i}").read_bytes())
    assert pages[0] == pages[1]
