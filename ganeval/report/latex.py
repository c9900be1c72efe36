"""The headline metrics of all evaluated runs as a LaTeX table that compiles without packages.

One row a run. The caption says how the numbers were measured; the best number of a column is bold only where its
interval touches no other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ganeval.records.headline import HEADLINE
from ganeval.records.latex import ARROWS, escaped, number
from ganeval.records.text import listed
from ganeval.report.comparability import ranks, scored, unlike
from ganeval.report.view import RunView


def render_latex(runs: Sequence[RunView]) -> str:
    """A `table` with caption; "" where no run has one of the headline metrics."""
    names = [name for name in HEADLINE if scored(runs, name)]
    if not names:
        return ""
    places = {name: ranks(runs, name) for name in names}
    better = {name: scored(runs, name)[0][1].better for name in names}
    head = " & ".join(["run", *(escaped(name) + ARROWS.get(better[name], "") for name in names)])
    rows = [" & ".join([escaped(run.label), *(_cell(run, name, places[name]) for name in names)]) for run in runs]
    body = "\n".join(f"{row} \\\\" for row in rows)
    return (
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{_caption(runs, names)}}}\n\\begin{{tabular}}{{l{'r' * len(names)}}}\n\\hline\n{head} "
        f"\\\\\n\\hline\n{body}\n\\hline\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _cell(run: RunView, name: str, places: dict[int, str]) -> str:
    record = run.evaluation.scores.get(name) if run.evaluation else None
    if record is None or not record.ok:
        return "--"
    best = places.get(run.index) == "1"
    return f"\\textbf{{{number(record)}}}" if best else number(record)


def _caption(runs: Sequence[RunView], names: Sequence[str]) -> str:
    measured: dict[str, list[str]] = {}
    for run in runs:
        if run.evaluation:
            measured.setdefault(run.evaluation.measured, []).append(run.label)
    one = len(measured) == 1
    said = [text if one else f"{listed(labels)}: {text}" for text, labels in measured.items()]
    said += [
        f"{listed([run.label for run in u.runs])} cannot be ranked in {listed(list(u.metrics))}: other values of "
        f"{u.words}"
        for u in unlike(runs, names)
    ]
    end = "Values with standard errors; bold where the 95 % interval of the best touches no other."
    return escaped(". ".join(part[:1].upper() + part[1:] for part in said) + ". " + end)
