"""The doctor on scikit-learn's digits: what must be seen is seen, what a metric cannot see is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ganeval.core.compute import Compute
from ganeval.errors import TooFewSamplesError
from ganeval.measure.doctor import FAULTS, Diagnosis, doctor
from ganeval.records.protocol import Protocol


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    return doctor(Protocol(real="digits:train", classifier="digits", n=250), Compute(progress=False))


def verdict(diagnosis: Diagnosis, metric: str, fault: str) -> str:
    return next(f.verdict for f in diagnosis.findings if (f.metric, f.fault) == (metric, fault))


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        ("class_balance", "a class dropped"),
        ("recall", "collapsed to 50 images"),
        ("coverage", "collapsed to 50 images"),
        ("fid", "shifted"),
        ("kid", "blurred"),
        ("classifier_score", "1 label in 10 wrong"),
        ("authenticity", "copies of the reference"),
    ],
)
def test_the_metric_made_for_a_fault_sees_it(diagnosis: Diagnosis, metric: str, fault: str) -> None:
    assert verdict(diagnosis, metric, fault) == "seen"


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        ("precision", "copies of the reference"),
        ("fid", "1 label in 10 wrong"),
        ("classifier_score", "collapsed to 50 images"),
    ],
)
def test_what_a_metric_cannot_see_is_said(diagnosis: Diagnosis, metric: str, fault: str) -> None:
    assert verdict(diagnosis, metric, fault) in ("blind", "fooled")


def test_every_metric_has_a_floor_and_an_opinion_on_every_fault(diagnosis: Diagnosis) -> None:
    metrics = {b.metric for b in diagnosis.baselines}
    assert {"fid", "kid", "precision", "recall", "density", "coverage", "classifier_score"} <= metrics
    assert {(f.metric, f.fault) for f in diagnosis.findings} == {(m, fault) for m in metrics for fault in FAULTS}


def test_the_table_names_every_metric_and_the_json_is_strict(diagnosis: Diagnosis) -> None:
    assert all(b.metric in str(diagnosis) for b in diagnosis.baselines)
    assert "they change places, as they must" in str(diagnosis)
    json.dumps(diagnosis.to_json(), allow_nan=False)


def test_a_few_images_are_too_few_for_a_diagnosis() -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8)
    with pytest.raises(TooFewSamplesError, match="needs 180 real images"):
        doctor(Protocol(real=images, classifier="digits"))
