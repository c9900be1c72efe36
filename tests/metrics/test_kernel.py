from __future__ import annotations

import pytest
import torch

from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.kernel import kid, mmd_rbf


def rows_of(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair_of(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def test_two_points_by_hand() -> None:
    """d = 1, real {0, 1}, fake {2, 3}: k = 1, then (6 + 1)^3, less twice the mean of 1, 1, 27, 64."""
    score = kid(pair_of(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])))
    assert score == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


def test_it_is_unbiased_at_equal_distributions() -> None:
    values = [float(kid(pair_of(rows_of(30, 3, 2 * s), rows_of(30, 3, 2 * s + 1)))) for s in range(200)]
    mean = sum(values) / 200
    spread = (sum((v - mean) ** 2 for v in values) / 199) ** 0.5
    assert abs(mean) < 3 * spread / 200**0.5
    assert min(values) < 0


def test_subsets_need_enough_rows() -> None:
    with pytest.raises(TooFewSamplesError, match="at least 1000 rows in each set; got 30 real and 20 fake"):
        kid(pair_of(rows_of(30, 3, 0), rows_of(20, 3, 1)), subsets=10)


def test_subsets_are_the_same_in_every_protocol_and_scatter_around_all_pairs() -> None:
    pair = pair_of(rows_of(200, 3, 0), rows_of(200, 3, 1) + 1)
    few = kid(pair, subsets=50, subset_size=60)
    assert few == kid(Pair(pair.real, pair.fake, seed=1), subsets=50, subset_size=60)
    assert few == pytest.approx(kid(pair), abs=5 * few.details["subset_sd"] / 50**0.5)
    assert few.se is None


def test_subsets_are_drawn_and_are_not_the_first_rows() -> None:
    pair = pair_of(rows_of(200, 3, 0), rows_of(200, 3, 1) + 1)
    one = kid(pair, subsets=1, subset_size=60)
    assert one != pytest.approx(kid(pair_of(pair.real.embeddings[:60], pair.fake.embeddings[:60])), rel=1e-6)
    two = kid(pair, subsets=2, subset_size=60)
    assert two != pytest.approx(one, rel=1e-6)
    assert two.details["subset_sd"] > 0


def test_a_gaussian_kernel_has_a_closed_form_between_gaussians() -> None:
    """E k = (s^2 / (s^2 + 2))^(d/2) exp(-m^2 / (2 (s^2 + 2))) for unit normals m apart, bandwidth s."""
    d, s2, shift = 3, 4.0, 1.0
    score = mmd_rbf(pair_of(rows_of(4000, d, 0), rows_of(4000, d, 1) + shift / d**0.5), bandwidth=s2**0.5)
    same = (s2 / (s2 + 2)) ** (d / 2)
    expected = 2 * same * (1 - torch.tensor(-(shift**2) / (2 * (s2 + 2))).exp())
    assert score == pytest.approx(float(expected), abs=4 * 2**0.5 * (score.se or 0))


def test_unit_rows_are_cmmds_number_but_for_the_diagonal() -> None:
    real, fake = rows_of(40, 5, 0), rows_of(30, 5, 1) + 0.3
    score = mmd_rbf(pair_of(real, fake), bandwidth=10.0, unit_rows=True)
    x, y = (rows / rows.norm(dim=1, keepdim=True) for rows in (real, fake))
    k = lambda a, b: torch.exp(-torch.cdist(a, b).square() / 200)  # noqa: E731 - the published two-liner
    v_statistic = k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()
    bias = (1 - k(x, x).mean()) / 39 + (1 - k(y, y).mean()) / 29
    assert float(score) == pytest.approx(float(v_statistic - bias), rel=1e-9)


def test_the_default_bandwidth_is_the_median_distance() -> None:
    real = torch.tensor([[0.0], [1.0], [3.0]])  # distances 1, 2, 3
    assert mmd_rbf(pair_of(real, real + 1)).details["bandwidth"] == 2.0


def test_a_bandwidth_must_be_positive() -> None:
    with pytest.raises(WrongInputError, match=r"between 0 and 1e\+25, or None; got -1"):
        mmd_rbf(pair_of(rows_of(5, 2, 0), rows_of(5, 2, 1)), bandwidth=-1.0)


def test_constant_features_have_no_median_distance() -> None:
    with pytest.raises(UndefinedError, match="Pass bandwidth="):
        mmd_rbf(pair_of(torch.ones(5, 2), torch.ones(5, 2)))


def test_a_row_of_zeros_has_no_direction() -> None:
    with pytest.raises(UndefinedError, match="no direction"):
        mmd_rbf(pair_of(torch.zeros(5, 2), torch.ones(5, 2)), unit_rows=True)


def test_blocks_are_the_mean_over_disjoint_parts_of_both_sets() -> None:
    real, fake = rows_of(160, 3, 0), rows_of(160, 3, 1) + 0.3
    whole, two = kid(pair_of(real, fake)), kid(pair_of(real, fake), block_size=80)
    assert two.details["blocks"] == 2
    assert two.se is not None
    assert abs(two - whole) < 4 * two.se + 4 * (whole.se or 0)
    assert two.n == 160


def test_blocks_do_not_depend_on_the_order_of_the_rows() -> None:
    real, fake, order = (
        rows_of(50, 3, 0),
        rows_of(70, 3, 1),
        torch.randperm(70, generator=torch.Generator().manual_seed(5)),
    )
    once, again = (kid(pair_of(real, rows), block_size=20) for rows in (fake, fake[order]))
    assert (float(once), once.se) == (float(again), again.se)


def test_the_error_of_blocks_is_their_real_scatter() -> None:
    """Over 150 draws of both sets: unbiased, and the estimated error is the spread of the values."""
    scores = [kid(pair_of(rows_of(120, 3, 2 * s), rows_of(120, 3, 2 * s + 1) + 0.5), block_size=12) for s in range(150)]
    values = torch.tensor([float(score) for score in scores])
    whole = torch.tensor(
        [float(kid(pair_of(rows_of(120, 3, 2 * s), rows_of(120, 3, 2 * s + 1) + 0.5))) for s in range(150)]
    )
    spread, estimated = float(values.std()), float(torch.tensor([score.se for score in scores]).mean())
    assert abs(float((values - whole).mean())) < 3 * spread / 150**0.5
    assert 0.85 < estimated / spread < 1.15


@pytest.mark.parametrize(("size", "n"), [(20, 39), (40, 60)])
def test_blocks_need_two_of_each_set(size: int, n: int) -> None:
    with pytest.raises(
        TooFewSamplesError,
        match=f"Blocks of {size} need at least {2 * size} rows in each set; got 100 real and {n} fake",
    ):
        kid(pair_of(rows_of(100, 3, 0), rows_of(n, 3, 1)), block_size=size)


def test_subsets_and_blocks_exclude_each_other() -> None:
    with pytest.raises(WrongInputError, match="Pass one of them"):
        kid(pair_of(rows_of(100, 3, 0), rows_of(100, 3, 1)), subsets=2, subset_size=50, block_size=20)
