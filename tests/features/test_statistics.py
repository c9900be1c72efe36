from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import IncomparableError, UndefinedError, WrongInputError
from ganeval.features.cache import write_file
from ganeval.features.rows import Features
from ganeval.features.statistics import SCHEMA, Statistics
from ganeval.numerics.gaussian import Gaussian

PASSPORT = Features.given(np.zeros((1, 3))).passport


def rows_of(n: int, d: int = 3, seed: int = 0, offset: float = 0.0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + offset


def features_of(rows: torch.Tensor, mark: str = "") -> Features:
    passport = replace(PASSPORT, n=len(rows), dim=rows.shape[1], fingerprint=mark)
    return Features(rows, passport, spatial=rows[:, :2] ** 2, labels=torch.arange(len(rows)))


def without_n(rows: torch.Tensor) -> Statistics:
    found = Statistics.of(Features.given(rows))
    assert not isinstance(found.moments, Gaussian)
    fit = Gaussian.published(found.moments.mean, found.moments.covariance())
    return Statistics(replace(found.passport, n=0), fit)


def assert_equal(a: Statistics, b: Statistics) -> None:
    assert a.n == b.n == a.passport.n == b.passport.n
    for one, other in ((a.moments, b.moments), (a.spatial, b.spatial)):
        assert one is not None
        assert other is not None
        assert not isinstance(one, Gaussian)
        assert not isinstance(other, Gaussian)
        torch.testing.assert_close(one.mean, other.mean, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(one.scatter, other.scatter, rtol=1e-10, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 40), min_size=1, max_size=5), offset=st.floats(-1e2, 1e2), mix=st.randoms())
def test_any_parts_in_any_order_merge_to_the_statistics_of_all(cuts: list[int], offset: float, mix: Random) -> None:
    rows = rows_of(40, offset=offset)
    parts = [Statistics.of(features_of(rows[a:b])) for a, b in itertools.pairwise([0, *sorted(cuts), 40])]
    mix.shuffle(parts)
    assert_equal(reduce(Statistics.merge, parts), Statistics.of(features_of(rows)))


def test_rows_are_kept_where_both_have_them_and_moments_where_one_has_not() -> None:
    rows = rows_of(9)
    one, other = (Statistics.of(features_of(part), rows=True) for part in (rows[:4], rows[4:]))
    both = one.merge(other)
    assert both.rows is not None
    assert both.rows.passport == both.passport
    assert torch.equal(both.rows.embeddings, rows)
    assert both.rows.labels is not None
    assert both.rows.labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    assert one.merge(Statistics.of(features_of(rows[4:]))).rows is None


def test_the_mark_of_merged_sets_does_not_depend_on_their_order() -> None:
    marks = ["a" * 64, "0" * 63 + "1", "d" * 64]
    parts = [Statistics.of(features_of(rows_of(3, seed=i), mark)) for i, mark in enumerate(marks)]
    found = {reduce(Statistics.merge, order).passport.fingerprint for order in itertools.permutations(parts)}
    assert len(found) == 1
    assert found.isdisjoint(marks)


def test_the_same_images_are_not_counted_twice() -> None:
    one, other = (Statistics.of(features_of(rows_of(5, seed=seed), mark)) for seed, mark in ((0, "a1"), (1, "b2")))
    assert one.merge(other).n == 10
    with pytest.raises(WrongInputError, match="same 5 images"):
        one.merge(replace(one))


def test_statistics_of_two_networks_are_not_merged() -> None:
    one = Statistics.of(features_of(rows_of(4)))
    other = replace(one, passport=replace(one.passport, extractor="inception"))
    with pytest.raises(IncomparableError, match="extractor"):
        one.merge(other)
    with pytest.raises(IncomparableError, match="spatial"):
        one.merge(replace(one, spatial=None))


def test_statistics_without_their_n_cannot_be_merged_and_say_what_can_be_done() -> None:
    some = without_n(rows_of(9))
    with pytest.raises(UndefinedError, match=r"of how many images.*Make them again"):
        Statistics.of(Features.given(rows_of(9))).merge(some)
    assert some.n is None


@pytest.mark.parametrize("rows", [True, False])
def test_what_is_saved_is_loaded_bit_for_bit(tmp_path: Path, *, rows: bool) -> None:
    kept = Statistics.of(features_of(rows_of(7), "c" * 64), rows=rows)
    again = Statistics.load(kept.save(tmp_path / "kept.safetensors"))
    assert again.passport == kept.passport
    assert again.content == kept.content
    assert not isinstance(again.moments, Gaussian)
    assert not isinstance(kept.moments, Gaussian)
    assert torch.equal(again.moments.scatter, kept.moments.scatter)
    assert (again.rows is None) is not rows
    if again.rows is not None and kept.rows is not None:
        assert torch.equal(again.rows.embeddings, kept.rows.embeddings)


def test_statistics_without_their_n_are_saved_and_loaded(tmp_path: Path) -> None:
    again = Statistics.load(without_n(rows_of(9)).save(tmp_path / "kept.safetensors"))
    assert again.n is None
    assert again.gaussian.covariance.matrix is not None


def test_statistics_of_a_single_row_are_kept_although_they_have_no_covariance(tmp_path: Path) -> None:
    one = Statistics.load(Statistics.of(Features.given(rows_of(1))).save(tmp_path / "one.safetensors"))
    assert one.merge(Statistics.of(Features.given(rows_of(1, seed=1)))).n == 2


def _document(**changes: object) -> dict[str, str]:
    passport = asdict(replace(PASSPORT, n=4, dim=3))
    return {"schema": SCHEMA, "passport": json.dumps({**passport, **changes})}


@pytest.mark.parametrize(
    ("tensors", "metadata", "said"),
    [
        ({"moments.mean": torch.zeros(3)}, _document(), "mean and scatter"),
        ({"moments.mean": torch.zeros(3), "moments.scatter": torch.zeros(2, 2)}, _document(), "mean and scatter"),
        ({"moments.mean": torch.zeros(3), "moments.scatter": torch.full((3, 3), torch.nan)}, _document(), "NaN"),
        ({"moments.mean": torch.zeros(3), "moments.scatter": torch.eye(3)}, _document(dim=5), "holds others"),
        ({"moments.mean": torch.zeros(3), "moments.scatter": torch.eye(3)}, _document(n=-1), "mean and scatter"),
        ({"moments.mean": torch.zeros(3), "moments.scatter": torch.eye(3)}, _document(n="4"), "where its features"),
        ({"secrets.mean": torch.zeros(3)}, _document(), "no statistics have"),
        ({"embeddings": torch.zeros(4, 3)}, {"schema": "ganeval.features/1"}, "schema"),
    ],
)
def test_a_file_that_holds_something_else_says_what_it_must_hold(
    tmp_path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str], said: str
) -> None:
    path = write_file(tmp_path / "odd.safetensors", tensors, metadata)
    with pytest.raises(WrongInputError, match=said):
        Statistics.load(path)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    path = Statistics.of(Features.given(rows_of(7))).save(tmp_path / "kept.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WrongInputError, match="damaged"):
        Statistics.load(path)
