"""Everything needed to get the same numbers again: protocol, versions, seeds, command, configuration."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ganeval.records.privacy import discreet, environment_of, settings_of
from ganeval.report.panel import Absent, Panel
from ganeval.report.text import flat
from ganeval.report.view import Page, RunView

MAX_LINES = 200


def prepare(page: Page) -> dict[str, Any] | Absent:
    if not page.readable:
        return Absent("No run could be read.")
    blocks = page.blocks(_block, page.readable)
    return {"blocks": blocks} if blocks else Absent("No run says how it was trained or measured.", hide=True)


def _block(run: RunView) -> dict[str, Any] | None:
    record, evaluation = run.record, run.evaluation
    tables = []
    if evaluation is not None:
        tables.append(("Protocol (a change here changes the numbers)", flat(evaluation.identity)))
        tables.append(("How the generated images were read", flat(asdict(evaluation.fake))))
        tables.append(("Environment of the evaluation", flat(environment_of(evaluation.environment))))
    trained = {key: value for key, value in environment_of(record.environment).items() if key != "command"}
    tables += [("Configuration", flat(settings_of(record.config))), ("Environment of the training", flat(trained))]
    command = record.environment.get("command")
    if not command and not any(rows for _, rows in tables):
        return None
    return {
        "command": discreet(command) if isinstance(command, str) else "",
        "hash": evaluation.protocol_hash if evaluation else "",
        "tables": [(t, rows[:MAX_LINES]) for t, rows in tables if rows],
    }


TEMPLATE = """
{% for b in blocks %}{% call ui.block(b.run) %}
{% if b.hash %}<p>Protocol <code class="hash">{{ b.hash }}</code> <button type="button" data-needs-script hidden
data-copy-text="{{ b.hash }}">Copy</button></p>{% endif %}
{% if b.command %}<p class="command"><code>{% for word in b.command.split(' ') %}<span>{{ word|visible(500) }}</span>
{% endfor %}</code> <button type="button" data-needs-script hidden data-copy-text="{{ b.command }}">Copy</button>
</p>{% endif %}
{% for title, rows in b.tables %}<details class="table"><summary>{{ title }}</summary><table class="pairs">
<caption class="sr">{{ title }} of {{ b.run.label }}</caption><tbody>{% for key, value in rows %}<tr>
<th scope="row">{{ key|name }}</th><td>{{ value|name }}</td></tr>{% endfor %}</tbody></table></details>{% endfor %}
{% endcall %}{% endfor %}
"""

PANEL = Panel(
    "passport",
    150,
    "Protocol and environment",
    "What is needed to get the same numbers again. Two numbers can be compared where everything that changes them is "
    "equal: real images, network, number of images, options. Versions and devices are listed for the record. Names of "
    "people, machines, folders and addresses are left out.",
    prepare,
    TEMPLATE,
    per_run=True,
)
