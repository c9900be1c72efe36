"""A data set by name: "hoda:test", "mnist:train"."""

from __future__ import annotations

from ganeval.datasets.dataset import DATASETS
from ganeval.images.imageset import ImageSet


def from_name(name: str) -> ImageSet:
    """The split after the colon of the data set before it; without a split the error names the splits there are."""
    key, _, split = name.partition(":")
    dataset = DATASETS[key]
    part = dataset.load(split)
    return ImageSet.from_array(part.images, source=name, labels=part.labels, class_names=dataset.classes)
