"""Odd features of every kind through every metric: a finite number in its range with a finite error, or a sentence.

And never a plausible number that is wrong: a metric that does not depend on the scale or the offset of the features
says the same of scaled and moved ones as of the originals, or refuses.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeval.errors import GanevalError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import Evaluation, Score

ALL = [m for m in METRICS if not m.slow and not m.paired]
QUICKLY: dict[str, dict[str, Any]] = {
    "c2st": {"permutations": 9, "features": 32},
    "changed_copies": {"at_most": 20},
    "mmd_test": {"permutations": 19},
    "path_length": {"n": 20},
    "label_swap": {"n": 20},
    "mind": {"projections": 50},
    "sliced_wasserstein": {"projections": 50},
}
quietly = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Odd:
    """Real, fake and held-out rows: honest ones, changed in up to two odd ways."""

    seed: int
    sizes: tuple[int, int, int]
    ways: tuple[str, ...]
    dtype: torch.dtype
    classes: int

    def sets(self, dim: int = 4) -> list[torch.Tensor]:
        """Three times (n, dim)."""
        g = torch.Generator().manual_seed(self.seed)
        sets = [torch.randn(n, dim, generator=g, dtype=torch.float64) for n in self.sizes]
        for way in self.ways:
            sets = WAYS[way](sets)
        return [r.to(self.dtype) if bool(r.to(self.dtype).isfinite().all()) else r for r in sets]


a_size = st.sampled_from([1, 2, 3, 7, 25, 40, 60, 72, 80, 96])  # four are enough for every metric
odd_ones = st.deferred(
    lambda: st.builds(
        Odd,
        seed=st.integers(0, 10**6),
        sizes=st.tuples(a_size, a_size, a_size),
        ways=st.lists(st.sampled_from(sorted(WAYS)), max_size=2).map(tuple),
        dtype=st.sampled_from([torch.float32, torch.float64]),
        classes=st.sampled_from([1, 2, 4]),
    )
)


def each(change: Any) -> Any:
    return lambda sets: [change(rows) for rows in sets]


def with_outlier(rows: torch.Tensor) -> torch.Tensor:
    return torch.cat([rows[:-1], rows[-1:] * 1e20])


WAYS: dict[str, Any] = {
    "constant": each(torch.ones_like),
    "zero": each(torch.zeros_like),
    "fakes constant": lambda s: [s[0], 0 * s[1], s[2]],
    "held-out constant": lambda s: [s[0], s[1], 0 * s[2]],
    "repeated": each(lambda r: r[:1].repeat(len(r), 1)),
    "each row twice": each(lambda r: r.repeat(2, 1)),
    "equal sets": lambda s: [s[0], s[0].clone(), s[0].clone()],
    "copies": lambda s: [s[0], s[0][: len(s[1])].clone(), s[2]],
    "huge": each(lambda r: 1e30 * r),
    "larger than can be": each(lambda r: 1e160 * r),
    "tiny": each(lambda r: 1e-30 * r),
    "small": each(lambda r: 1e-12 * r),
    "far away": each(lambda r: r + 1e8),
    "an outlier": each(with_outlier),
    "one column": each(lambda r: r * (torch.arange(r.shape[1]) == 0)),
    "integers": each(torch.round),
    "huge fakes": lambda s: [s[0], 1e25 * s[1], s[2]],
    "subnormal": each(lambda r: r * 1e-310),
}


def labelled(rows: torch.Tensor, classes: int, world: Any) -> Features:
    k = 4
    labels = torch.arange(len(rows)) % classes
    logits = (
        torch.nn.functional.pad(rows.double(), (0, k - rows.shape[1])) if rows.shape[1] < k else rows[:, :k].double()
    )
    shown = torch.nan_to_num(rows.double() / rows.double().abs().max().clamp(min=1e-300))
    pixels = world.images(torch.nn.functional.pad(shown, (0, world.dim - shown.shape[1])).float())
    images = ImageSet.from_array(pixels, labels=labels.numpy())
    return replace(Features.given(rows, labels=labels, logits=logits), spatial=rows, images=images)


@lru_cache(maxsize=256)
def odd_pair(odd: Odd, world: Any) -> Pair:
    """One pair for all metrics that meet this example, as one evaluation has."""
    real, fake, heldout = (labelled(rows, odd.classes, world) for rows in odd.sets())
    return world.pair(real, fake, heldout=heldout)


def assert_sound(metric: Metric, score: Score) -> None:
    low, high = metric.within
    assert low - 1e-6 * max(1, abs(score)) <= score <= high + 1e-6 * max(1, abs(score))
    assert score.se is None or 0 <= score.se < math.inf
    if score.interval is not None:
        assert -math.inf < score.interval[0] <= score.interval[1] < math.inf


@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)
def test_odd_features_give_a_sound_score_or_a_sentence(metric: Metric, world: Any) -> None:
    answered = 0

    @quietly
    @given(odd=odd_ones)
    def each_example(odd: Odd) -> None:
        nonlocal answered
        with suppress(GanevalError):
            assert_sound(metric, metric(odd_pair(odd, world), **QUICKLY.get(metric.name, {})))
            answered += 1

    each_example()
    assert answered >= 5, "almost every example was refused, so almost nothing was looked at"


# name -> what of the features moves it by definition, so that it is no question of arithmetic
MOVED_BY_SCALE = {
    "fid",
    "sfid",
    "fid_debiased",
    "fid_infinity",
    "intra_fid",
    "mifid",
    "kid",
    "intra_kid",
    "sliced_wasserstein",
    "mind",
    "rarity",
    "fdr",  # the second eye of the laws' world squashes rows: other rows are another sight to it
    "eye_gap",
}
MOVED_BY_OFFSET = {"kid", "intra_kid", "vendi", "mifid", "fdr", "eye_gap"}
NOISY = {"c2st", "mmd_test"}  # folds and random features follow the rows' bits: two draws of one random number


def small_world(world: Any, change: Any, dtype: torch.dtype) -> Pair:
    """The laws' pair in float64, its embeddings changed and then rounded to `dtype`."""
    real, fake, held = (world.features(*world.rows(n, seed)) for n, seed in ((160, 0), (120, 1), (160, 1234)))
    fake = replace(fake, embeddings=1.1 * fake.embeddings + 0.2)
    sets = [replace(f, embeddings=change(f.embeddings).to(dtype)) for f in (real, fake, held)]
    return world.pair(sets[0], sets[1], heldout=sets[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("scale", [1e20, 1e10, 1e-10, 1e-20])
def test_a_scale_changes_no_question_of_shape(scale: float, dtype: torch.dtype, world: Any) -> None:
    assert_same(world, lambda rows: rows * scale, dtype, MOVED_BY_SCALE | NOISY)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_a_scale_whose_squares_no_type_holds_is_refused_by_all(scale: float, dtype: torch.dtype, world: Any) -> None:
    assert_refused(world, lambda rows: rows * scale, dtype, NOISY)


@pytest.mark.parametrize(("offset", "dtype"), [(1e3, torch.float32), (1e8, torch.float64), (1e11, torch.float64)])
def test_an_offset_changes_no_question_of_differences(offset: float, dtype: torch.dtype, world: Any) -> None:
    assert_same(world, lambda rows: rows + offset, dtype, MOVED_BY_OFFSET | NOISY)


def test_an_offset_that_leaves_the_type_no_digits_is_refused_by_all(world: Any) -> None:
    assert_refused(world, lambda rows: rows + 1e8, torch.float32, NOISY)


def of_embeddings(excused: set[str]) -> list[Metric]:
    found = [m for m in ALL if m.name not in excused and not m.needs & {"logits", "pixels", "generator", "spatial"}]
    assert len(found) > 20
    return found


def assert_same(world: Any, change: Any, dtype: torch.dtype, excused: set[str]) -> None:
    true, changed = small_world(world, lambda rows: rows, torch.float64), small_world(world, change, dtype)
    for metric in of_embeddings(excused):
        score, truth = metric(changed), metric(true)
        assert float(score) == pytest.approx(float(truth), rel=0.02, abs=0.2 * (truth.se or 0.0)), metric.name


def assert_refused(world: Any, change: Any, dtype: torch.dtype, excused: set[str]) -> None:
    changed = small_world(world, change, dtype)
    for metric in of_embeddings(excused):
        with pytest.raises(GanevalError):
            print(metric.name, metric(changed))


def test_one_outlier_leaves_the_rest_of_the_evaluation_alive(tmp_path: Any) -> None:
    rows = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fake = rows.clone()
    fake[3] *= 1e20
    e = evaluate(rows, fake, metrics=["fid", "precision", "recall"], floor=False)
    assert not e["fid"].ok
    assert e["fid"].status.startswith("not computed: fid has no value here")
    assert e["precision"].ok
    assert Evaluation.read(e.write(tmp_path / "result.json"))["recall"].value == e["recall"].value


@pytest.mark.parametrize("name", ["classifier_score", "class_balance", "missing_classes", "modes", "inception_score"])
def test_a_judge_of_one_class_answers_nothing(name: str) -> None:
    one = Features.given(torch.zeros(9, 2), logits=torch.zeros(9, 2), labels=[0] * 9)
    object.__setattr__(one, "logits", torch.zeros(9, 1))  # features refuse it already
    with pytest.raises(GanevalError, match="at least 2 classes"):
        METRICS[name](Pair(None, one))


@pytest.mark.parametrize("name", ["prd_precision", "prd_recall", "ndb", "ct", "fld"])
@pytest.mark.parametrize("size", [1e9, 1e15, 1e20])
def test_one_row_so_far_out_that_all_others_are_one_point_has_no_clusters(name: str, size: float) -> None:
    rng = np.random.default_rng(0)
    real, fake, held = rng.normal(size=(200, 8)), rng.normal(size=(150, 8)), rng.normal(size=(100, 8))
    fake[-1] = size
    plain = METRICS[name](Pair(Features.given(real), Features.given(fake[:-1]), heldout=Features.given(held)))
    try:
        odd = METRICS[name](Pair(Features.given(real), Features.given(fake), heldout=Features.given(held)))
    except UndefinedError:
        return
    assert abs(float(odd) - float(plain)) < 0.1 * (1 + abs(float(plain)))
