"""Two numbers differ if and only if their signatures do: every metric, every field of the protocol."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ganeval.images import image_set
from ganeval.measure.measure import measure
from ganeval.metrics import METRICS
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation, ScoreRecord

N = 120
QUICK = tuple(m.name for m in METRICS if not m.slow)


@cache
def _images(part: str) -> Any:
    whole = image_set("digits:train")
    rows = {"real": range(300), "other": range(300, 600), "train": range(600, 900), "fake": range(900, 1300)}[part]
    return whole.take(np.array(rows))


def _draw(n: int, labels: Any, rng: Any) -> Any:
    import torch

    pixels = torch.randint(0, 256, (n, 1, 8, 8), generator=rng, dtype=torch.uint8)
    if labels is not None:
        pixels[:, :, 0, 0] = labels[:, None].to(torch.uint8) * 20
    return pixels


BASE = Protocol(real=_images("real"), train=_images("train"), classifier="digits", n=N, metrics=QUICK, floor=False)
CHANGES: dict[str, dict[str, Any]] = {
    "real": {"real": _images("other")},
    "train": {"train": _images("other")},
    "heldout": {"heldout": _images("other")},
    "extractor": {"extractor": "pixels"},
    "classifier": {"classifier": "digits", "extractor": "pixels"},
    "labels": {"labels": "none"},
    "n": {"n": N + 40},
    "seed": {"seed": 1},
    "precision": {"precision": "bf16"},
    "options": {"options": {"precision": {"k": 2}, "kid": {"subsets": 3, "subset_size": 50}, "fid": {"se": False}}},
    "floor": {"floor": True},
    "metrics": {"metrics": tuple(reversed(QUICK))},
}


def test_every_field_of_a_protocol_is_varied_here() -> None:
    assert set(CHANGES) == {f.name for f in fields(Protocol)}


@cache
def _measured(change: str, source: str) -> Evaluation:
    protocol = replace(BASE, **CHANGES.get(change, {}))
    return measure(_images("fake") if source == "images" else _draw, protocol)


@pytest.mark.parametrize("source", ["images", "generator"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", QUICK)
def test_a_number_changes_if_and_only_if_its_signature_does(name: str, change: str, source: str) -> None:
    then, now = (_measured(c, source)[name] for c in ("", change))
    if not (then.ok and now.ok):
        pytest.skip(f"no value: {then.status}, {now.status}")
    assert (then.signature != now.signature) == (not _same(then, now)), (then, now, then.signature, now.signature)


def _same(a: ScoreRecord, b: ScoreRecord) -> bool:
    assert a.value is not None
    assert b.value is not None
    return math.isclose(a.value, b.value, rel_tol=1e-9, abs_tol=1e-12)
