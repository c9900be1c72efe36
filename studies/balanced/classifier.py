"""The BreastMNIST classifier of the balanced-training experiment: malignant or not, one small network.

The zoo's judge is a committee of five; here the question is what a change of the training set does to one ordinary
network, so this is a single one of the judge's architecture, trained by the zoo's loop without any augmentation of its
own. Label 0 is malignant. The founding study trained a ResNet with a 7x7 stride-2 stem on the same images.

Every training takes the same number of batches, whatever its number of images: arms differ in what they see, not in how
long they look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.breastmnist import MALIGNANT, PLAIN, auc
from ganeval.classifiers.classifier import run
from ganeval.classifiers.member import Network, classifier_of
from ganeval.classifiers.training import fit
from ganeval.datasets.dataset import Split

STEPS = (80, 130, 260)  # candidates, batches of 64 images; about 9, 15 and 30 passes over the 546 images
CHOICE_SEEDS = (1000, 1001, 1002)  # of the trainings that choose among them; none of them is reported
RECIPE = replace(PLAIN, augment=Augment())


@dataclass(frozen=True, eq=False)
class Material:
    """What one network is trained on: images uint8 (n, 1, 28, 28), labels int64 (n,), weights of the loss (n,)
    or none.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None


def train_network(material: Material, *, seed: int, steps: int, progress: str = "") -> Network:
    """One network; equal material, seed and steps give equal weights, on one thread of one machine."""
    recipe = replace(RECIPE, seed=seed).with_steps(steps, len(material.images))
    weights = None if material.weights is None else torch.from_numpy(material.weights).float()
    images, labels = (torch.from_numpy(np.ascontiguousarray(part)) for part in (material.images, material.labels))
    return fit(images, labels, recipe, weights=weights, progress=progress)


def malignancy(network: Network, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Log odds of malignant for uint8 images (n, 1, 28, 28): above 0 the network says malignant, (n,)."""
    classifier = classifier_of("breast_classifier", network, ("malignant", "normal or benign"), "")
    logits = run(classifier, torch.from_numpy(np.ascontiguousarray(images)))[1].double().numpy()
    return logits[:, MALIGNANT] - logits[:, 1 - MALIGNANT]


def choose_steps(train: Split, val: Split, candidates: Sequence[int] = STEPS) -> list[dict[str, float]]:
    """For each length of training the mean AUC on `val` over `CHOICE_SEEDS`, best first; ties go to the shorter."""
    material = Material(train.images, train.labels)
    table = []
    for steps in candidates:
        found = [malignancy(train_network(material, seed=seed, steps=steps), val.images) for seed in CHOICE_SEEDS]
        table.append({"steps": steps, "val_auc": float(np.mean([auc(f, val.labels == MALIGNANT) for f in found]))})
    return sorted(table, key=lambda row: (-row["val_auc"], row["steps"]))
