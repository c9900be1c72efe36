"""What is passed in the place of a protocol, or of what to compute on, is refused in a sentence by every way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ganeval import Compute, Protocol, measure
from ganeval.errors import WrongInputError
from ganeval.integrations.watch import Watch
from ganeval.measure.doctor import doctor
from ganeval.measure.embedding import embed
from ganeval.measure.generators import sampler

IMAGES = np.zeros((4, 1, 8, 8), np.uint8)
WAYS: dict[str, Callable[..., Any]] = {
    "measure": lambda *how: measure(IMAGES, *how),
    "watch": Watch,
    "doctor": doctor,
    "embed": lambda *how: embed(IMAGES, *how, out="unused"),
    "sampler": lambda *how: sampler(lambda n, labels, rng: IMAGES[:n], *how),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_protocol_and_no_compute_is_refused(way: str) -> None:
    for wrong in ("digits:test", None, {"real": "digits:test"}, Protocol):
        with pytest.raises(WrongInputError, match=r"A Protocol is expected; got .*Pass ganeval\.Protocol\("):
            WAYS[way](wrong)
    for wrong in ("cpu", None, {"device": "cpu"}):
        with pytest.raises(WrongInputError, match="A Compute is expected; got"):
            WAYS[way](Protocol(real="digits:test"), wrong)


def test_values_that_change_something_are_taken() -> None:
    assert Watch(Protocol(real="digits:test", metrics=("fid",)), Compute(device="cpu")).by == "fid"
