"""Features whose rows are written into answer with what they hold now, or not at all: never with what was kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import ganeval
from ganeval import Features
from ganeval.errors import WrongInputError

REAL = np.random.default_rng(0).normal(size=(120, 4))
OLD = np.random.default_rng(1).normal(size=(90, 4))
NEW = OLD[::-1] + 3
METRICS = ("fid", "recall", "kid", "coverage", "vendi")
WRITTEN: dict[str, Callable[[], tuple[np.ndarray | torch.Tensor, Callable[[], object]]]] = {
    "array": lambda: (x := OLD.copy(), lambda: x.__setitem__(..., NEW)),
    "float32 array": lambda: (x := OLD.astype(np.float32), lambda: x.__setitem__(..., NEW)),
    "tensor": lambda: (x := torch.tensor(OLD), lambda: x.copy_(torch.tensor(NEW.copy()))),
}


def _measured(real: object, fake: object) -> list[str]:
    found = ganeval.evaluate(real, fake, metrics=METRICS, floor=False)
    return [f"{found[name].value} {found[name].se} {found[name].signature}" for name in METRICS]


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("side", ["real", "fake"])
def test_rows_that_were_written_into_are_measured_afresh(kind: str, side: str) -> None:
    rows, write = WRITTEN[kind]()
    kept = Features.given(rows)

    def now() -> list[str]:
        return _measured(kept, REAL) if side == "real" else _measured(REAL, kept)

    before = now()
    write()
    fresh = Features.given(torch.as_tensor(rows).clone())
    assert now() == (_measured(fresh, REAL) if side == "real" else _measured(REAL, fresh)) != before


def test_a_row_that_changed_places_with_another_is_noticed() -> None:
    kept = Features.given(rows := OLD.copy())
    before = _measured(REAL, kept)
    rows[[0, 1]] = rows[[1, 0]]
    assert _measured(REAL, kept) == _measured(REAL, Features.given(rows.copy())) != before


def test_what_a_network_made_of_images_stays_that() -> None:
    seen, real = (
        ganeval.extract(ganeval.image_set(f"digits:{part}"), "pixels", cache=False) for part in ("test", "train")
    )
    seen.embeddings.div_(2)
    with pytest.raises(WrongInputError, match=r"rows that pixels made of .* have been changed"):
        ganeval.fid(real, seen)
