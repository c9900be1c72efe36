"""`breastmnist-cnn`: malignant or not, 28x28 ultrasound; a committee, because 546 images make one network a lottery.

Members differ in how their images are changed: two see strong changes, one mild ones, and two, trained for a shorter
time, mirror images only. Alone, no kind is better than the others; together they err apart (four-fold cross-validation
inside `train`: AUC .884 for three members of one kind, .895 for one strong and one plain).

Every choice was made by that cross-validation and on `val`. Five committees are trained; the shipped one is that with
the highest AUC on `val`, and all five stand on the card with their test figures, malignant recall beside accuracy.
`val` also sets the temperature. Weights are rounded to half precision before anything is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

SEEDS = range(5)
MALIGNANT = 0
LICENCE = "BreastMNIST: CC BY 4.0 (Yang et al. 2023; images by Al-Dhabyani et al. 2020)"
NOTE = (
    "Shipped is the committee with the highest AUC on `val`. The kinds of members were chosen by cross-validation "
    "inside `train`. One earlier design, five small members of one kind, had been measured on the test split before: "
    "mean accuracy .858, mean AUC .900, mean malignant recall .595."
)
ARCHITECTURE = Architecture(
    (1, 28, 28), 2, ((48, 48), (64, 64)), stem=32, stem_stride=2, embedding=24, pixel_mean=0.33, pixel_std=0.21
)

MILD = Recipe(
    ARCHITECTURE,
    epochs=60,
    batch=64,
    weight_decay=0.5,
    average=0.99,
    bfloat16=True,
    augment=Augment(rotate=5, scale=0.1, shift=2, flip=True, brightness=0.1, contrast=0.2, padding="reflection"),
)
STRONG = replace(MILD, epochs=80, augment=replace(MILD.augment, rotate=8, scale=0.2, shift=3, shear=0.1))
PLAIN = replace(MILD, epochs=30, augment=Augment(flip=True))
MEMBERS = (STRONG, STRONG, MILD, PLAIN, PLAIN)


def train() -> Trained:
    """Train a committee for each seed and return the one that is best on `val`."""
    parts = load_parts()
    return best_on_val([train_seed(seed, parts) for seed in SEEDS], parts)


def load_parts() -> dict[str, Part]:
    dataset = DATASETS["breastmnist"]
    splits = {"train": "train", "held out": "val", "test": "test"}
    return {use: Part.of(f"breastmnist:{split}", dataset.load(split)) for use, split in splits.items()}


def train_seed(seed: int, parts: Mapping[str, Part]) -> Trained:
    """One committee; `seed` decides everything that is random in it."""
    recipes = [replace(recipe, seed=1000 * seed + i) for i, recipe in enumerate(MEMBERS)]
    members = [
        fit(parts["train"].images, parts["train"].labels, recipe, progress=f"breastmnist {seed}.{recipe.seed}")
        for recipe in recipes
    ]
    return settled(
        "breastmnist",
        Committee(members).rounded(),
        parts,
        recipe={"members": [asdict(r) for r in recipes]},
        seed=seed,
        licence=LICENCE,
        notes=(NOTE,),
    )


def best_on_val(candidates: Sequence[Trained], parts: Mapping[str, Part]) -> Trained:
    """The candidate with the highest AUC on `val`, then accuracy; its card gets the figures of all of them."""
    table = [_figures(candidate, parts) for candidate in candidates]
    best = max(range(len(table)), key=lambda i: (table[i]["val AUC"], table[i]["val accuracy"]))
    means = {
        f"mean test {name} of {len(table)} seeds": float(np.mean([row[f"test {name}"] for row in table]))
        for name in ("accuracy", "AUC", "malignant recall")
    }
    extra = {"test AUC": table[best]["test AUC"], **means, "seeds": table}
    return Trained(candidates[best].network, replace(candidates[best].card, extra=extra))


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
    load=partial(load_stored, "breastmnist", partial(empty_committee, ARCHITECTURE, len(MEMBERS))),
    licence=LICENCE,
    summary="breast ultrasound, malignant or not, 28x28 grey",
    shape=ARCHITECTURE.shape,
    train=train,
)
