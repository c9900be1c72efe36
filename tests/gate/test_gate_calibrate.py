from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganeval.errors import UnknownNameError
from ganeval.gate.calibrate import Count, calibrate, render_calibration
from ganeval.gate.faults import FAULTS, fault
from ganeval.gate.rules import parse_config

RULES = parse_config(
    {
        "rule": [
            {"metric": "fid", "margin_rel": 0.3},
            {"metric": "classifier_score", "margin_abs": 0.05},
        ]
    }
)


def draw(seed: int, n: int):
    """Images whose brightness says their class, plus noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    images = np.clip(25 * labels[:, None, None, None] + rng.normal(10, 3, (n, 1, 4, 4)), 0, 255)
    return images.astype(np.uint8), labels


@pytest.fixture
def measure(make_evaluation):
    def of(images, labels, latents):
        rows = images.astype(np.float64).std(axis=(1, 2, 3))
        judged = np.rint((images.mean(axis=(1, 2, 3)) - 10) / 25)
        hits = (judged == labels).astype(np.float32)
        shell = make_evaluation(n=len(images))
        fid = replace(shell["fid"], value=float(rows.mean()), se=float(rows.std(ddof=1) / np.sqrt(len(rows))))
        p = float(hits.mean())
        score = replace(shell["classifier_score"], value=p, se=float(np.sqrt(p * (1 - p) / len(hits))))
        return replace(
            shell,
            scores={"fid": fid, "classifier_score": score},
            latents=latents,
            per_sample={"fid.influence": (rows - rows.mean()).astype(np.float32), "classifier_score.correct": hits},
        )

    return of


def test_a_healthy_generator_is_green_and_every_fault_is_counted(measure):
    seen = []
    found = calibrate(
        draw,
        measure,
        RULES,
        n=500,
        runs=20,
        fault_runs=4,
        variants={"weights": draw},
        progress=lambda done, total: seen.append((done, total)),
    )
    by_name = {one.name: one for one in found.trials}
    assert found.false_alarms.hits == 0
    assert set(by_name) == {"same generator, fresh latents", *FAULTS, "weights"}
    assert by_name["drop-class"].share("regressed", "classifier_score") == Count(4, 4)
    assert by_name["noise"].share("regressed", "fid") == Count(4, 4)
    assert by_name["weights"].share("ok") == Count(4, 4)
    assert seen[-1] == (44, 44)
    text = render_calibration(found)
    assert "false alarms, same generator, fresh latents: 0/20 = 0.0% [0.0%, 16.8%]" in text
    assert "caught, drop-class: 4/4 = 100.0% [39.8%, 100.0%]" in text


def test_an_unconditional_generator_is_not_asked_for_labels(measure):
    def unlabelled(seed, n):
        return draw(seed, n)[0], None

    found = calibrate(unlabelled, lambda i, _, s: measure(i, draw(0, len(i))[1], s), RULES, n=200, runs=2, fault_runs=1)
    assert {one.name for one in found.trials[1:]} == {"blur", "noise", "collapse"}


def test_an_unknown_fault_names_the_known_ones(measure):
    with pytest.raises(UnknownNameError, match="Did you mean 'blur'"):
        calibrate(draw, measure, RULES, n=50, runs=1, faults=["blurr"])


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_breaks_a_copy_and_nothing_else(name: str):
    images, labels = draw(3, 400)
    before = images.copy()
    broken = fault(name)(images, labels, np.random.default_rng(0))
    assert np.array_equal(images, before)
    assert (broken.shape, broken.dtype) == (images.shape, np.uint8)
    assert not np.array_equal(broken, images)
    assert np.array_equal(broken, fault(name)(images, labels, np.random.default_rng(0)))


def test_collapse_leaves_fifty_images_of_their_own_classes():
    images, labels = draw(3, 1000)
    broken = fault("collapse")(images, labels, np.random.default_rng(0))
    assert len(np.unique(broken.reshape(len(broken), -1), axis=0)) == 50
    assert np.array_equal(np.rint((broken.mean(axis=(1, 2, 3)) - 10) / 25), labels)
