"""Measuring while a generator trains: the numbers of `measure`, the real side seen once,
and better beyond noise only.
"""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval import Compute, Protocol, measure
from ganeval.classifiers import CLASSIFIERS
from ganeval.errors import (
    GanevalError,
    IncomparableError,
    UndefinedError,
    UnexpectedError,
    UnknownNameError,
    WrongInputError,
)
from ganeval.images import image_set
from ganeval.integrations.watch import Watch

POOL = image_set("digits:train", n=600).array()
PROTOCOL = Protocol(
    real="digits:test", classifier="digits", labels="none", n=200, metrics=("fid", "precision", "class_balance")
)


def noisy(amount: float) -> Any:
    def draw(n: int, labels: Any, rng: torch.Generator) -> np.ndarray:
        rows = torch.randint(0, len(POOL), (n,), generator=rng).numpy()
        noise = amount * torch.randn(n, 1, 8, 8, generator=rng).numpy()
        return np.clip(POOL[rows] + noise, 0, 255).round().astype(np.uint8)

    return draw


def test_it_measures_at_its_steps_only_and_gives_the_numbers_and_floors_of_measure() -> None:
    watch = Watch(PROTOCOL, every=50)
    assert watch(49, noisy(5)) is None
    found = [watch(50, noisy(60)), watch(100, noisy(5))]
    own = measure(noisy(5), PROTOCOL)
    assert found[1] is not None
    assert found[1].step == 100
    for name in PROTOCOL.metrics:
        assert found[1][name].value == pytest.approx(own[name].value, rel=1e-9)
        assert found[1][name].floor == own[name].floor
        assert found[1][name].signature == own[name].signature
    assert found[1].protocol == own.protocol
    assert found[1].identity == own.identity


def test_only_what_is_better_beyond_noise_becomes_the_best() -> None:
    watch = Watch(PROTOCOL)
    said = []
    for step, amount in enumerate((60, 20, 20.05, 90, 5), 1):
        watch(step, noisy(amount))
        said.append(watch.improved)
    assert said == [True, True, False, False, True]
    assert watch.best is not None
    assert watch.best.step == 5


def test_a_generator_that_does_not_change_never_improves() -> None:
    watch = Watch(PROTOCOL)
    assert [bool(watch(step, noisy(20))) and watch.improved for step in range(1, 6)] == [True, *[False] * 4]


def test_the_real_images_go_through_the_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = CLASSIFIERS["digits"].load()
    seen: list[int] = []
    call = type(network).__call__

    def counting(self: Any, images: torch.Tensor) -> Any:
        seen.append(len(images))
        return call(self, images)

    monkeypatch.setattr(type(network), "__call__", counting)
    watch = Watch(PROTOCOL, Compute(cache=False))
    watch(1, noisy(5))
    first = sum(seen)
    watch(2, noisy(6))
    assert first >= 450 + 200
    assert sum(seen) - first <= 200 + 2  # one real image is asked whether this is still its network


def test_memory_is_flat_over_many_steps() -> None:
    watch = Watch(Protocol(real=np.zeros((60, 4)) + np.arange(60.0)[:, None], metrics=("fid",), floor=False))
    rows = np.random.default_rng(0).normal(size=(50, 4)) + np.arange(50.0)[:, None]
    sizes = []
    tracemalloc.start()
    for step in range(1, 101):
        watch(step, rows + step % 3)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(sizes[50:]) - sizes[20] < 200_000


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Watch(Protocol(metrics=("fid",))), "names none. Pass real="),
        (lambda: Watch(PROTOCOL, every=0), "every must be a whole number"),
        (lambda: Watch(PROTOCOL, by="kid"), "does not measure it. Add it"),
        (lambda: Watch(PROTOCOL.with_(n=None))(1, noisy(5)), "pass n="),
    ],
)
def test_what_cannot_be_watched_is_refused_in_a_sentence(make: Any, said: str) -> None:
    with pytest.raises(WrongInputError, match=said.replace("(", r"\(")):
        make()


def test_a_metric_that_there_is_not_is_said_before_the_training_begins() -> None:
    with pytest.raises(UnknownNameError, match=r"no metric named 'fidd'\. Did you mean 'fid'"):
        Watch(PROTOCOL.with_(metrics=()), by="fidd")


@pytest.mark.parametrize("metric", ["ms_ssim", "missing_classes", "classifier_score"])
def test_a_metric_that_cannot_decide_which_step_is_best_is_refused(metric: str) -> None:
    watch = Watch(PROTOCOL.with_(metrics=(metric,), floor=False))
    with pytest.raises(UndefinedError, match=f"{metric} "):
        _ = [watch(step, noisy(5 * step)) for step in (1, 2)]
    assert issubclass(UndefinedError, GanevalError)


def test_a_resumed_watch_compares_image_by_image_with_the_best_step_of_before(tmp_path: Path) -> None:
    first = Watch(PROTOCOL)
    assert first.state_dict() == {"best": None}
    first(1, noisy(20))
    torch.save(first.state_dict(), tmp_path / "state.pt")
    outcomes = {}
    for amount in (19.0, 20.05, 60.0):
        again, untouched = Watch(PROTOCOL), Watch(PROTOCOL)
        again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        untouched.best = first.best
        for watch in (again, untouched):
            watch(2, noisy(amount))
        assert again.improved == untouched.improved, amount
        outcomes[amount] = again.improved
    assert outcomes[60.0] is False


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "state_dict"),
        (None, "state_dict"),
        ({"best": 3}, "must be an evaluation"),
        ({"best": {"schema": "ganeval.evaluation/9"}}, "must be an evaluation"),
    ],
)
def test_a_state_that_is_none_is_refused_in_a_sentence(state: Any, said: str) -> None:
    with pytest.raises(GanevalError, match=said):
        Watch(PROTOCOL).load_state_dict(state)


@pytest.mark.parametrize(
    "damage",
    [
        {"best": "{}"},
        {"best": "{"},
        {"per_sample": 5},
        {"per_sample": {"fid.influence": [1.0, 2.0]}},
        {"per_sample": {"fid.influence": torch.zeros(3)}},
        {"per_sample": {"fid.influence": torch.zeros(2, 2)}},
        {"labels": [0, 1]},
        {"labels": torch.zeros(3, dtype=torch.int64)},
    ],
    ids=str,
)
def test_a_damaged_state_is_refused_in_a_sentence_and_nothing_is_forgotten(damage: dict[str, Any]) -> None:
    watch = Watch(PROTOCOL)
    best = watch(1, noisy(20))
    state = watch.state_dict()
    with pytest.raises(GanevalError, match="state of the watch") as refused:
        watch.load_state_dict({**state, **damage})
    assert not isinstance(refused.value, UnexpectedError)
    assert watch.best is best
    watch.load_state_dict(state)
    assert watch.best == best


def test_the_best_step_of_another_protocol_is_not_compared() -> None:
    first, other = Watch(PROTOCOL), Watch(PROTOCOL.with_(real="digits:train"))
    first(1, noisy(20))
    other.load_state_dict(first.state_dict())
    with pytest.raises(IncomparableError, match="measured differently: the reference images"):
        other(2, noisy(5))


@pytest.mark.parametrize("step", ["1", 1.5, -1, True, None])
def test_a_step_that_is_no_count_is_refused_in_a_sentence(step: Any) -> None:
    with pytest.raises(WrongInputError, match="step must be a whole number"):
        Watch(PROTOCOL)(step, noisy(5))


def test_the_first_step_without_the_number_that_decides_is_refused_at_once() -> None:
    watch = Watch(PROTOCOL.with_(metrics=("classifier_score",), n=40))
    with pytest.raises(UndefinedError, match="classifier_score decides which step is best, and has no value"):
        watch(1, POOL[:40])
    assert watch.best is None


def test_the_best_step_of_another_n_is_not_compared() -> None:
    first, second = (Watch(PROTOCOL.with_(metrics=("fid",), n=n)) for n in (60, 50))
    first(1, noisy(5))
    second.load_state_dict(first.state_dict())
    with pytest.raises(IncomparableError, match=r"n 60 then, 50 now.*Resume with the same protocol"):
        second(2, noisy(5))


def test_what_is_missing_is_said_at_the_first_step_not_at_the_first_that_is_measured(tmp_path: Path) -> None:
    with pytest.raises(GanevalError, match="There is no file or folder"):
        Watch(PROTOCOL.with_(real=str(tmp_path / "gone")), every=1000)(1, noisy(5))


def test_a_watch_that_has_measured_goes_to_another_process() -> None:
    watch = Watch(PROTOCOL.with_(floor=False))
    watch(1, noisy(20))
    there = pickle.loads(pickle.dumps(watch))
    found = there(2, noisy(5))
    assert found is not None
    assert there.improved
    assert found["fid"].value == measure(noisy(5), PROTOCOL)["fid"].value
