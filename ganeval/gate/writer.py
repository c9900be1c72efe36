"""What a writer of verdicts is: a name, a pure function from a verdict to text, and where that text goes.

One format per file in `writers/`. Every writer takes the same verdict, so that no two outputs can disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganeval.core.registry import Registry
from ganeval.gate.verdict import WORST_FIRST, RuleVerdict, Verdict
from ganeval.records.scores import render_value


@dataclass(frozen=True)
class Writer:
    """`render(verdict)` is deterministic. `kind`: "file" is replaced atomically, "append" grows, "stdout" is
    printed.
    """

    name: str
    render: Callable[[Verdict], str]
    kind: str = "file"


WRITERS = Registry(Writer, "ganeval.gate.writers", "writer of verdicts")


def rows(verdict: Verdict) -> list[RuleVerdict]:
    """The rules, worst first, else in the order of the configuration."""
    return sorted(verdict.rules, key=lambda rule: WORST_FIRST.index(rule.verdict))


def shown(rule: RuleVerdict) -> str:
    return render_value(rule.value, rule.se)
