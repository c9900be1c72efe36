"""The way in: how it is called, which sets stand behind a number, and what a floor was made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.measure.doctor import doctor
from ganeval.measure.floors import floor_pairs
from ganeval.measure.functions import evaluate
from ganeval.measure.measure import measure, scores_of
from ganeval.measure.pairs import Pairs
from ganeval.measure.run_samples import evaluate_pending, survey
from ganeval.metrics import METRICS
from ganeval.records.protocol import Protocol
from ganeval.runs.directory import create_run
from ganeval.runs.readers.native import read_run


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4))


BEFORE = ("", "from ganeval import fid", "import ganeval.measure.faults", "import ganeval.gate")
FOUND = """
import os, sys
import numpy as np
import scipy.linalg, torch  # they take their time; of ganeval each fork loads its own
rng = np.random.default_rng(0)
for before in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    exec(before)
    from ganeval import Protocol, measure
    found = measure(rng.normal(size=(80, 4)), Protocol(real=rng.normal(size=(99, 4)), metrics=("fid",)))
    print(found["fid"].ok, flush=True)
    os._exit(0)
"""


def test_the_function_is_found_whatever_was_imported_before() -> None:
    done = subprocess.run([sys.executable, "-c", FOUND, *BEFORE], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n" * len(BEFORE), done.stderr


def test_bare_rows_are_told_apart_by_what_is_in_them() -> None:
    sets = {"train": rows(90, 2), "heldout": rows(90, 3)}
    scores = evaluate(rows(90, 0), rows(90, 1), metrics=["nn_ratio", "fld"], **sets).scores
    assert all(record.ok for record in scores.values()), {name: record.status for name, record in scores.items()}
    same = evaluate(rows(90, 0), rows(90, 1), metrics=["nn_ratio"], train=rows(90, 2), heldout=rows(90, 2))
    assert "needs heldout" in same["nn_ratio"].status


def test_a_floor_says_what_stood_in_the_generators_place() -> None:
    halves = evaluate(rows(90, 0), rows(90, 1), metrics=["fid"])["fid"].floor
    held = evaluate(rows(90, 0), rows(90, 1), metrics=["fid"], heldout=rows(90, 3))["fid"].floor
    assert halves is not None
    assert held is not None
    assert (halves.n, halves.against) == (45, "halves")
    assert (held.n, held.against) == (90, "heldout")


def test_what_an_exact_test_knows_of_two_random_halves_is_not_searched_for() -> None:
    exact = [metric.name for metric in METRICS if metric.exact]

    def floors(**sets: Any) -> set[tuple[float, int | None, str]]:
        scores = evaluate(rows(120, 0), rows(90, 1), metrics=exact, **sets).scores.values()
        return {(record.floor.value, record.floor.n, record.floor.against) for record in scores if record.floor}

    assert {"missing_modes", "invented_modes"} <= set(exact)
    assert all(METRICS[name].perfect == 0 for name in exact)
    assert floors() == {(0.0, 90, "test")}
    assert floors(heldout=rows(90, 3)) == {(0.0, 90, "heldout")}
    others = rows(90, 3)
    others[:, 0] += 9  # held-out images of another kind: a generator that shows only the real kind misses theirs
    assert {(value > 0.5, against) for value, _, against in floors(heldout=others)} == {(True, "heldout")}


def test_a_training_set_that_is_the_real_set_is_compared_with_once() -> None:
    real, fake, other = rows(60, 0), rows(50, 1), rows(60, 2)

    def pairs(train: np.ndarray, **sets: Any) -> Pairs:
        protocol = Protocol(real=real, train=train, metrics=("recall", "authenticity"), **sets)
        return scores_of(fake, protocol)[0]

    once, twice, held = pairs(real.copy()), pairs(other), pairs(real.copy(), heldout=other)
    assert once.trained is once.embedded
    assert twice.trained is not twice.embedded
    assert held.trained is not held.embedded
    floors = floor_pairs(once, 0)
    assert floors is not None
    assert floors.trained is floors.embedded


def test_training_images_stand_in_where_half_of_the_real_ones_are_too_few() -> None:
    def floor(real: int, fakes: int, **sets: Any) -> tuple[int | None, str]:
        found = evaluate(rows(real, 0), rows(fakes, 1), metrics=["fid"], **sets)["fid"].floor
        assert found is not None
        return found.n, found.against

    assert floor(90, 90, train=rows(120, 2)) == (90, "train")
    assert floor(200, 90, train=rows(120, 2)) == (90, "halves")
    assert floor(90, 90, train=rows(80, 2)) == (45, "halves")
    assert floor(90, 90, train=rows(90, 0)) == (45, "halves")  # the real images themselves
    assert floor(90, 90, train=rows(120, 2), heldout=rows(95, 3)) == (90, "heldout")


def test_the_doctor_refuses_what_only_a_generator_can_answer() -> None:
    with pytest.raises(UndefinedError, match="path_length asks a generator"):
        doctor(Protocol(real="digits:train", classifier="digits", metrics=("path_length",)))


def test_a_latent_space_alone_is_no_set_of_images() -> None:
    class Walks:
        latent_dim = 4

        def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
            raise AssertionError

    with pytest.raises(WrongInputError, match="Pass generated images beside it"):
        measure(None, Protocol(real="digits:test", extractor="pixels", metrics=("fid",)), generator=Walks())


def test_a_run_whose_generator_cannot_be_opened_is_measured_without_it(tmp_path: Path) -> None:
    def opens(_: Path) -> object:
        raise KeyError("netG")

    run = create_run(tmp_path, "x", config={}, seeds={}, protocol={"real": "digits:test"})
    run.write_samples(1, np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8))
    (pending,) = survey((read_run(run.path),), ("the test", {"extractor": "pixels", "metrics": ("fid",)})).waiting
    assert evaluate_pending(pending, generator=opens)["fid"].ok


@pytest.mark.parametrize("metrics", [5, True, {"fid": 1}])
def test_metrics_of_another_type_are_refused_with_a_sentence(metrics: object) -> None:
    with pytest.raises(WrongInputError, match="list of names"):
        Protocol.parse({"metrics": metrics})
