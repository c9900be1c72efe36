"""The list of classifiers: one file each in this folder, then the entry-point group `ganeval.classifiers`."""

from __future__ import annotations

from ganeval.core.extractor import ExtractorSpec
from ganeval.core.registry import Registry

CLASSIFIERS = Registry(ExtractorSpec, "ganeval.classifiers", "classifier")


def judges_for(shape: tuple[int, int, int]) -> str:
    """A sentence that names the classifiers which take images of this shape (c, h, w), or says how to get one.

    >>> judges_for((1, 8, 8))
    'Pass classifier=, one of: digits, which take 8 x 8 grey images.'
    """
    seen = f"{shape[1]} x {shape[2]} {'grey' if shape[0] == 1 else 'colour'} images"
    fitting = [spec.name for spec in CLASSIFIERS if spec.shape == shape]
    if fitting:
        return f"Pass classifier=, one of: {', '.join(fitting)}, which take {seen}."
    return (
        f"No shipped classifier takes {seen}: train one on labelled images with `ganeval zoo train FOLDER` or "
        "ganeval.classifiers.train_classifier, or wrap your own with ganeval.classifiers.wrap."
    )
