"""One training in a few numbers: every curve at some places, and scores of fresh images at equal n."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ganeval.datasets.dataset import DATASETS
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.runs.directory import RunDirectory
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import Curve
from reference_models.bands.equal_n import MANIFOLD, PROTOCOL_N, at_equal_n
from reference_models.plumbing.system import open_codec, open_sampler

PLACES = (10, 25, 50, 75, 100)  # percent of the steps
WINDOW = 10  # percent of the steps before a place whose log lines are averaged
BOOKS = ("cpu_seconds", "images")  # logged, and no signal
SCORES = ("fid", "kid", *MANIFOLD)
LABELLED = ("classifier_score", "gan_train")
ERROR = "reconstruction_error"  # of a system that codes images and draws none: mean squared, of values in [-1, 1]


def curve_values(run: RunDirectory) -> dict[str, dict[int, float]]:
    """Mean of the logged values before each place, by tag; NaN where one of them is; no place without a log line."""
    steps = int(run.info["config"]["steps"])
    curves = read_run(run.path).curves
    return {tag: _at_places(curve, steps) for tag, curve in sorted(curves.items()) if tag not in BOOKS}


def _at_places(curve: Curve, steps: int) -> dict[int, float]:
    at, values = np.array(curve.steps) * 100 / steps, np.array(curve.values)
    windows = {place: (at > place - WINDOW) & (at <= place) for place in PLACES}
    return {place: float(values[inside].mean()) for place, inside in windows.items() if inside.any()}


def score_values(run: RunDirectory, seed: int = 0) -> Mapping[str, float]:
    """Scores of 2,000 fresh images (or as many as there are test images)
    of the last checkpoint against as many real.
    """
    record = read_run(run.path)
    if run.info["system"] == "autoencoder":
        return {ERROR: _reconstruction_error(run)}
    protocol = record.protocol
    test = image_set(protocol["real"])
    sampler = open_sampler(run.path, device="cpu")
    images, labels = sampler.evenly(math.ceil(PROTOCOL_N / len(record.class_names)), seed)
    names = record.class_names if labels is not None else ()
    fakes = ImageSet.from_array(images, source=record.name, labels=labels, class_names=names)
    metrics, train = ((*LABELLED, *SCORES), protocol["train"]) if labels is not None else (SCORES, None)
    scores = at_equal_n(test, fakes, protocol["classifier"], metrics, seed, train=train).scores
    return {name: score.value for name, score in scores.items() if score.value is not None}


def _reconstruction_error(run: RunDirectory) -> float:
    codec, images = open_codec(run.path, device="cpu"), DATASETS[run.info["dataset"]].load("test").images
    decoded = codec.decode(codec.encode(images)).astype(np.float32)
    return float(np.square((decoded - images) / 127.5).mean())
