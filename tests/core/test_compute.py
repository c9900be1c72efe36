"""`Compute`: what it runs on is checked when it is made, in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ganeval.core.compute import Compute
from ganeval.errors import WrongInputError


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1; got 0"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"batch_size": "a"}, "batch_size"),
        ({"workers": -1}, "workers must be a whole number of at least 0; got -1"),
        ({"cache_gib": -1}, "cache_gib"),
        ({"cache_gib": float("nan")}, "cache_gib"),
        ({"cache_gib": "4"}, "cache_gib"),
        ({"cache_gib": 10**400}, "cache_gib"),
        ({"cache": "no"}, "cache must be true or false; got 'no'"),
        ({"progress": 1}, "progress must be true or false"),
        ({"ranks": 2}, "current.. returns under torchrun; got 2"),
        ({"ranks": "torch"}, "ranks"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_made(how: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongInputError, match=said):
        Compute(**how)


def test_what_numpy_counts_is_a_number_too() -> None:
    assert Compute(batch_size=np.int64(7), workers=0, cache_gib=np.float32(0.5)).batch_size == 7
