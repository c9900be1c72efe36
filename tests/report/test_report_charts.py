"""Charts keep what they show: numbers at an axis are whole."""

from __future__ import annotations

from typing import Any

import pytest

from ganeval.report.charts import draw, tidy


@pytest.mark.parametrize("values", [[2e-05] * 30, [-1.2345e300, 3e300], [0.0, 1.0]])
def test_a_number_at_an_axis_is_never_cut_off(values: list[float]) -> None:
    seen: list[Any] = []

    def paint(axes: Any) -> None:
        axes.plot(values)
        tidy(axes)
        seen.append(axes)

    draw("c", paint, title="t", description="d")
    figure = seen[0].figure
    figure.canvas.draw()
    assert min(label.get_window_extent().x0 for label in seen[0].get_yticklabels() if label.get_text()) >= 0
