"""JUnit XML (the xunit2 dialect that Jenkins, GitLab and GitHub actions read): one test case per rule.

regressed is a failure, error and incomparable are errors, inconclusive is skipped. Properties stand at the test suite,
for properties of a test case are not valid xunit2.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from ganeval.gate.verdict import RuleVerdict, Verdict
from ganeval.gate.writer import Writer

_ELEMENT = {"regressed": "failure", "error": "error", "incomparable": "error", "inconclusive": "skipped"}


def render(verdict: Verdict) -> str:
    kinds = [_ELEMENT.get(rule.verdict, "") for rule in verdict.rules]
    if not verdict.rules and verdict.exit_code:
        return _document(verdict, [_case(verdict, RuleVerdict("gate", "error", verdict.sentence))], ["error"])
    return _document(verdict, [_case(verdict, rule) for rule in verdict.rules], kinds)


def _document(verdict: Verdict, cases: list[str], kinds: list[str]) -> str:
    counts = " ".join(
        f'{name}="{kinds.count(kind)}"'
        for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    )
    head = f'<testsuite name={_attribute(f"ganeval.{verdict.name}")} tests="{len(cases)}" {counts}>'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            "<testsuites>",
            head,
            _properties(verdict),
            *cases,
            "</testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _properties(verdict: Verdict) -> str:
    values = {
        "verdict": verdict.verdict,
        "exit_code": verdict.exit_code,
        "protocol_hash": verdict.protocol_hash,
        **{f"setting.{key}": value for key, value in verdict.settings.items()},
    }
    lines = (f"<property name={_attribute(key)} value={_attribute(str(value))}/>" for key, value in values.items())
    return f"<properties>{''.join(lines)}</properties>"


def _case(verdict: Verdict, rule: RuleVerdict) -> str:
    kind = _ELEMENT.get(rule.verdict)
    detail = "\n".join(f"{check.what}: {check.verdict}: {check.sentence}" for check in rule.checks)
    outcome = f"<{kind} message={_attribute(rule.sentence)}/>" if kind else ""
    if kind in ("failure", "error"):
        start = f'<{kind} message={_attribute(rule.sentence)} type="{rule.verdict}">'
        outcome = f"{start}{_text(detail or rule.sentence)}</{kind}>"
    head = f"<testcase classname={_attribute(f'ganeval.{verdict.name}')} name={_attribute(rule.metric)}>"
    return f"{head}{outcome}<system-out>{_text(f'{rule.verdict}: {rule.sentence}')}</system-out></testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_legal(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _text(text: str) -> str:
    return escape(_legal(text))


def _legal(text: str) -> str:
    """XML 1.0 has no other control characters, no surrogates and no non-characters."""
    return "".join(
        c if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF else "?"
        for c in text
    )


WRITER = Writer("junit", render)
