"""Every metric on every control: who sees which fault, measured against real images that nobody trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch

from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.doctor import judge_change
from ganeval.measure.functions import evaluate
from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import Z95, Evaluation, ScoreRecord
from reference_models.bands.equal_n import OPTIONS, some
from reference_models.controls.control import CONTROLS, build
from reference_models.plumbing.data import Data
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.seeds import generator

HEALTHY = "held_out_real"
NOT_ASKED = frozenset({"generator", "embed", "spatial"})  # what controls or zoo judges do not have
DEAR = frozenset({"lpips"})  # needs a network of its own
P_VALUE, SMALL = "mmd_test", 0.01  # a p-value says whether it sees; its distance to another p-value says nothing


@dataclass(frozen=True)
class Sizes:
    """How many images: 2,000 against 2,000 as published comparisons have it, or what a small data set allows."""

    known: int = 10_000  # training images that the controls are made of
    held: int = 5_000  # real images held out from them
    real: int = 2_000  # test images that the metrics compare with
    per_class: int = 200  # images that a control draws of each class
    epochs: float = 5.0  # of the classifier that CAS trains; few images need more


SIZES = {"digits": Sizes(known=900, held=447, real=450, per_class=40, epochs=10.0)}  # of 1,347 and 450


def calibrate(
    dataset: str, sizes: Sizes, seed: int = 0, skip: tuple[str, ...] = ()
) -> Iterator[tuple[str, Evaluation]]:
    """(control, all metrics on what it draws), one control after the other; those to `skip` are known already."""
    data = partition(load_data(dataset, seed), sizes, seed)
    train = ImageSet.from_array(
        data.images.numpy(), source=f"{dataset}: known images", labels=data.labels.numpy(), class_names=data.class_names
    )
    real = some(image_set(f"{dataset}:test"), sizes.real, seed)
    options = {**OPTIONS, "gan_train": {"epochs": sizes.epochs}}
    for name in CONTROLS.names():
        if name in skip:
            continue
        images, labels = build(name, data).per_class(sizes.per_class, seed)
        fakes = ImageSet.from_array(images, source=name, labels=labels, class_names=data.class_names)
        yield (
            name,
            evaluate(
                real,
                fakes,
                classifier=dataset,
                train=train,
                metrics=[m.name for m in asked()],
                options=options,
                seed=seed,
                floor=False,
                cache=False,
                name=name,
            ),
        )


def partition(data: Data, sizes: Sizes, seed: int) -> Data:
    """All images that are no test images, dealt anew: what the controls know, and what was held out from them."""
    images, labels = torch.cat([data.images, data.held_images]), torch.cat([data.labels, data.held_labels])
    order = torch.randperm(len(images), generator=generator(seed, "calibration"))
    known, held = order[: sizes.known], order[sizes.known : sizes.known + sizes.held]
    return replace(
        data, images=images[known], labels=labels[known], held_images=images[held], held_labels=labels[held], _order={}
    )


def asked() -> list[Metric]:
    """The metrics that images, labels and a judge suffice for."""
    return [metric for metric in METRICS if not metric.needs & NOT_ASKED and metric.name not in DEAR]


def verdict(metric: Metric, found: ScoreRecord, healthy: ScoreRecord) -> str:
    """seen, blind or fooled: worse, no different or better than on real images, at three standard errors; none:
    no value.
    """
    if found.value is None or healthy.value is None:
        return "none"
    if metric.name == P_VALUE:
        return "seen" if found.value < SMALL else "blind"
    return judge_change(metric.better, float(healthy.value), _error(healthy), float(found.value), _error(found))[1]


def verdicts(found: Mapping[str, Evaluation]) -> dict[tuple[str, str], str]:
    """By (metric, control), without the healthy control itself."""
    return {
        (metric.name, name): verdict(metric, evaluation[metric.name], found[HEALTHY][metric.name])
        for name, evaluation in found.items()
        if name != HEALTHY
        for metric in asked()
    }


def _error(record: ScoreRecord) -> float:
    """The standard error; where a metric states an interval alone, half of it as a 95 % one."""
    if record.se is not None or record.interval is None:
        return record.se or 0.0
    return (record.interval[1] - record.interval[0]) / (2 * Z95)
