"""docs/bad-inputs.md shows what really happens."""

from __future__ import annotations

import pytest

from studies import bad_inputs
from studies.page import DOCS


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{title}: {case.what}") for title, cases in bad_inputs.CASES.items() for case in cases],
)
def test_each_bad_input_is_refused_with_its_item_and_its_remedy(case: bad_inputs.Case) -> None:
    kind, text = bad_inputs.message_of(case)
    assert kind.endswith("Error")
    assert text.endswith((".", "?", ")"))
    assert "\n" not in text


def test_the_page_is_up_to_date() -> None:
    assert bad_inputs.render_page() == (DOCS / "bad-inputs.md").read_text(encoding="utf-8"), (
        "run python -m studies bad_inputs"
    )
