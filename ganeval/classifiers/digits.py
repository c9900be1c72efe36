"""`digits-cnn`: the 8x8 digits of scikit-learn; needs no file, so every demonstration and test can use it."""

from __future__ import annotations

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.member import member
from ganeval.classifiers.network import Architecture
from ganeval.classifiers.training import Recipe

RECIPE = Recipe(
    architecture=Architecture((1, 8, 8), 10, ((32, 32), (64, 64)), stem=32, pixel_mean=0.3, pixel_std=0.38),
    epochs=60,
    batch=64,
    weight_decay=0.1,
    average=0.99,
    augment=Augment(rotate=12, scale=0.1, shear=0.1, shift=1),
)

CLASSIFIER = member(
    RECIPE,
    "digits",
    held_out=0.15,
    summary="handwritten digits, 8x8 grey (UCI, in scikit-learn)",
    licence="CC BY 4.0 (UCI machine learning repository)",
)
