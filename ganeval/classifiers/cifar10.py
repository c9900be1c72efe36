"""`cifar10-cnn`: the ten classes of CIFAR-10, 32x32 colour, each image seen with its mirror image.

After airbench (Jordan 2024, arXiv:2404.00498): a first layer that is not learnt, only whitens patches of 2 x 2 pixels;
maxima instead of strides; Muon. The network has the form of a committee of one: what it says is the mean over an image
and its mirror image, and its weights are rounded to half precision before anything is measured.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import numpy as np
import torch

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.committee import Committee, empty_committee
from ganeval.classifiers.member import Member, Part, Trained, load_stored, settled
from ganeval.classifiers.network import Architecture, SmallCNN, new_network
from ganeval.classifiers.training import Recipe, fit, stratified_split
from ganeval.datasets.dataset import DATASETS

HELD_OUT = 1 / 50  # of `train`, which sets the temperature
PATCHES = 5000  # images whose patches the first layer is made from
LICENCE = "CIFAR-10: no licence is stated (Krizhevsky 2009); used for research"
RECIPE = Recipe(
    Architecture(
        (3, 32, 32), 10, ((), (64, 64), (144, 144), (144, 144)), stem=24, pixel_mean=0.47, pixel_std=0.25, pooled=True
    ),
    epochs=40,
    batch=512,
    learning_rate=1e-2,
    muon=0.08,
    warmup=0.02,
    average=0.99,
    label_smoothing=0.2,
    bfloat16=True,
    augment=Augment(shift=2.49, whole=True, flip=True, padding="reflection"),
)


def train() -> Trained:
    """Train on `train` less a part that is held out, which sets the temperature."""
    content = DATASETS["cifar10"].load("train")
    kept, held = stratified_split(content.labels, HELD_OUT, RECIPE.seed)
    parts = {
        "train": Part.of("cifar10:train", content, kept),
        "held out": Part.of("cifar10:train", content, held),
        "test": Part.of("cifar10:test", DATASETS["cifar10"].load("test")),
    }
    images = parts["train"].images
    start = whitened(new_network(RECIPE.architecture, torch.Generator().manual_seed(RECIPE.seed)), images[:PATCHES])
    network = fit(images, parts["train"].labels, RECIPE, start=start, progress="cifar10")
    return settled(
        "cifar10", Committee([network]).rounded(), parts, recipe=asdict(RECIPE), seed=RECIPE.seed, licence=LICENCE
    )


def whitened(network: SmallCNN, images: torch.Tensor) -> SmallCNN:
    """The network, whose first layer now holds the main components of 2 x 2 patches, each divided by its spread, and
    their negatives, and learns no more."""
    a = network.architecture
    pixels = (images.double() / 255 - a.pixel_mean) / a.pixel_std
    patches = torch.nn.functional.unfold(pixels, 2).transpose(1, 2).flatten(0, 1)
    values, vectors = np.linalg.eigh(torch.cov(patches.T).numpy())
    filters = torch.from_numpy(vectors / np.sqrt(values + 5e-4)).T.reshape(-1, a.shape[0], 2, 2)
    stem = network.stem.weight
    with torch.no_grad():
        stem.zero_()
        stem[:, :, 1:, 1:] = torch.cat([filters, -filters])
    stem.requires_grad = False
    return network


CLASSIFIER = Member(
    name="cifar10",
    load=partial(load_stored, "cifar10", partial(empty_committee, RECIPE.architecture, 1)),
    licence=LICENCE,
    summary="photographs of ten classes, 32x32 colour",
    shape=RECIPE.architecture.shape,
    train=train,
)
