"""`hoda-cnn`: handwritten Persian digits; trained on Hoda's `train` only, `remaining` is left to its users."""

from __future__ import annotations

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.member import member
from ganeval.classifiers.network import Architecture
from ganeval.classifiers.training import Recipe

RECIPE = Recipe(
    architecture=Architecture((1, 28, 28), 10, ((64, 64), (88, 88, 88)), stem=32, stem_stride=2),
    epochs=16,
    average=0.998,
    bfloat16=True,
    augment=Augment(rotate=10, scale=0.1, shear=0.15, shift=2),
)

CLASSIFIER = member(
    RECIPE,
    "hoda",
    held_out=1 / 30,
    summary="handwritten Persian digits, 28x28 grey",
    licence="Hoda is free for research and non-commercial use; these weights were trained on it and hold no image of "
    "it",
)
