"""`breastmnist-cnn`: malignant or not, 28x28 ultrasound; a committee, because 546 images make one network a lottery.

Every choice (recipe, size, number of members) was made by cross-validation inside `train` and on `val`. Five committees
are trained; the shipped one is that with the highest AUC on `val`, and all five stand on the card with their test
figures, malignant recall beside accuracy. `val` also sets the temperature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.classifier import run
from ganeval.classifiers.committee import Committee, empty_committee
from ganeval.classifiers.member import Member, Part, Trained, classifier_of, load_stored, settled
from ganeval.classifiers.network import Architecture
from ganeval.classifiers.training import Recipe, fit
from ganeval.datasets.dataset import DATASETS

MEMBERS = 5
SEEDS = range(5)
MALIGNANT = 0
LICENCE = "BreastMNIST: CC BY 4.0 (Yang et al. 2023; images by Al-Dhabyani et al. 2020)"

RECIPE = Recipe(
    architecture=Architecture(
        (1, 28, 28), 2, ((32, 32), (48, 48)), stem=24, stem_stride=2, embedding=24, pixel_mean=0.33, pixel_std=0.21
    ),
    epochs=60,
    batch=64,
    weight_decay=0.5,
    average=0.99,
    bfloat16=True,
    augment=Augment(rotate=5, scale=0.1, shift=2, flip=True, brightness=0.1, contrast=0.2, padding="reflection"),
)


def train() -> Trained:
    """Train a committee for each seed and return the one that is best on `val`."""
    parts = {
        "train": Part.of("breastmnist:train", DATASETS["breastmnist"].load("train")),
        "held out": Part.of("breastmnist:val", DATASETS["breastmnist"].load("val")),
        "test": Part.of("breastmnist:test", DATASETS["breastmnist"].load("test")),
    }
    candidates = [train_seed(seed, parts) for seed in SEEDS]
    table = [_figures(candidate, parts) for candidate in candidates]
    best = max(range(len(table)), key=lambda i: (table[i]["val AUC"], table[i]["val accuracy"]))
    chosen = candidates[best]
    means = {
        f"mean test {name} of {len(table)} seeds": float(np.mean([row[f"test {name}"] for row in table]))
        for name in ("accuracy", "AUC", "malignant recall")
    }
    extra = {"test AUC": table[best]["test AUC"], **means, "seeds": table}
    return Trained(chosen.network, replace(chosen.card, extra=extra))


def train_seed(seed: int, parts: Mapping[str, Part]) -> Trained:
    """One committee; its members differ in their seeds only."""
    recipes = [replace(RECIPE, seed=1000 * seed + i) for i in range(MEMBERS)]
    members = [
        fit(parts["train"].images, parts["train"].labels, recipe, progress=f"breastmnist {seed}.{i}")
        for i, recipe in enumerate(recipes)
    ]
    note = "Shipped is the committee with the highest AUC on `val`; no choice looked at the test split."
    return settled(
        "breastmnist", Committee(members), parts, recipe={**asdict(RECIPE), "members": MEMBERS}, seed=seed,
        licence=LICENCE, notes=(note,),
    )  # fmt: skip


def _figures(candidate: Trained, parts: Mapping[str, Part]) -> dict[str, Any]:
    classifier = classifier_of("breastmnist", candidate.network, candidate.card.class_names, "")
    row: dict[str, Any] = {"seed": candidate.card.seed}
    for use, name in (("held out", "val"), ("test", "test")):
        logits, labels = run(classifier, parts[use].images)[1].numpy(), parts[use].labels.numpy()
        predicted = logits.argmax(axis=1)
        row[f"{name} AUC"] = auc(logits[:, MALIGNANT] - logits[:, 1 - MALIGNANT], labels == MALIGNANT)
        row[f"{name} accuracy"] = float((predicted == labels).mean())
        row[f"{name} malignant recall"] = float((predicted == labels)[labels == MALIGNANT].mean())
    return row


def auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half; 0.5 is chance.

    >>> auc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    from scipy.stats import rankdata

    n = int(positive.sum())
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


CLASSIFIER = Member(
    name="breastmnist",
    load=partial(load_stored, "breastmnist", partial(empty_committee, RECIPE.architecture, MEMBERS)),
    licence=LICENCE,
    summary="breast ultrasound, malignant or not, 28x28 grey",
    train=train,
)
