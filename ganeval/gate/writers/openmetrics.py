"""OpenMetrics text (openmetrics.io 1.0): gauges per metric, for Prometheus and for GitLab's metrics reports.

GitLab compares the text of the numbers, so they are rounded to the digits that their standard error supports: noise in
the twelfth digit must not show as a change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from ganeval.gate.verdict import WORST_FIRST, Verdict
from ganeval.gate.writer import Writer


def render(verdict: Verdict) -> str:
    return "".join(line + "\n" for line in [*_metrics(verdict), *_verdicts(verdict), "# EOF"])


def _metrics(verdict: Verdict) -> Iterator[str]:
    seen: set[str] = set()
    for name, metric in sorted(verdict.metrics.items()):
        family = _family(name)
        if metric.get("value") is None or family in seen:
            continue
        seen.add(family)
        se = metric.get("se")
        yield f"# TYPE {family} gauge"
        yield f'{family}{{run="{_label(verdict.name)}",stat="value"}} {_rounded(metric["value"], se)}'
        if se is not None:
            yield f'{family}{{run="{_label(verdict.name)}",stat="se"}} {_rounded(se, se)}'


def _verdicts(verdict: Verdict) -> Iterator[str]:
    yield "# TYPE ganeval_gate_exit_code gauge"
    yield f'ganeval_gate_exit_code{{run="{_label(verdict.name)}"}} {int(verdict.exit_code)}'
    if verdict.rules:
        yield "# TYPE ganeval_gate_rules gauge"
    for word in WORST_FIRST if verdict.rules else ():
        count = sum(rule.verdict == word for rule in verdict.rules)
        yield f'ganeval_gate_rules{{run="{_label(verdict.name)}",verdict="{word}"}} {count}'


def _family(name: str) -> str:
    """
    >>> _family("fid (hoda-cnn)")
    'ganeval_fid_hoda_cnn'
    """
    return "ganeval_" + re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _rounded(value: float, se: float | None) -> str:
    if se is None or not se > 0:
        return f"{value:.6g}"
    decimals = min(max(1 - math.floor(math.log10(se)), 0), 12)
    return f"{value:.{decimals}f}"


WRITER = Writer("openmetrics", render)
