"""Many processes give the rows of one: unequal and empty shards, merged moments and sweeps, and a rank that dies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ganeval.errors import WrongInputError
from ganeval.features.ranks import Ranks, _patience, current
from ganeval.numerics.moments import Moments
from ganeval.numerics.nearest import Nearest, nearest_within
from tests.forks import Forks

WORKER = Path(__file__).with_name("worker.py")


def rows(n: int) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(n))


def start(forks: Forks, task: str, size: int, n: int, out: Path) -> None:
    """Run `size` ranks of the worker and wait for them."""
    assert forks.ranks([[sys.executable, str(WORKER), task, str(n), str(out)]] * size) == [0] * size


@pytest.mark.parametrize(("size", "n"), [(1, 7), (2, 7), (3, 2)])
def test_ranks_together_have_what_one_process_has(size: int, n: int, tmp_path: Path, forks: Forks) -> None:
    start(forks, "gather", size, n, tmp_path)
    found = [load_file(tmp_path / f"{r}.safetensors") for r in range(size)]
    assert all(torch.equal(f["rows"], rows(n)) for f in found)
    moments, sweep = Moments.empty(5), Nearest.none(n, 2)
    for f in found:
        moments = moments.merge(Moments(int(f["n"]), f["mean"], f["scatter"]))
        sweep = sweep.merge(Nearest(f["squared"].numpy(), f["index"].numpy()))
    whole, exact = Moments.of(rows(n)), nearest_within(rows(n), 2)
    assert moments.n == whole.n
    assert torch.allclose(moments.scatter, whole.scatter, rtol=1e-10, atol=1e-12)
    assert (sweep.squared == exact.squared).all()
    assert (sweep.index == exact.index).all()


def test_a_rank_that_dies_ends_the_others_with_a_clear_error(tmp_path: Path, forks: Forks) -> None:
    start(forks, "die", 3, 4, tmp_path)
    for rank in (0, 1):
        seconds, _, message = (tmp_path / str(rank)).read_text().partition(" ")
        assert int(seconds) < 60
        assert f"Rank {rank} of 3 lost the others" in message


def test_one_process_is_rank_zero_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert current() == Ranks(0, 1)
    assert torch.equal(Ranks().gather(rows(3)), rows(3))


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 4, 11])
def test_the_spans_cover_every_row_once(size: int, n: int) -> None:
    spans = [Ranks(r, size).span(n) for r in range(size)]
    assert [i for first, last in spans for i in range(first, last)] == list(range(n))


@pytest.mark.parametrize("said", ["soon", "-3", "0", "nan", "inf", "1e300"])
def test_a_patience_that_is_no_number_of_seconds_is_a_sentence(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANEVAL_TIMEOUT", said)
    with pytest.raises(WrongInputError, match="GANEVAL_TIMEOUT must be seconds"):
        _patience()
