"""What a call touches is counted once for each function, in the package alone."""

from __future__ import annotations

import json

from ganeval.records.score import interval_of
from studies.touched import calls, touched


def test_each_function_of_the_package_counts_once():
    assert touched(lambda: [interval_of(1.0, 0.5) for _ in range(3)]) == (1, 1)
    assert touched(lambda: json.dumps([1, 2])) == (0, 0)


def test_the_three_questions_have_answers(tmp_path):
    for name, call in calls(tmp_path).items():
        functions, files = touched(call)
        assert functions > files > 10, name
