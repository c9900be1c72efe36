"""What a results page says about one run, measured: GAN-test and CAS together, PRDC at the published protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation
from ganeval.runs.directory import RunDirectory
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import RunRecord
from reference_models.bands.equal_n import MANIFOLD, OPTIONS, at_equal_n
from reference_models.plumbing.system import open_sampler
from studies.page import machine

METRICS = (
    "fid",
    "kid",
    "precision",
    "recall",
    "density",
    "coverage",
    "classifier_score",
    "gan_train",
    "class_balance",
    "missing_classes",
    "copies",
)


@dataclass(frozen=True, eq=False)
class Measured:
    """One run's page in numbers."""

    run: RunRecord
    info: Mapping[str, object]  # run.json
    whole: Evaluation  # all fakes against the whole test split
    equal: Evaluation  # 2,000 against 2,000
    course: tuple[tuple[int, Evaluation], ...]  # (step, the same on the samples kept during training)
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    machine: str = field(default_factory=machine)  # that measured


def measure(run: RunDirectory, *, per_class: int, seed: int) -> Measured:
    """Draw `per_class` images of each class with `seed`, evaluate them, and store the evaluation in the run."""
    record = read_run(run.path)
    dataset, judge = record.protocol["real"], record.protocol["classifier"]
    images, labels = open_sampler(run.path).per_class(per_class, seed)
    fakes = ImageSet.from_array(images, source=record.name, labels=labels, class_names=record.class_names)
    step = int(run.info["step"])
    test = image_set(dataset)
    whole = evaluate(
        test,
        fakes,
        classifier=judge,
        train=record.protocol["train"],
        metrics=METRICS,
        options=OPTIONS,
        seed=seed,
        name=record.name,
        step=step,
    )
    run.write_evaluation(whole, step)
    metrics = (*MANIFOLD, "classifier_score")
    equal = at_equal_n(test, fakes, judge, metrics, seed)
    course = tuple(
        (int(kept.step), at_equal_n(test, image_set(str(kept.path)), judge, metrics, seed)) for kept in record.samples
    )
    return Measured(record, run.info, whole, equal, course, images, labels)
