"""Copies are found, fresh samples are not accused, and the directions are the papers'."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import Metric
from ganeval.metrics.memorisation import authenticity, copies, ct, duplicates, mifid, nn_ratio
from ganeval.numerics.gaussian import Gaussian, frechet_distance
from ganeval.records.scores import Z95

ALL = [authenticity, copies, duplicates, ct, nn_ratio, mifid]


def normal(seed: int, n: int, d: int = 8) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


TRAIN, HELDOUT, FRESH = normal(0, 600), normal(1, 500), normal(2, 500)


def pair(fake: torch.Tensor, heldout: torch.Tensor | None = HELDOUT) -> Pair:
    return Pair(
        Features.given(TRAIN), Features.given(fake), heldout=None if heldout is None else Features.given(heldout)
    )


def test_a_copied_training_set_is_caught_by_every_metric() -> None:
    copied = pair(TRAIN[:500].clone())
    assert authenticity(copied) == 0
    assert copies(copied) == 1
    assert copies(copied).details["exact"] == 500
    assert ct(copied) < -10
    assert nn_ratio(copied) < 0.3
    with pytest.raises(UndefinedError, match="copies"):
        mifid(copied)


def test_nearly_copied_images_are_caught_too() -> None:
    near = pair(TRAIN[:500] + 1e-3 * normal(3, 500))
    assert authenticity(near) == 0
    assert (float(copies(near)), copies(near).details["exact"]) == (1.0, 0)
    assert ct(near) < -10
    assert nn_ratio(near) < 0.3


def test_fresh_samples_are_not_accused() -> None:
    fresh = pair(FRESH)
    for score, target in ((ct(fresh), 0.0), (nn_ratio(fresh), 1.0)):
        assert score.se is not None
        assert abs(score - target) < 3 * score.se
    assert copies(fresh) < 0.03
    assert duplicates(fresh) < 0.03
    assert authenticity(fresh) == pytest.approx(authenticity(fresh).details["heldout"], abs=0.1)


def test_authenticity_is_a_share_between_zero_and_one() -> None:
    values = [authenticity(pair(fake)) for fake in (TRAIN[:100].clone(), FRESH, 5 * FRESH)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.0, 1.0)


def test_authenticity_follows_its_definition_in_loops() -> None:
    fake, real = FRESH[:40].double(), TRAIN.double()
    to_real = torch.cdist(fake, real)
    own = torch.cdist(real, real).fill_diagonal_(torch.inf).amin(1)
    wanted = sum(float(to_real[j].min()) > float(own[to_real[j].argmin()]) for j in range(40)) / 40
    assert authenticity(pair(FRESH[:40])) == wanted


def test_repeated_fakes_are_duplicates_and_no_copies() -> None:
    repeated = pair(FRESH[:250].repeat(2, 1))
    assert duplicates(repeated) == 1
    assert duplicates(repeated).details["exact"] == 500
    assert copies(repeated) < 0.03


def test_the_list_of_nearest_pairs_is_short_sorted_and_names_rows() -> None:
    fake = FRESH.clone()
    fake[17] = TRAIN[123]
    first, *rest = copies(pair(fake)).details["nearest"]
    assert first == [17, 123, 0.0]
    assert len(rest) == 19
    assert [row[2] for row in rest] == sorted(row[2] for row in rest)


def test_a_pair_of_equal_fakes_is_listed_once() -> None:
    fake = FRESH.clone()
    fake[5] = fake[400]
    assert duplicates(pair(fake)).details["nearest"][0] == [5, 400, 0.0]
    assert duplicates(pair(fake)).details["nearest"][1][:2] != [400, 5]


def cosine_by_loops(fake: torch.Tensor, real: torch.Tensor) -> float:
    """Mean over fakes of the smallest cosine distance to a real row."""
    similarity = torch.nn.functional.cosine_similarity(fake[:, None].double(), real[None].double(), dim=-1)
    return float((1 - similarity).amin(1).mean())


def test_mifid_averages_over_fakes_not_over_reals() -> None:
    one_image_copied = pair(TRAIN[:1] + 1e-4 * normal(4, 300))
    memorisation = mifid(one_image_copied).details["memorisation"]
    assert memorisation == pytest.approx(cosine_by_loops(TRAIN[:1] + 1e-4 * normal(4, 300), TRAIN), rel=1e-4)
    assert memorisation < 1e-4
    assert cosine_by_loops(TRAIN, TRAIN[:1] + 1e-4 * normal(4, 300)) > 0.5
    assert mifid(one_image_copied).details["penalised"]


def test_mifid_is_fid_where_nothing_was_copied() -> None:
    far = FRESH + 4
    score = mifid(pair(far))
    assert not score.details["penalised"]
    assert score == pytest.approx(frechet_distance(Gaussian.of(TRAIN), Gaussian.of(far)), rel=1e-9)


def test_mifid_of_identical_sets_is_zero() -> None:
    assert mifid(pair(TRAIN.clone())) == 0


def test_ct_weighs_cells_by_held_out_rows_and_lists_them() -> None:
    cells = ct(pair(FRESH)).details["cells"]
    assert sum(cell["heldout"] for cell in cells) == 500
    weights = np.array([cell["heldout"] for cell in cells]) / 500
    assert ct(pair(FRESH)) == pytest.approx(float(weights @ [cell["z"] for cell in cells]))


def test_ct_sees_copying_in_one_cell_only() -> None:
    train = torch.cat([TRAIN[:200], TRAIN[200:400] + 30, TRAIN[400:] - 30])
    held, fresh = (torch.cat([x[:160], x[160:320] + 30, x[320:480] - 30]) for x in (HELDOUT, FRESH))
    fake = torch.cat([fresh[:320], train[400:560]])
    score = ct(Pair(Features.given(train), Features.given(fake), heldout=Features.given(held)))
    z = sorted(cell["z"] for cell in score.details["cells"])
    assert z[0] < -10
    assert z[1] > -3


def test_the_standard_error_of_nn_ratio_covers_its_target() -> None:
    """Everything fresh each time: the null."""
    inside = 0
    for seed in range(40):
        rng = torch.Generator().manual_seed(seed)
        train, held, fake = (Features.given(torch.randn(200, 4, generator=rng)) for _ in range(3))
        score = nn_ratio(Pair(train, fake, heldout=held))
        assert score.se is not None
        inside += abs(score - 1) <= 2.6 * score.se
    assert inside >= 36


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_the_standard_error_of_ct_is_its_spread_over_fresh_fakes(scale: float) -> None:
    train, held = Features.given(TRAIN[:300]), Features.given(HELDOUT[:300])
    scores = [ct(Pair(train, Features.given(scale * normal(s, 300)), heldout=held)) for s in range(100, 220)]
    claimed = np.sqrt(np.mean([score.se**2 for score in scores if score.se is not None]))
    assert claimed == pytest.approx(np.std(scores, ddof=1), rel=0.15)


def test_standard_errors_of_shares_are_those_of_fresh_fakes() -> None:
    train = Features.given(TRAIN[:300])
    pairs = [Pair(train, Features.given(normal(s, 300))) for s in range(10, 60)]
    for metric, options in ((authenticity, {}), (copies, {"near": 0.3}), (duplicates, {"near": 0.3})):
        scores = [metric(p, **options) for p in pairs]
        claimed = np.sqrt(np.mean([score.se**2 for score in scores if score.se is not None]))
        assert 0.75 < claimed / np.std(scores, ddof=1) < 1.8, metric.name


@pytest.mark.parametrize("metric", ALL)
def test_details_are_json(metric: Metric) -> None:
    json.dumps(dict(metric(pair(FRESH)).details), allow_nan=False)


@pytest.mark.parametrize("metric", [ct, nn_ratio])
def test_the_control_needs_held_out_images(metric: Metric) -> None:
    with pytest.raises(UndefinedError, match=r"needs heldout\. Pass heldout="):
        metric(pair(FRESH, heldout=None))


def test_ct_refuses_cells_without_enough_fakes() -> None:
    with pytest.raises(UndefinedError, match="10 fakes and 500 held-out rows"):
        ct(pair(FRESH[:10]))


def test_mifid_refuses_a_row_without_direction() -> None:
    fake = FRESH.clone()
    fake[3] = 0
    with pytest.raises(UndefinedError, match="row of zeros has no direction"):
        mifid(pair(fake))


def test_a_share_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(WrongInputError, match=r"between 0 and 1; got 1\.5"):
        copies(pair(FRESH), near=1.5)


def test_z95_is_used_for_intervals_within_zero_and_one() -> None:
    score = duplicates(pair(FRESH))
    assert score.interval is not None
    assert score.se is not None
    assert score.interval[1] == pytest.approx(min(1.0, score + Z95 * score.se))
    assert score.interval[0] >= 0
