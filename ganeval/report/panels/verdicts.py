"""What the gate decided: the verdict of each run against its baseline, rule by rule."""

from __future__ import annotations

from typing import Any

from ganeval.records.text import count
from ganeval.report.panel import Absent, Panel
from ganeval.report.view import Page, RunView

SYMBOLS = {"improved": "▲", "ok": "✔", "inconclusive": "?", "regressed": "✘", "incomparable": "≠", "error": "!"}
LEVELS = {"improved": "good", "ok": "good", "inconclusive": "warn"}
WORST_FIRST = ("regressed", "error", "incomparable", "inconclusive", "ok", "improved")


def prepare(page: Page) -> dict[str, Any] | Absent:
    blocks = page.blocks(_block, page.readable)
    if not blocks:
        return Absent("No run has a verdict of the gate. `ganeval gate RUN` compares a run with a baseline.", hide=True)
    return {"blocks": blocks}


def _block(run: RunView) -> dict[str, Any] | None:
    if run.verdict is None:
        return None
    rules = [rule for rule in run.verdict.get("rules", []) if isinstance(rule, dict)]
    rules.sort(key=lambda rule: WORST_FIRST.index(rule["verdict"]) if rule.get("verdict") in WORST_FIRST else 9)
    baseline = run.verdict.get("baseline")
    return {
        "verdict": run.verdict,
        "badge": _badge(run.verdict.get("verdict")),
        "rules": [{**_rule(rule), "badge": _badge(rule.get("verdict"))} for rule in rules],
        "baseline": baseline.get("name", "") if isinstance(baseline, dict) else "",
        "facts": _facts(run.verdict),
        "measured": set(run.evaluation.scores) if run.evaluation else set(),
    }


def _facts(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    """What was judged, in a line: images, step, commit, protocol; what is not known is not said."""
    candidate = verdict.get("candidate")
    candidate = candidate if isinstance(candidate, dict) else {}
    commit, protocol = str(candidate.get("commit") or ""), str(verdict.get("protocol_hash") or "")
    known = {
        "images": count(_real(candidate.get("n"))) if candidate.get("n") else "",
        "step": count(_real(candidate.get("step"))) if candidate.get("step") is not None else "",
        "commit": commit[:10] + (" with changes" if candidate.get("dirty") else "") if commit else "",
        "measured": str(verdict.get("created") or "")[:16].replace("T", " "),
        "protocol": protocol.removeprefix("sha256:")[:12],
    }
    return [(key, text) for key, text in known.items() if text]


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule's numbers and those of the check that decided it."""
    checks = [check for check in rule.get("checks", []) if isinstance(check, dict)]
    head = next((check for check in checks if check.get("verdict") == rule.get("verdict")), {})
    interval = head.get("interval")
    return {
        "metric": rule.get("metric", ""),
        "sentence": rule.get("sentence", ""),
        "better": rule.get("better", ""),
        "value": _real(rule.get("value")),
        "se": _real(rule.get("se")),
        "base": _real(head.get("base")),
        "delta": _real(head.get("delta")),
        "n": _real(rule.get("n")),
        "interval": _interval(interval),
    }


def _interval(value: Any) -> tuple[float, float] | None:
    ends = [_real(end) for end in value] if isinstance(value, list) and len(value) == 2 else [None, None]
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def _real(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _badge(word: Any) -> dict[str, str]:
    word = word if word in SYMBOLS else "error"
    return {"word": word, "symbol": SYMBOLS[word], "level": LEVELS.get(word, "bad")}


TEMPLATE = """
{% for b in blocks %}
<div class="verdict {{ b.badge.level }}">
  <p><span class="badge {{ b.badge.level }}">{{ b.badge.symbol }} {{ b.badge.word }}</span> {{ ui.swatch(b.run) }}<a
href="#run-{{ b.run.index }}">{{ b.run.label|name }}</a>
  {% if b.baseline %}against <code>{{ b.baseline|name }}</code>{% endif %}</p>
  {% if b.facts %}<p class="meta">{% for key, text in b.facts %}{{ key }}
{% if key in ('commit', 'protocol') %}<code>{{ text|visible(40) }}</code>{% else %}{{ text }}{% endif %}
{{- ' · ' if not loop.last }}{% endfor %}</p>{% endif %}
  {% if b.verdict.sentence %}<p>{{ b.verdict.sentence|signs|name }}</p>{% endif %}
  {% if b.rules %}<div class="scroll" tabindex="0" role="region" aria-label="Rules of {{ b.run.label }}">
<table class="sortable">
  <caption>A rule is a metric and the loss that you allow it. Worst first; Δ above 0 is a loss.</caption>
  <thead><tr><th scope="col">rule</th><th scope="col">verdict</th><th scope="col" class="r">now</th>
<th scope="col" class="r">baseline or limit</th><th scope="col" class="r">Δ</th><th scope="col"
class="r">95 % of Δ</th>
<th scope="col" class="r">n</th><th scope="col">why</th></tr></thead>
  <tbody>{% for rule in b.rules %}<tr><th scope="row" class="nowrap">{% if rule.metric in b.measured %}<a
href="#m-{{ b.run.index }}-{{ rule.metric }}"
data-shows="{{ b.run.index }}">{{ rule.metric|metric }}</a>{% else %}{{ rule.metric|metric }}{% endif +%}
{{ rule.better|arrow }}</th><td><span class="badge {{ rule.badge.level }}">{{ rule.badge.symbol }}
{{ rule.badge.word }}</span></td><td class="r">{{ number(rule.value, rule.se) }}</td>
<td class="r">{{ number(rule.base) }}</td><td
class="r">{% if rule.delta is not none %}{{ change(rule.delta, rule.interval) }}{% else %}<span
class="none">none</span>{% endif %}</td><td class="r">{{ ends(rule.interval) }}</td>
<td class="r">{{ rule.n|count }}</td><td class="why">{{ rule.sentence|signs|name }}</td></tr>{% endfor %}</tbody>
</table></div>{% endif %}
</div>
{% endfor %}
"""

PANEL = Panel(
    "verdicts",
    10,
    "Verdicts",
    "“Ok”: the images prove that the run lost less than the margin that you allow. “Inconclusive”: there are "
    "too few images to decide; it does not mean “fine”.",
    prepare,
    TEMPLATE,
)
