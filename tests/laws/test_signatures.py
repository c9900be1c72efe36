"""Two numbers differ if and only if their signatures do: every metric, every field of the protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.core.extractor import Embedded
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.measure.measure import measure
from ganeval.metrics import METRICS
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.records.signature import Signature

N = 120
QUICK = tuple(m.name for m in METRICS if not m.slow and not m.paired)
GENERATED = tuple(m.name for m in METRICS if not m.slow and not m.paired and "generator" in m.needs)


@cache
def _images(part: str) -> Any:
    rows = {
        "real": range(300),
        "other": range(300, 600),
        "train": range(600, 900),
        "fake": range(900, 1300),
        "partners": range(400),
    }[part]
    return image_set("digits:train").take(np.array(rows))


def _draw(n: int, labels: Any, rng: torch.Generator) -> torch.Tensor:
    """Noisy digits, of the classes that were asked for where classes were asked for."""
    real = _images("fake")
    rows = torch.randint(0, len(real), (n,), generator=rng)
    if labels is not None:
        own = torch.as_tensor(real.labels)
        rows = torch.stack(
            [torch.nonzero(own == c)[int(r) % int((own == c).sum()), 0] for c, r in zip(labels, rows, strict=True)]
        )
    noise = torch.randint(0, 90, (n, 1, 8, 8), generator=rng)
    return (torch.as_tensor(real.array())[rows].int() + noise).clamp(0, 255).to(torch.uint8)


BASE = Protocol(
    real=_images("real"),
    train=_images("train"),
    classifier="digits",
    extractors=("wavelet",),
    n=N,
    metrics=QUICK,
    floor=False,
)
CHANGES: dict[str, dict[str, Any]] = {
    "real": {"real": _images("other")},
    "train": {"train": _images("other")},
    "heldout": {"heldout": _images("other")},
    "extractor": {"extractor": "pixels"},
    "classifier": {"classifier": None, "extractor": "digits"},
    "extractors": {"extractors": ("pixels",)},
    "labels": {"labels": "none"},
    "n": {"n": N + 40},
    "seed": {"seed": 1},
    "precision": {"precision": "bf16"},
    "options": {"options": {"precision": {"k": 2}, "kid": {"subsets": 3, "subset_size": 50}, "fid": {"se": False}}},
    "paired": {"paired": True, "real": _images("partners")},
    "floor": {"floor": True},
    "metrics": {"metrics": tuple(reversed(QUICK))},
}
IDLE = {"floor", "metrics"}  # these say what else is measured


@dataclass(frozen=True)
class Few:
    """Sums over a few bands of the image, in four numbers and in eight:
    what needs many rows for each column has them.
    """

    first: int = 0
    class_names: tuple[str, ...] = ()
    confusion: None = None
    preprocessing: str = "none"

    @property
    def name(self) -> str:
        return f"few-{self.first}"

    @property
    def weights_sha256(self) -> str:
        return f"{self.first:064d}"

    def to(self, device: torch.device, precision: str = "fp32") -> Few:
        return self

    def __call__(self, images: torch.Tensor) -> Embedded:
        rows = images.float().flatten(1)[:, self.first :] / 255
        bands = [torch.stack([band.sum(dim=1) for band in rows.chunk(k, dim=1)], dim=1) for k in (4, 8)]
        return Embedded(bands[0], None, bands[1])


FEW = ("fid_debiased", "fid_infinity", "sfid")  # without a value on the 64 columns of BASE
FEW_BASE = replace(BASE, extractor=Few(), metrics=FEW)
FEW_CHANGES: dict[str, dict[str, Any]] = {
    **CHANGES,
    "extractor": {"extractor": Few(9)},
    "classifier": {"classifier": None},
    "metrics": {"metrics": tuple(reversed(FEW))},
    "options": {"options": {"sfid": {"se": False}}},
}
UNMEASURED = {"path_length"}  # takes steps between latents of a generator that can decode them


def test_every_field_of_a_protocol_is_varied_here() -> None:
    assert set(CHANGES) == {f.name for f in fields(Protocol)}


@cache
def _measured(change: str, source: str, *, few: bool) -> Evaluation:
    base, changes = (FEW_BASE, FEW_CHANGES) if few else (BASE, CHANGES)
    protocol = replace(base, **changes.get(change, {}))
    return measure(_images("fake") if source == "images" else _draw, protocol)


def _both(name: str, change: str, source: str) -> tuple[ScoreRecord, ScoreRecord] | None:
    then, now = (_measured(c, source, few=name in FEW).scores[name] for c in ("", change))
    return (then, now) if then.ok and now.ok else None


@pytest.mark.parametrize("source", ["images", "generator"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", QUICK)
def test_a_number_that_changes_has_another_signature(name: str, change: str, source: str) -> None:
    found = _both(name, change, source)
    if found is None:
        pytest.skip("this metric has no value here")
    if not _same(*found):
        assert found[0].signature != found[1].signature, found


@pytest.mark.parametrize("name", QUICK)
def test_a_signature_holds_nothing_that_changes_no_number(name: str) -> None:
    """A count or a share may stay as it is by chance in one protocol: a part that never moves the number is idle."""
    moved: dict[str, bool] = {}
    for source in ("images", "generator"):
        for change in CHANGES:
            found = _both(name, change, source)
            if found is None or found[0].signature == found[1].signature:
                continue
            assert change not in IDLE, found
            parts = Signature.parse(found[0].signature).differences(Signature.parse(found[1].signature), any_n=False)
            for part in parts or [change]:
                moved[part] = moved.get(part, False) or not _same(*found)
    assert bool(moved) != (name in UNMEASURED), "no change of the protocol gave another signature"
    counted = {
        "modes",
        "missing_classes",
        "ndb",
        "birthday",
        "classifier_score",
        "mmd_test",
        "duplicates",
        "copies",
        "missing_modes",
        "invented_modes",
    }
    idle = {part for part, moves in moved.items() if not moves and part != "dtype"}
    assert not idle or name in counted, idle


def _same(a: ScoreRecord, b: ScoreRecord) -> bool:
    assert a.value is not None
    assert b.value is not None
    return math.isclose(a.value, b.value, rel_tol=1e-9, abs_tol=1e-12)


def test_bare_rows_with_other_labels_are_another_set_and_the_same_ones_stay_the_same():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    plain, zeros, ones = (Features.given(rows, labels=labels) for labels in (None, [0] * 40, [1] * 40))
    assert len({one.content for one in (plain, zeros, ones)}) == 3
    assert plain.content == plain.rows_sha256
    assert zeros.with_labels(None).content == zeros.content  # dropped on the way: the set is what it was
    assert zeros.take(np.arange(9)).content == Features.given(rows[:9], labels=[0] * 9).content


def test_a_number_that_real_labels_change_has_another_signature():
    rng = np.random.default_rng(0)
    fake = Features.given(rng.normal(size=(60, 2)), labels=np.arange(60) % 2)
    rows = rng.normal(size=(80, 2))
    scores = [
        measure(fake, Protocol(real=Features.given(rows, labels=labels), metrics=("intra_fid",), floor=False))[
            "intra_fid"
        ]
        for labels in (np.arange(80) % 2, np.arange(80) // 40)
    ]
    assert scores[0].value != scores[1].value
    assert scores[0].signature != scores[1].signature
