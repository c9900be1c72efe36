"""The numbers of this page for machines: JSON and CSV."""

from __future__ import annotations

from typing import Any

from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page


def prepare(page: Page) -> dict[str, Any] | Absent:
    return {"runs": page.readable}


TEMPLATE = """
<p class="buttons" data-needs-script hidden><button type="button" data-download="report.json">Download
report.json</button> <button type="button" data-download="scores.csv">Download scores.csv</button> <span role="status"
class="status"></span></p>
<noscript><p>Scripts are off: <code>ganeval-report RUNS --json report.json</code> writes the same
data.</p></noscript>
<details class="table"><summary>Where the raw files are</summary><ul>{% for run in runs %}<li>{{ run.record.id|name }}:
{{ run.record.reader }}, {{ run.record.evaluations|length|plural('evaluation') }},
{{ run.record.grids|length|plural('picture') }},
{{ run.record.samples|length|plural('sample file') }}</li>{% endfor %}</ul></details>
"""

PANEL = Panel(
    "downloads",
    160,
    "Data",
    "report.json holds every score with its error, interval, floor and protocol, and the curves of this page; "
    "scores.csv has one line for each score.",
    prepare,
    TEMPLATE,
)
