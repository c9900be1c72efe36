"""`train_classifier`: a classifier for any labelled images, in one call; what GAN-train and CAS are measured with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.classifiers.augment import Augment
from ganeval.classifiers.classifier import Classifier, Images, pixels_of, require_two, weights_digest
from ganeval.classifiers.member import Part, classifier_of, settle
from ganeval.classifiers.network import Architecture
from ganeval.classifiers.training import Recipe, fit
from ganeval.errors import WrongInputError, guarded
from ganeval.images.labels import checked_labels
from ganeval.images.subset import checked_count, checked_seed
from ganeval.numerics.settings import undisturbed

Labels = torch.Tensor | NDArray[np.integer] | Sequence[int]


def judge_recipe(shape: tuple[int, int, int], classes: int, *, seed: int, epochs: float) -> Recipe:
    """A recipe for images of this shape: above 20 pixels the first layer already halves the resolution.

    No left-right flips: they turn one digit into another.
    """
    large = min(shape[1:]) > 20
    stages = ((48, 48), (64, 64)) if large else ((32, 32), (64, 64))
    return Recipe(
        Architecture(shape, classes, stages, stem_stride=2 if large else 1),
        epochs=epochs,
        seed=seed,
        average=0.99,
        augment=Augment(rotate=8, scale=0.08, shift=1),
        threads=None,
    )


@undisturbed()
@guarded
def train_classifier(
    images: Images,
    labels: Labels,
    n_classes: int,
    *,
    seed: int = 0,
    epochs: float = 5,
    steps: int | None = None,
    val: tuple[Images, Labels] | None = None,
    recipe: Recipe | None = None,
    progress: str = "",
    device: torch.device | str = "cpu",
    class_names: Sequence[str] = (),
    name: str = "judge",
) -> Classifier:
    """Train a small classifier on uint8 (n, c, h, w) images and labels (n,) in [0, n_classes).

    `epochs` are passes over the images; `steps`, if given, counts batches instead, so that sets of different sizes get
    the same effort. `val` sets the temperature of the logits and nothing else. `recipe` replaces the default one,
    seed and epochs included. Equal arguments and threads give equal weights; the global random state stays untouched.

    Returns: a `Classifier`; `.logits(images)` is (n, n_classes) float32. A class without images is simply never learnt.
    Its embedding is standardised on `images`, but may lack full rank there: 50 copies of one image are a legal set.
    Raises: `WrongInputError` for images that are not uint8 (n, c, h, w), labels out of range or of another length.
    """
    if val is not None:
        require_two(val, "val=")
    _require_sense(n_classes, class_names, steps, epochs)
    checked_seed(seed)
    train = _checked(images, labels, n_classes)
    c, h, w = train.images.shape[1:]
    recipe = recipe or judge_recipe((c, h, w), n_classes, seed=seed, epochs=epochs)
    if steps is not None:
        recipe = recipe.with_steps(steps, len(train.images))
    network = fit(train.images, train.labels, recipe, progress=progress, device=device).cpu()
    held_out = None if val is None else _checked(val[0], val[1], n_classes)
    settle(network, train.images, held_out, name)
    names = class_names or [str(k) for k in range(n_classes)]
    return classifier_of(name, network, names, weights_digest(network)).to(device)


def _require_sense(n_classes: int, class_names: Sequence[str], steps: int | None, epochs: float) -> None:
    if n_classes < 2:
        raise WrongInputError(f"A classifier tells at least 2 classes apart; got n_classes={n_classes}.")
    if class_names and (len(class_names) != n_classes or len(set(class_names)) != n_classes):
        raise WrongInputError(
            f"class_names must be {n_classes} different names, in the order of the labels; got {list(class_names)}."
        )
    if steps is not None:
        checked_count(steps, "steps")
    if not 0 < epochs < math.inf:
        raise WrongInputError(f"epochs must be a positive number of passes over the images; got {epochs}.")


def _checked(images: Images, labels: Labels, classes: int) -> Part:
    x = pixels_of(images, "A classifier that is trained")
    if x.shape[1] not in (1, 3) or 0 in x.shape[1:]:
        raise WrongInputError(
            f"A classifier looks at grey or RGB images; got {tuple(x.shape)}, (n, c, h, w) with c 1 or 3."
        )
    y = torch.from_numpy(checked_labels(labels, len(x), "a classifier"))
    if len(y) < 2 or int(y.min()) < 0 or int(y.max()) >= classes:
        raise WrongInputError(
            f"A classifier needs at least 2 images, labelled 0 to {classes - 1}; got {len(y)} labels"
            + (f" from {int(y.min())} to {int(y.max())}." if len(y) else ".")
        )
    return Part("given", x.cpu(), y)
