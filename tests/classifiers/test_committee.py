"""The committee behind breastmnist-cnn: what it averages, what its file keeps, and what its card claims over seeds."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.classifiers.breastmnist import SEEDS, auc
from ganeval.classifiers.committee import Committee
from ganeval.classifiers.member import weight_bytes
from ganeval.classifiers.network import Architecture, new_network
from ganeval.classifiers.zoo import card_of

SMALL = Architecture((1, 12, 12), 3, ((8,), (8,)), stem=8, embedding=6)


def _committee(members: int = 3) -> Committee:
    return Committee([new_network(SMALL, torch.Generator().manual_seed(i)).folded() for i in range(members)])


def _images() -> torch.Tensor:
    return torch.rand(5, 1, 12, 12, generator=torch.Generator().manual_seed(9))


def test_a_mirror_image_is_judged_like_the_image() -> None:
    committee, images = _committee(), _images()
    for straight, mirrored in zip(committee(images), committee(images.flip(3)), strict=True):
        assert torch.allclose(straight, mirrored, atol=1e-5)


def test_the_logits_are_the_mean_over_members_and_both_images() -> None:
    committee, images = _committee(), _images()
    seen = [member(view)[1] for member in committee.members for view in (images, images.flip(3))]
    assert torch.allclose(committee(images)[1], torch.stack(seen).mean(0), atol=1e-5)


def test_the_embeddings_of_the_members_lie_side_by_side() -> None:
    embeddings, _ = _committee()(_images())
    alone, _ = _committee(1)(_images())
    assert embeddings.shape == (5, 18)
    assert torch.allclose(embeddings[:, :6], alone, atol=1e-5)


def test_rounded_weights_are_stored_at_half_the_size_without_loss() -> None:
    full, committee = _committee(), _committee().rounded()
    assert len(weight_bytes(committee)) < 0.7 * len(weight_bytes(full))
    restored = _committee()
    restored.load_state_dict(safetensors.torch.load(weight_bytes(committee)))
    assert all(
        torch.equal(a, b) for a, b in zip(restored.state_dict().values(), committee.state_dict().values(), strict=True)
    )


@given(scores=st.lists(st.integers(0, 5), min_size=4, max_size=30), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_auc_is_the_share_of_pairs_in_the_right_order(scores: list[int], seed: int) -> None:
    values = np.array(scores, dtype=float)
    positive = np.zeros(len(values), dtype=bool)
    positive[np.random.default_rng(seed).permutation(len(values))[: len(values) // 2]] = True
    pairs = [(p > n) + (p == n) / 2 for p in values[positive] for n in values[~positive]]
    assert auc(values, positive) == pytest.approx(np.mean(pairs))


def test_five_seeds_reach_the_published_line_on_the_test_split() -> None:
    extra = card_of("breastmnist").extra
    assert extra is not None
    table = extra["seeds"]
    assert [row["seed"] for row in table] == list(SEEDS)
    assert np.mean([row["test accuracy"] for row in table]) == pytest.approx(extra["mean test accuracy of 5 seeds"])
    assert extra["mean test accuracy of 5 seeds"] >= 0.863
    assert extra["mean test AUC of 5 seeds"] >= 0.90


def test_the_shipped_seed_is_the_best_on_val() -> None:
    card = card_of("breastmnist")
    assert card.extra is not None
    best = max(card.extra["seeds"], key=lambda row: (row["val AUC"], row["val accuracy"]))
    assert card.seed == best["seed"]
    assert card.accuracy == best["test accuracy"]
