"""`mnist-cnn`: handwritten digits, 28x28."""

from __future__ import annotations

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.member import member
from ganeval.classifiers.network import Architecture
from ganeval.classifiers.training import Recipe

RECIPE = Recipe(
    architecture=Architecture((1, 28, 28), 10, ((64, 64), (88, 88, 88)), stem=32, stem_stride=2),
    epochs=20,
    average=0.998,
    bfloat16=True,
    augment=Augment(rotate=10, scale=0.1, shear=0.15, shift=2),
)

CLASSIFIER = member(
    RECIPE,
    "mnist",
    held_out=1 / 30,
    summary="handwritten digits, 28x28 grey",
    licence="MNIST: CC BY-SA 3.0 (LeCun, Cortes, Burges)",
)
