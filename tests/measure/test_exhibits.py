"""The evidence beside an evaluation: whole groups, right rows, the same twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.errors import BrokenRunError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.measure.exhibits import gather_exhibits
from ganeval.measure.pairs import Pairs
from ganeval.runs import evidence
from ganeval.runs.evidence import group

N, K = 120, 3


def _features(seed: int, *, shift: float = 0.0, side: int = 8) -> Features:
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % K
    rows = rng.normal(size=(N, 6)) + labels[:, None] * 4 + shift
    pixels = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None, None], (N, 1, side, side)).copy()
    logits = np.eye(K)[(labels + (np.arange(N) < 6)) % K] * 9 - 3
    given = Features.given(rows, labels=labels, logits=logits)
    return replace(given, images=ImageSet.from_array(pixels), confusion=np.eye(K, dtype=np.int64) * 50)


def _pair() -> Pair:
    return Pair(_features(0), _features(1, shift=0.5))


def test_every_group_but_walks_comes_from_two_sets_of_images() -> None:
    found = gather_exhibits(
        Pairs(_pair(), _pair()), per_sample={"realism.realism": np.arange(N), "fid.influence": np.arange(N)}
    )
    assert {key.partition(".")[0] for key in found} == {
        "map",
        "neighbours",
        "distances",
        "worst",
        "best",
        "influential",
        "unsure",
        "cells",
        "diversity",
        "judge",
        "modes",
    }


def test_galleries_hold_the_ends_of_their_orders() -> None:
    found = gather_exhibits(Pairs(_pair(), _pair()), per_sample={"realism.realism": np.arange(N, dtype=float)})
    assert found["worst.tiles"][:, 0, 0].tolist() == list(range(24))
    assert found["best.tiles"][:, 0, 0].tolist() == list(range(N - 1, N - 25, -1))
    assert found["best.values"][0] == N - 1


def test_beside_the_images_of_a_gallery_stand_the_training_images_nearest_to_each() -> None:
    pair, train = _pair(), _features(2)
    found = gather_exhibits(
        Pairs(pair, pair, Pair(train, pair.fake)), per_sample={"realism.realism": np.arange(N, dtype=float)}
    )
    nearest = torch.cdist(pair.fake.embeddings, train.embeddings).topk(3, largest=False).indices
    for name in ("worst", "best", "unsure"):
        for tile, reals in zip(found[f"{name}.tiles"], found[f"{name}.near"], strict=True):
            assert reals[:, 0, 0].tolist() == nearest[int(tile[0, 0])].tolist()


def test_cells_show_wrong_images_of_their_own_cell() -> None:
    cells = group(gather_exhibits(Pairs(_pair(), _pair())), "cells")
    for tile, asked, judged in zip(cells["tiles"][:, 0, 0], cells["asked"], cells["judged"], strict=True):
        assert (tile % K, (tile % K + (tile < 6)) % K) == (asked, judged)


def test_neighbours_are_the_nearest_by_brute_force() -> None:
    pair = _pair()
    found = gather_exhibits(Pairs(pair, pair))
    assert pair.real is not None
    distances = torch.cdist(pair.fake.embeddings, pair.real.embeddings)
    for fake, reals, distance in zip(
        found["neighbours.fake"], found["neighbours.real"], found["neighbours.distance"], strict=True
    ):
        expected = distances[int(fake[0, 0])].topk(3, largest=False)
        assert reals[:, 0, 0].tolist() == expected.indices.tolist()
        np.testing.assert_allclose(distance, expected.values, rtol=1e-5)


def test_histograms_are_shares_and_the_map_keeps_the_real_spread() -> None:
    found = gather_exhibits(Pairs(_pair(), _pair()))
    for name in ("distances.real", "distances.fake", "diversity.real", "diversity.fake"):
        assert found[name].sum() == pytest.approx(1, abs=1e-6)
    assert 0 < found["map.explained"].sum() <= 1 + 1e-6
    assert found["map.real"].mean(axis=0) == pytest.approx([0, 0], abs=1e-4)


def test_a_copy_of_the_real_set_has_distance_zero_and_the_lowest_quantile() -> None:
    real = _features(0)
    found = gather_exhibits(Pairs(Pair(real, real), Pair(real, real)))
    assert (found["neighbours.distance"][:, 0] == 0).all()
    assert (found["neighbours.quantile"] == 0).all()


def test_large_images_are_shrunk() -> None:
    pair = Pair(_features(0, side=100), _features(1, side=100))
    assert gather_exhibits(Pairs(pair, pair))["neighbours.fake"].shape[1:] == (64, 64)


def test_equal_inputs_give_equal_bytes() -> None:
    first, second = (gather_exhibits(Pairs(_pair(), _pair())) for _ in range(2))
    assert {key: rows.tobytes() for key, rows in first.items()} == {key: rows.tobytes() for key, rows in second.items()}


def test_bare_features_give_what_needs_no_pixels() -> None:
    rng = np.random.default_rng(0)
    pair = Pair(Features.given(rng.normal(size=(50, 4))), Features.given(rng.normal(size=(40, 4))))
    assert {key.partition(".")[0] for key in gather_exhibits(Pairs(pair, pair))} == {"map", "distances", "diversity"}


def test_broken_evidence_says_which_file(tmp_path: Path) -> None:
    (tmp_path / "evidence.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(BrokenRunError, match=r"evidence\.safetensors"):
        evidence.read_evidence(tmp_path / "evidence.safetensors")


def test_modes_show_images_of_both_sets_and_how_many_there_are() -> None:
    modes = group(gather_exhibits(Pairs(_pair(), _pair())), "modes")
    assert modes["real"].shape == (len(modes["p"]), 8, 8, 8) == modes["fake"].shape
    shifted = Pair(_features(0), _features(1, shift=40))
    modes = group(gather_exhibits(Pairs(shifted, shifted)), "modes")
    assert set(modes["invented"].tolist()) == {0, 1}
    missing = modes["invented"].tolist().index(0)
    assert modes["counts"][missing, 0] >= 8
    assert modes["counts"][missing, 1] == 0
    assert modes["real"][missing, :, 0, 0].any()
    assert not modes["fake"][missing].any()
