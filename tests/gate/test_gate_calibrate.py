from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganeval.core.compute import Compute
from ganeval.errors import WrongInputError
from ganeval.gate.calibrate import Count, calibrate, render_calibration
from ganeval.gate.rules import parse_config
from ganeval.images import image_set
from ganeval.measure.faults import FAULTS
from ganeval.measure.functions import evaluate

RULES = parse_config(
    {"rule": [{"metric": "fid", "margin_rel": 0.3}, {"metric": "classifier_score", "margin_abs": 0.05}]}
)
CHOSEN = {name: FAULTS[name] for name in ("drop-class", "noise", "checkerboard")}


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
        faults=CHOSEN,
        variants={"weights": draw},
        progress=lambda done, total: seen.append((done, total)),
    )
    by_name = {one.name: one for one in found.trials}
    assert found.false_alarms.hits == 0
    assert set(by_name) == {"same generator, fresh latents", *CHOSEN, "weights"}
    assert by_name["drop-class"].share("regressed", "classifier_score") == Count(4, 4)
    assert by_name["noise"].share("regressed", "fid") == Count(4, 4)
    assert by_name["weights"].share("ok") == Count(4, 4)
    assert seen[-1] == (36, 36)
    text = render_calibration(found)
    assert "false alarms, same generator, fresh latents: 0/20 = 0.0% [0.0%, 16.8%]" in text
    assert "caught, drop-class: 4/4 = 100.0% [39.8%, 100.0%]" in text


def test_a_fault_that_cannot_be_made_is_an_error_before_anything_is_measured(measure):
    def unlabelled(seed, n):
        return draw(seed, n)[0], None

    def measured(*_):
        pytest.fail("it was measured")

    with pytest.raises(WrongInputError, match="'drop-class' needs the labels"):
        calibrate(unlabelled, measured, RULES, n=200, runs=2, faults=CHOSEN)


def test_what_is_compared_with_goes_once_through_each_network(monkeypatch):
    from ganeval.measure import generators, pairs
    from ganeval.records.protocol import Protocol

    seen = []

    def watched(images, *args, extract=generators.extract, **options):
        seen.append(images.source)
        return extract(images, *args, **options)

    protocol = Protocol(
        real="digits:test", extractor="pixels", classifier="digits", metrics=("fid", "classifier_score"), n=50
    )
    real = image_set("digits:train").take(np.arange(200))
    labels = np.array(real.labels)
    monkeypatch.setattr(generators, "extract", watched)
    monkeypatch.setattr(pairs, "extract", watched)
    measured = generators.measuring(protocol, Compute(device="cpu", cache=False))
    found = [measured(real.array(), labels, "a") for _ in range(3)]
    assert seen.count("digits:test") == 2
    once = evaluate(
        "digits:test", real, extractor="pixels", classifier="digits", metrics=["fid", "classifier_score"], device="cpu"
    )
    for name in ("fid", "classifier_score"):
        assert [e[name].value for e in found] == pytest.approx([once[name].value] * 3, rel=1e-12)
        assert found[0][name].signature == once[name].signature
