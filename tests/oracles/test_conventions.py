"""docs/conventions.md tells the truth: our options give what each library was recorded to say, and the page shows
it.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.inception import inception_score
from ganeval.metrics.prdc import coverage, density, precision, recall

ROOT = Path(__file__).parents[2]
FOUR = (precision, recall, density, coverage)


@pytest.fixture(scope="module")
def peers() -> Any:
    return json.loads((ROOT / "tests" / "golden" / "peers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recorder() -> Any:
    return runpy.run_path(str(ROOT / "tests" / "golden" / "record_peers.py"))


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")


@pytest.fixture
def judged(peers: Any, recorder: Any) -> Pair:
    logits = torch.from_numpy(recorder["logits"](*peers["inception score"]["shape"]))
    return Pair(None, Features.given(torch.zeros(len(logits), 1), logits=logits))


@pytest.fixture
def pair(peers: Any, recorder: Any) -> Pair:
    real, fake = recorder["features"](*peers["precision and recall"]["shape"])
    return Pair(Features.given(real), Features.given(fake))


def test_one_split_is_what_both_libraries_say_of_all_images_at_once(judged: Pair, peers: Any) -> None:
    for name in ("torch-fidelity, 1 split", "torchmetrics, 1 split"):
        assert inception_score(judged) == pytest.approx(peers["inception score"][name], rel=1e-10)


def test_ten_splits_are_torch_fidelitys(judged: Pair, peers: Any) -> None:
    score, theirs = inception_score(judged, splits=10), peers["inception score"]["torch-fidelity, 10 splits"]
    assert score == pytest.approx(theirs["mean"], rel=1e-10)
    assert score.details["split_sd"] == pytest.approx(theirs["sd"], rel=1e-8)


@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall_are_the_same_in_every_library_at_one_k(k: int, pair: Pair, peers: Any) -> None:
    ours = {metric.name: float(metric(pair, k=k)) for metric in FOUR}
    recorded = peers["precision and recall"]
    assert ours == pytest.approx(recorded[f"prdc, k = {k}"], rel=1e-12)
    assert {name: ours[name] for name in ("precision", "recall")} == pytest.approx(
        recorded[f"torch-fidelity, k = {k}"],
        rel=1e-6,  # theirs are float32
    )


def test_open_balls_give_a_set_with_duplicates_nothing_and_closed_ones_everything(recorder: Any, peers: Any) -> None:
    rows = Features.given(recorder["repeated"]())
    theirs = peers["precision and recall"]["prdc, k = 5, each of 40 rows ten times, against itself"]
    assert set(theirs.values()) == {0.0}
    assert [float(metric(Pair(rows, rows))) for metric in FOUR] == [1.0, 1.0, 2.0, 1.0]


def test_the_page_shows_every_recorded_number_and_version(page: str, peers: Any) -> None:
    shown = [f"{value:.6g}" for value in numbers({k: v for k, v in peers.items() if k != "versions"})]
    assert [value for value in shown if value not in page] == []
    assert [name for name, version in peers["versions"].items() if f"{name} {version}" not in page] == []


def numbers(tree: Any) -> Iterator[float]:
    """All leaves but shapes; of prdc at k = 3 only what other libraries have too."""
    if isinstance(tree, float):
        yield tree
    elif isinstance(tree, dict):
        for key, branch in tree.items():
            if key not in {"shape", "prdc, k = 3"}:
                yield from numbers(branch)
