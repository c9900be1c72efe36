"""Every metric's docstring is its card: what it returns, its error or why it has none, its bias; and the page is
current.
"""

from __future__ import annotations

import re

import pytest

from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import Question
from studies import metrics
from studies.page import DOCS

every_metric = pytest.mark.parametrize("metric", list(METRICS), ids=lambda m: m.name)


@every_metric
def test_the_card_says_what_is_returned(metric: Metric) -> None:
    assert re.search(r"\bReturns: \S", metric.card)


@every_metric
def test_the_card_says_what_error_there_is_or_why_there_is_none(metric: Metric) -> None:
    assert re.search(r"\b(Standard error|Interval|No standard error): \S", metric.card)


@every_metric
def test_the_card_says_how_the_number_depends_on_n(metric: Metric) -> None:
    assert re.search(r"\bBias: \S", metric.card)


@every_metric
def test_a_card_that_asks_for_equal_n_is_a_metric_that_is_only_compared_at_equal_n(metric: Metric) -> None:
    asked = re.search(r"compare\s+at\s+equal\s+n\s+only", metric.card) is not None
    assert asked == metric.biased_in_n


@every_metric
def test_the_card_begins_with_one_sentence_about_what_is_asked(metric: Metric) -> None:
    first = metric.card.split("\n\n", maxsplit=1)[0]
    assert first.rstrip()[-1] in ".?:"
    assert not first.startswith("Returns")


def test_every_question_has_a_title() -> None:
    assert set(metrics.QUESTIONS) == set(Question.__args__)


def test_every_metric_has_its_card_on_the_page() -> None:
    page = metrics.render_page()
    assert [name for name in METRICS.names() if page.count(f"### `{name}`") != 1] == []


def test_examples_stay_in_the_code_and_statements_become_items() -> None:
    text = metrics.prose("Sum.\n\nReturns: a\nnumber. Standard error: of it.\n`details`: both.\n\n>>> 1 + 1\n2")
    assert text == "Sum.\n\n- **Returns**: a number.\n- **Standard error**: of it.\n- **details**: both."


def test_papers_become_links() -> None:
    assert metrics.link("arXiv:1706.08500") == "[arXiv:1706.08500](https://arxiv.org/abs/1706.08500)"
    assert metrics.link("JMLR 13:723 (2012)") == "JMLR 13:723 (2012)"


def test_the_page_is_up_to_date() -> None:
    assert metrics.render_page() == (DOCS / "metrics.md").read_text(encoding="utf-8"), "run python -m studies metrics"
