"""docs/metrics.md: one card per metric, from its docstring and its fields, grouped by the question it answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganeval.core.files import write_atomic
from ganeval.metrics import METRICS, Metric
from ganeval.metrics.probes.latent_knn import latent_knn
from studies.page import DOCS, markdown_table, render_document

QUESTIONS = {
    "close": "Is it close?",
    "paired": "Is each image what it should be?",
    "fidelity": "Is each image real-looking?",
    "diversity": "Is everything there?",
    "label": "Does it obey the label?",
    "memorisation": "Did it copy?",
    "two-sample": "Can a machine tell?",
    "latent": "Is the latent space smooth?",
    "representation": "Is the representation useful?",
}
FUNCTIONS: dict[str, dict[str, Callable[..., Any]]] = {  # of labelled sets, not of (real, fake): plain functions
    "representation": {"latent_knn": latent_knn}
}
INTRODUCTION = (
    "All of it is from the docstrings and fields in `ganeval/metrics/`; a test keeps the page up to date. Every metric "
    "is a function of `ganeval` and a name for `evaluate(metrics=[...])`."
)
BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "target": "has a target, neither high nor low is good",
}
HEADINGS = (
    r"Returns|Bias|No standard error|Standard error|Interval|Differs from|Improved "
    r"by|Raises|Needs|`?details\b|`?per_sample\b"
)


def render_page() -> str:
    parts = ["\n".join(index_line(question) for question in QUESTIONS)]
    for question, title in QUESTIONS.items():
        parts += [f"## {title}", *(card(metric) for metric in asking(question))]
        parts += [function_card(name, call) for name, call in FUNCTIONS.get(question, {}).items()]
    return render_document("Metrics", "metrics", parts, said=INTRODUCTION)


def asking(question: str) -> list[Metric]:
    return [metric for metric in METRICS if metric.question == question]


def index_line(question: str) -> str:
    names = [*(metric.name for metric in asking(question)), *FUNCTIONS.get(question, {})]
    return f"- {QUESTIONS[question]} " + ", ".join(f"[`{name}`](#{name})" for name in names)


def card(metric: Metric) -> str:
    return f"### `{metric.name}`\n\n{fields(metric)}\n\n{prose(metric.card)}"


def function_card(name: str, call: Callable[..., Any]) -> str:
    source = f"`from {call.__module__} import {name}`"
    return f"### `{name}`\n\n{source}: a plain function, not run by `evaluate`.\n\n{prose(inspect.getdoc(call) or '')}"


def fields(metric: Metric) -> str:
    """The registered fields as a table of one row."""
    row = {
        "direction": BETTER[metric.better],
        "identical sets": "no single value" if metric.perfect is None else f"{metric.perfect:g}",
        "needs": ", ".join(f"`{need}`" for need in sorted(metric.needs)) or "the fakes alone",
        "comparable": "at equal n only" if metric.biased_in_n else "at any n",
        "error": f"from n = {metric.least_n} on" if metric.least_n > 2 else "as the card says",
        "options": ", ".join(f"`{name}={default}`" for name, default in metric.options.items()) or "none",
        "runs": "when asked for by name" if metric.slow else "by default",
        "paper": link(metric.paper),
        "version": str(metric.version),
    }
    return markdown_table(list(row), [list(row.values())])


def link(paper: str) -> str:
    site = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    kind, _, rest = paper.partition(":")
    return f"[{paper}]({site[kind]}{rest})" if kind in site else paper


def prose(docstring: str) -> str:
    """Paragraphs of a docstring without its examples; each statement (Returns, Bias, ...) is an item of its own."""
    text = re.split(r"^>>>", docstring, maxsplit=1, flags=re.MULTILINE)[0]
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]
    items = [item for paragraph in paragraphs for item in re.split(rf"(?<=\S\.) (?=(?:{HEADINGS}))", paragraph)]
    lines = [stated(item) for item in items]
    return "".join(gap(a, b) + b for a, b in zip(["", *lines], lines, strict=False))


def stated(item: str) -> str:
    """One paragraph or, where it begins with a heading, an item of a list."""
    if item.startswith(("`details[", "details[", "`per_sample[", "per_sample[")):
        return f"- {item}"
    found = re.match(HEADINGS, item)
    return item if found is None else f"- **{found[0].strip('`')}**{item[found.end() :].removeprefix('`')}"


def gap(before: str, after: str) -> str:
    if not before:
        return ""
    return "\n" if before.startswith("- ") and after.startswith("- ") else "\n\n"


def main(*, out: Path = DOCS) -> Path:
    """Write `out/metrics.md`."""
    return write_atomic(out / "metrics.md", render_page())
