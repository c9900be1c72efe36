"""Found runs -> one page that opens from disk without a network, and the same numbers as JSON.

The page is one file. Where its pictures would make it larger than `single_file_limit`, they are laid into a folder
beside it (`report.html` and `report.assets/`). Everything is written to a temporary name first and moved into place
last, so that a full disk or a crash leaves the previous report as it was.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ganeval.core.files import encoded, render_json, strict, write_atomic
from ganeval.errors import GanevalError, printable, sentence
from ganeval.records.scores import ScoreRecord
from ganeval.records.text import change, ends, number, visible
from ganeval.report import charts, text
from ganeval.report.document import created_of, document_of, render_csv, summary_of
from ganeval.report.latex import render_latex
from ganeval.report.panel import Absent, Panel, panels_in_order
from ganeval.report.pictures import Pictures
from ganeval.report.view import Page, RunView
from ganeval.runs.discovery import Found
from ganeval.runs.record import RunRecord

SINGLE_FILE_LIMIT = 25 * 2**20
LARGE = 10 * 2**20
FULL_DEPTH_LIMIT = 4 * 2**20  # beyond it embedded grey pictures are cut to 16 levels
MANY_RUNS = 24  # beyond it speed goes before the last fifth of the size
PICTURES = (".webp", ".png")
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ReportResult:
    """What was written: the page, its folder of pictures (None for one file), report.json (None unless asked for)."""

    path: Path
    size: int  # bytes of the page itself
    assets: Path | None = None
    json: Path | None = None
    warnings: tuple[str, ...] = ()


def build_report(
    found: Found,
    *,
    out: str | Path,
    title: str = "Image generators",
    compare: Sequence[str] | None = None,
    json_out: str | Path | None = None,
    single_file_limit: int = SINGLE_FILE_LIMIT,
    full_depth_limit: int = FULL_DEPTH_LIMIT,
) -> ReportResult:
    """Write the page of `found` to exactly `out`, and report.json to `json_out` where it is given.

    `compare` names the one or two runs that the page opens with (id or name, or a unique end of it). Equal runs give
    equal bytes. Raises `GanevalError` when nothing was found or nothing could be written.
    """
    if not found.runs:
        raise GanevalError(f"Expected at least one run in {printable(found.root)}; {found.summary}. Try --explain.")
    found = _checked(found)
    shown, out = _shown(found, compare), Path(out)
    quick = len(found.runs) > MANY_RUNS
    few = quick or _bytes_of_grids(found) > full_depth_limit
    page, html = _render(found, out, title, shown, Pictures(quick=quick, few_levels=few))
    if not few and len(html) > full_depth_limit:
        page, html = _render(found, out, title, shown, Pictures(few_levels=True))
    assets: Path | None = None
    if len(html) > single_file_limit:
        assets = out.with_name(f"{out.stem}.assets")
        page, html = _render(found, out, title, shown, Pictures(assets, quick=quick))
    try:
        written = None if json_out is None else write_atomic(json_out, encoded(render_json(strict(document_of(page)))))
        write_atomic(out, html)
    except OSError as error:
        raise GanevalError(
            f"The report could not be written to {printable(out)}: {error.strerror or error}. The previous one is "
            "untouched; free some space or choose another --out."
        ) from error
    _tidy(out, assets, page.pictures)
    return ReportResult(out, len(html), assets, written, _warnings(len(html), page))


def _bytes_of_grids(found: Found) -> int:
    """About what the pictures of all steps weigh: a page that cannot keep their depth need not be drawn twice."""
    files = {grid.path for run in found.runs for grid in run.grids if grid.span is None}
    return sum(path.stat().st_size for path in files if path.is_file())


def _shown(found: Found, compare: Sequence[str] | None) -> tuple[int, ...]:
    """The runs the page opens with: those asked for, else the first two that are evaluated, else the first two."""
    if compare:
        return tuple(found.runs.index(found[name]) for name in compare)
    readable = [i for i, run in enumerate(found.runs) if not run.error]
    evaluated = [i for i in readable if found.runs[i].evaluations]
    return tuple((evaluated or readable)[:2])


def _render(found: Found, out: Path, title: str, shown: tuple[int, ...], pictures: Pictures) -> tuple[Page, bytes]:
    page = Page(found, visible(title), pictures, shown, home=out.parent)
    drawn = [_section(page, panel) for panel in reversed(panels_in_order())]  # the overview last: it says what failed
    sections = [section for section in reversed(drawn) if section is not None]
    script, style = _file("report.js"), _file("style.css")
    data = {
        "report": strict(document_of(page)),
        "csv": render_csv(page),
        "latex": render_latex(page.evaluated),
        "sprites": page.sprites,
        "shown": list(shown),
    }
    html = (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            title=title,
            sections=sections,
            created=created_of(page),
            style=Markup(style),  # noqa: S704 - our file
            script=Markup(script),  # noqa: S704 - our file
            policy=_policy(script, pictures),
            data=Markup(_island(data)),  # noqa: S704 - ours; escaped
        )
    )
    return page, encoded(html)


def _checked(found: Found) -> Found:
    """Every run whose data cannot be summed up is an error in words from here on, on the page and for every panel."""
    return replace(found, runs=tuple(_summable(RunView(i, record)) for i, record in enumerate(found.runs)))


def _summable(run: RunView) -> RunRecord:
    record = run.record
    try:
        json.dumps(strict(summary_of(run)), allow_nan=False)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one run must not cost the others
        said = f"Its records are damaged ({sentence(error)}). Restore them, or evaluate the run again."
        return RunRecord(id=record.id, path=record.path, reader=record.reader, name=record.name, error=said)
    return record


def _section(page: Page, panel: Panel) -> dict[str, Any] | None:
    """The panel's HTML. Where it fails, it is drawn without the runs with which it fails; else it says why it is
    not.
    """
    try:
        return _drawn(page, panel)
    except Exception as error:  # noqa: BLE001 - damaged data must cost a run its place here, not the page
        failed = _blamed(page, panel, error)
        for run, said in failed:
            run.failures.append(f"Its data for “{panel.title}” are damaged ({said}). Evaluate the run again.")
        return _drawn_without(page, panel, failed) or _undrawn(page, panel, error)


def _drawn(page: Page, panel: Panel) -> dict[str, Any] | None:
    prepared = panel.prepare(page)
    if isinstance(prepared, Absent):
        return None if prepared.hide or not page.evaluated else {"panel": panel, "absent": prepared.reason}
    html = _panel_template(panel).render(page=page, **prepared)
    return {"panel": panel, "html": Markup(html)}  # noqa: S704 - rendered with autoescape


def _blamed(page: Page, panel: Panel, error: Exception) -> list[tuple[RunView, str]]:
    """The runs of which the panel cannot be drawn alone; else the only one without which it can be drawn."""
    others = {run.index: [other.index for other in page.runs if other is not run] for run in page.runs}
    alone = [(run, said) for run in page.runs if (said := _failure(page.without(others[run.index]), panel))]
    spoils = [] if alone else [run for run in page.runs if not _failure(page.without([run.index]), panel)]
    return alone or ([(spoils[0], sentence(error))] if len(spoils) == 1 else [])


def _failure(page: Page, panel: Panel) -> str:
    """Why the panel cannot be drawn of this page, whose pictures are not kept; "" where it can."""
    trial = page.without(page.left_out)
    trial.pictures, trial.sprites = Pictures(quick=True), {}
    try:
        _drawn(trial, panel)
    except Exception as error:  # noqa: BLE001 - as in `_section`
        return sentence(error)
    return ""


def _drawn_without(page: Page, panel: Panel, failed: list[tuple[RunView, str]]) -> dict[str, Any] | None:
    if not failed:
        return None
    try:
        section = _drawn(page.without(run.index for run, _ in failed), panel) or {"panel": panel, "html": ""}
    except Exception:  # noqa: BLE001 - as in `_section`
        return None
    return {**section, "failed": failed}


def _undrawn(page: Page, panel: Panel, error: Exception) -> dict[str, Any]:
    page.problems.append(f"panel {panel.name}: {sentence(error)}")
    return {"panel": panel, "absent": f"This panel could not be drawn ({sentence(error)}).", "bad": True}


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters.update(text.FILTERS, score=_score, metric=_metric)
    environment.globals.update(number=number, change=change, ends=ends, swatch=lambda run: charts.swatch(run.index))
    return environment


@cache
def _panel_template(panel: Panel) -> Any:
    return _environment().from_string('{% import "macros.html" as ui with context %}' + panel.template)


def _score(record: ScoreRecord) -> Markup:
    shown = number(record.value, record.se)
    return (
        Markup('<span class="nowrap">≥ {}</span> <small>(no repeat found)</small>').format(shown)
        if record.only_a_bound
        else shown
    )


def _metric(name: str) -> Markup:
    """A metric's name: code, because it is what one types."""
    return Markup("<code>{}</code>").format(visible(name, 60))


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _policy(script: str, pictures: Pictures) -> str:
    """No network at all, and no script but the one whose hash this is."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    images = "data:" if pictures.folder is None else "data: file: 'self'"
    return (
        f"default-src 'none'; img-src {images}; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


_DIRECTIONS = (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))  # and line ends of old scripts
_ESCAPES = {sign: f"\\u{ord(sign):04x}" for sign in "<>&" + "".join(map(chr, _DIRECTIONS))}


def _island(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    body = json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _ESCAPES.items():
        body = body.replace(sign, escape)
    return body


def _tidy(out: Path, assets: Path | None, pictures: Pictures) -> None:
    """Drop the pictures of earlier reports, now that no page names them."""
    folder = out.with_name(f"{out.stem}.assets")
    if assets is None:
        if folder.is_dir() and all(p.suffix in PICTURES for p in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix in PICTURES and path.name not in pictures.names:
            path.unlink(missing_ok=True)


def _warnings(size: int, page: Page) -> tuple[str, ...]:
    large = [f"The page is {size / 2**20:.0f} MB; browsers are slow above 10 MB."] if size > LARGE else []
    broken = [
        printable(f"{run.record.id}: {said}", 1000)
        for run in page.runs
        for said in (run.record.error, *run.problems)
        if said
    ]
    return (*large, *broken, *page.problems)
