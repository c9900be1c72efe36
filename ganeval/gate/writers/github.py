"""GitHub's workflow commands on standard output: at most one error, one warning and one notice.

GitHub shows ten errors and ten warnings a step and drops the rest silently, so the three worst rules share one error.
In a message `%`, CR and LF are escaped, in a property also `:` and `,`; else a metric's name could start a command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganeval.gate.verdict import RuleVerdict, Verdict
from ganeval.gate.writer import Writer, rows
from ganeval.records.markdown import clip

LIMIT = 4000  # bytes of one message; GitHub cuts annotations at about 4 KB


def render(verdict: Verdict) -> str:
    return "".join(line + "\n" for line in _commands(verdict))


def _commands(verdict: Verdict) -> Iterator[str]:
    red = [rule for rule in rows(verdict) if rule.verdict in ("regressed", "error", "incomparable")]
    amber = [rule for rule in verdict.rules if rule.verdict == "inconclusive"]
    if verdict.exit_code:
        yield command("error", f"ganeval {verdict.name}: {verdict.verdict}", _worst(red, verdict.sentence))
        amber = [] if verdict.verdict == "inconclusive" else amber
    elif red:
        amber = [*red, *amber]
    if amber:
        yield command("warning", f"ganeval {verdict.name}: inconclusive", _worst(amber, verdict.sentence))
    yield command("notice", f"ganeval {verdict.name}", f"{verdict.verdict}: {verdict.sentence}")


def _worst(found: Sequence[RuleVerdict], otherwise: str) -> str:
    lines = [f"{rule.metric}: {rule.verdict}: {rule.sentence}" for rule in found[:3]]
    more = [f"and {len(found) - 3} more rules"] if len(found) > 3 else []
    return "\n".join([*lines, *more]) or otherwise


def command(kind: str, title: str, message: str) -> str:
    """
    >>> command("error", "a: b", "50 %\\nworse")
    '::error title=a%3A b::50 %25%0Aworse'
    """
    return f"::{kind} title={_property(title)}::{_data(clip(message, LIMIT))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


WRITER = Writer("github", render, kind="stdout")
