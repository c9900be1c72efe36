"""The doctor on scikit-learn's digits: what must be seen is seen, what a metric cannot see is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ganeval.core.compute import Compute
from ganeval.errors import TooFewSamplesError
from ganeval.images import image_set
from ganeval.measure.doctor import WIDTH, Diagnosis, doctor
from ganeval.measure.faults import FAULTS
from ganeval.records.protocol import Protocol

QUIETLY = Compute(progress=False)


SEEN = (
    ("class_balance", "drop-class"),
    ("recall", "collapse"),
    ("coverage", "collapse"),
    ("density", "shift"),
    ("kid", "blur"),
    ("classifier_score", "label-shuffle"),
    ("c2st", "shifted-copies"),
    ("classifier_score", "mirrored-copies"),
    ("fid", "aliasing"),
    ("authenticity", "copies"),
    ("copies", "copies"),
)
UNSEEN = (
    ("precision", "copies"),
    ("copies", "mirrored-copies"),
    ("fid", "label-shuffle"),
    ("classifier_score", "collapse"),
)
ASKED = Protocol(real="digits:train", classifier="digits", n=250)


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    named = {metric for metric, _ in (*SEEN, *UNSEEN)}
    return doctor(ASKED.with_(metrics=tuple(sorted(named))), QUIETLY)


def verdict(diagnosis: Diagnosis, metric: str, fault: str) -> str:
    return next(f.verdict for f in diagnosis.findings if (f.metric, f.fault) == (metric, fault))


@pytest.mark.parametrize(("metric", "fault"), SEEN)
def test_the_metric_made_for_a_fault_sees_it(diagnosis: Diagnosis, metric: str, fault: str) -> None:
    assert verdict(diagnosis, metric, fault) == "seen"


@pytest.mark.parametrize(("metric", "fault"), UNSEEN)
def test_what_a_metric_cannot_see_is_said(diagnosis: Diagnosis, metric: str, fault: str) -> None:
    assert verdict(diagnosis, metric, fault) in ("blind", "fooled")


def test_every_metric_that_is_asked_has_a_floor_and_an_opinion_on_every_fault(diagnosis: Diagnosis) -> None:
    asked = {metric for metric, _ in (*SEEN, *UNSEEN)}
    assert {b.metric for b in diagnosis.baselines} == asked
    assert {(f.metric, f.fault) for f in diagnosis.findings} == {(m, fault) for m in asked for fault in FAULTS}


@pytest.mark.study
def test_without_a_list_every_quick_metric_has_an_opinion_and_what_must_be_seen_is_seen() -> None:
    found = doctor(ASKED, QUIETLY)
    metrics = {b.metric for b in found.baselines}
    assert len(metrics) > 30
    assert {(f.metric, f.fault) for f in found.findings} == {(m, fault) for m in metrics for fault in FAULTS}
    assert {pair: verdict(found, *pair) for pair in SEEN} == dict.fromkeys(SEEN, "seen")


def test_the_table_names_every_metric_and_the_json_is_strict(diagnosis: Diagnosis) -> None:
    assert all(b.metric in str(diagnosis) for b in diagnosis.baselines)
    assert "they change places, as they must" in " ".join(str(diagnosis).split())
    json.dumps(diagnosis.to_json(), allow_nan=False)


def test_the_table_fits_a_terminal_and_says_what_each_fault_is(diagnosis: Diagnosis) -> None:
    lines = str(diagnosis).splitlines()
    assert max(map(len, lines)) <= WIDTH
    shown = " ".join(str(diagnosis).split())
    assert all(f"{name} {fault.sentence} ({fault.how_much})" in shown for name, fault in FAULTS.items())
    assert sum(line.startswith("c2st ") for line in lines) == 2  # the table is folded once


def test_in_pixels_a_classifier_tells_a_checkerboard_and_jpeg_that_fid_cannot_see() -> None:
    """What the eye of a digit network overlooks, too: there, c2st says blind or nearly so."""
    found = doctor(Protocol(real="digits:train", extractor="pixels", n=440, metrics=("c2st", "fid")), QUIETLY)
    for fault in ("checkerboard", "jpeg", "noise"):
        z = next(f.z for f in found.findings if (f.metric, f.fault) == ("c2st", fault))
        assert z is not None
        assert z > 10
        assert verdict(found, "fid", fault) == "blind"
    assert verdict(found, "c2st", "few-copies") == "blind"


def test_without_labels_the_faults_of_labels_have_no_value_and_the_others_have() -> None:
    real = image_set("digits:train", n=240).with_labels(None)
    found = doctor(Protocol(real=real, extractor="pixels", n=80, metrics=("fid", "kid")), QUIETLY)
    silent = {f.fault for f in found.findings if f.metric == "fid" and f.verdict == "none"}
    assert silent == {name for name, fault in FAULTS.items() if "labels" in fault.needs}
    assert {f.metric for f in found.findings} == {"fid", "kid"}


def test_classes_of_one_image_each_are_no_obstacle() -> None:
    real = image_set(image_set("digits:train", n=180).array(), labels=np.arange(180))
    found = doctor(Protocol(real=real, extractor="pixels", metrics=("fid",)), QUIETLY)
    assert {f.fault for f in found.findings if f.verdict == "none"} == {
        name for name, fault in FAULTS.items() if "train" in fault.needs
    }


def test_a_few_images_are_too_few_for_a_diagnosis() -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8)
    with pytest.raises(TooFewSamplesError, match="needs 180 real images"):
        doctor(Protocol(real=images, classifier="digits"))
