"""What took seconds to work out of rows in the cache is worked out once, and again for anything that changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganeval
from ganeval.classifiers import wrap
from ganeval.features import answers
from ganeval.features.extraction import extract
from ganeval.features.pair import Pair
from ganeval.features.statistics import Statistics
from ganeval.images import image_set
from ganeval.metrics import frechet

REAL, FAKE, OTHER = np.random.default_rng(1).integers(0, 256, (3, 60, 4, 4), dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(answers, "WORTH_IT", 0)


@pytest.fixture(scope="module")
def judge() -> Any:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 6), torch.nn.Linear(6, 4))
    made = wrap(net, name="mine", preprocess=lambda x: x[:, :1] / 255, preprocessing="x", class_names="abcd", layer="1")
    object.__setattr__(made, "weights_sha256", "ab" * 32)
    return made


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each distance that is worked out."""
    seen: list[int] = []
    for name in ("frechet_distance", "frechet_influence"):
        work = getattr(frechet, name)
        monkeypatch.setattr(frechet, name, lambda *a, work=work: (seen.append(1), work(*a))[1])
    return seen


@pytest.mark.parametrize("se", [True, False])
@pytest.mark.parametrize("convention", [None, "stylegan3"])
def test_a_distance_is_worked_out_once(se: Any, convention: str | None, worked: list[int], judge: Any) -> None:
    def asked(**how: Any) -> Any:
        return ganeval.fid(REAL, FAKE, extractor=judge, se=se, convention=convention, **how)

    first, again, afresh = asked(), asked(), asked(cache=False)
    assert len(worked) == 2  # without the cache nothing is kept, and nothing is taken
    assert float(first) == float(again) == pytest.approx(float(afresh), rel=1e-12)
    assert first.se == again.se
    assert (first.n, first.details, first.interval) == (again.n, again.details, again.interval)
    assert set(first.per_sample) == set(again.per_sample) == ({"influence"} if se else set())
    assert all(np.array_equal(first.per_sample[key], again.per_sample[key]) for key in first.per_sample)


def test_every_other_question_has_its_own_answer(worked: list[int], judge: Any) -> None:
    def asked(real: Any = REAL, fake: Any = FAKE, **how: Any) -> float:
        return float(ganeval.fid(real, fake, extractor=judge, **how))

    found = [
        asked(),
        asked(se=False),
        asked(convention="stylegan3"),
        asked(fake=OTHER),
        asked(real=OTHER),
        asked(real=FAKE, fake=REAL),
        asked(n=40),
        asked(precision="bf16"),
    ]
    assert len(worked) == len(found)
    assert found[0] == pytest.approx(found[1])
    assert len({round(value, 6) for value in found}) >= len(found) - 2  # both ways round it is the same distance, too


def test_rows_that_were_given_are_not_looked_for(worked: list[int]) -> None:
    rows = np.random.default_rng(0).normal(size=(2, 50, 3))
    for _ in range(2):
        ganeval.fid(*rows)
    assert len(worked) == 2


def test_moments_that_were_given_are_no_rows_of_the_cache(worked: list[int], judge: Any) -> None:
    real, fake, other = (extract(image_set(images), judge) for images in (REAL, FAKE, OTHER))
    distance = frechet.fid(Pair(real, fake))
    published = replace(Statistics.of(other), passport=real.passport, rows=real)  # of another set, with these rows
    assert float(frechet.fid(Pair(published, fake))) == pytest.approx(float(frechet.fid(Pair(other, fake))))
    assert float(frechet.fid(Pair(published, fake))) != pytest.approx(float(distance))
    assert len(worked) == 4


@pytest.mark.parametrize("damage", ["", "rubbish"])
def test_an_answer_that_is_damaged_is_worked_out_again(
    damage: str, worked: list[int], judge: Any, tmp_path: Path
) -> None:
    first = ganeval.fid(REAL, FAKE, extractor=judge)
    (kept,) = tmp_path.rglob("answers/*.safetensors")
    kept.write_text(damage)
    assert ganeval.fid(REAL, FAKE, extractor=judge) == first
    assert len(worked) == 2


def test_other_code_gives_its_own_answer(worked: list[int], judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ganeval.fid(REAL, FAKE, extractor=judge)
    monkeypatch.setattr(answers, "_code", lambda: "other")
    ganeval.fid(REAL, FAKE, extractor=judge)
    assert len(worked) == 2


def test_quick_work_is_not_kept(worked: list[int], judge: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(answers, "WORTH_IT", 2**31)
    for _ in range(2):
        ganeval.fid(REAL, FAKE, extractor=judge)
    assert len(worked) == 2
    assert not list(tmp_path.rglob("answers"))
