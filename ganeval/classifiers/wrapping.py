"""`wrap`: any `torch.nn.Module` as a classifier, standardised, calibrated and measured the way the shipped ones are."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganeval.classifiers.behaviour import SHAPES, behaviour, code_of
from ganeval.classifiers.calibration import fit_temperature
from ganeval.classifiers.card import confusion_matrix
from ganeval.classifiers.classifier import Classifier, Images, pixels_of, require_live, require_two, run, weights_digest
from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError, WrongInputError, guarded
from ganeval.images.labels import checked_labels
from ganeval.numerics.logits import require_logits

Labelled = tuple[Images, torch.Tensor | NDArray[np.integer]]  # with int64 (n,)


@guarded
def wrap(
    module: nn.Module,
    *,
    name: str,
    preprocess: Callable[[torch.Tensor], torch.Tensor],
    preprocessing: str,
    class_names: Sequence[str] = (),
    layer: str | None = None,
    train: Images | None = None,
    held_out: Labelled | None = None,
    test: Labelled | None = None,
) -> Classifier:
    """Make a `Classifier` of a trained network; the network itself is copied, not changed.

    `preprocess` maps uint8 (n, c, h, w) to the network's input, image by image; `preprocessing` says in one line what
    it does, because two classifiers are comparable only if these lines agree. `layer` is the dotted name of the
    submodule whose output, flattened, is the embedding: choose one *before* the last activation. Without it the
    network must return (embeddings, logits) itself. A backbone without a head returns embeddings alone: leave
    `class_names` out, and it serves as an extractor.

    Logits come before the softmax. A network that ends in one is refused when it is used; logarithms of probabilities
    will do. Images may be arrays, tensors or image sets.

    `train` images standardise the embedding and must give it full rank; `held_out` images and labels set the
    temperature; `test` ones, unseen so far, give the confusion matrix that corrects label scores for the classifier's
    own errors. Each may be left out, and then that step is.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> judge = wrap(net, name="mine", preprocess=lambda x: x / 255, preprocessing="x / 255",
    ...              class_names=("a", "b"), layer="1")
    >>> tuple(judge(torch.zeros(5, 1, 2, 2, dtype=torch.uint8)).embeddings.shape)
    (5, 3)
    """
    if not isinstance(module, nn.Module):
        raise WrongInputError(
            f"wrap takes a torch.nn.Module; got {type(module).__name__}. See wrap_sklearn for pipelines."
        )
    inner = copy.deepcopy(module).eval().requires_grad_(False)
    if layer is not None:
        known = [key for key, _ in inner.named_modules() if key]
        if layer not in known:
            raise UnknownNameError(unknown_name(f"layer of {name}", layer, known))
    plain = Classifier(
        name=name,
        class_names=tuple(class_names),
        preprocessing=preprocessing,
        weights_sha256="",
        module=Settled(inner, layer),
        preprocess=preprocess,
    )
    return settled_classifier(plain, train=train, held_out=held_out, test=test)


class Settled(nn.Module):
    """Around a network: takes the embedding at `layer`, standardises it, divides the logits by the temperature."""

    mean: torch.Tensor
    std: torch.Tensor
    temperature: torch.Tensor

    def __init__(self, inner: nn.Module, layer: str | None) -> None:
        super().__init__()
        self.inner, self.layer = inner, layer
        for name, neutral in (("mean", 0.0), ("std", 1.0), ("temperature", 1.0)):
            self.register_buffer(name, torch.tensor(neutral))

    def extra_repr(self) -> str:
        return f"layer={self.layer}"

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        embeddings, logits = self._both(images)
        settled = None if logits is None else logits.float() / self.temperature
        return (embeddings.float() - self.mean) / self.std, settled

    def _both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self.layer is None:
            return _pair(self.inner(images))
        seen: list[torch.Tensor] = []

        def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            seen.append(output.clone())  # an in-place activation may follow

        handle = self.inner.get_submodule(self.layer).register_forward_hook(keep)
        try:
            logits = self.inner(images)
        finally:
            handle.remove()
        if len(seen) != 1:
            raise WrongInputError(
                f"The layer {self.layer!r} must run once for a batch; it ran {len(seen)} times. Choose another."
            )
        return seen[0].flatten(1), _logits(logits)


def settled_classifier(
    plain: Classifier, *, train: Images | None, held_out: Labelled | None, test: Labelled | None
) -> Classifier:
    """Learn mean, deviation and temperature, measure the confusion matrix; `plain.module` is a `Settled`."""
    module = plain.module
    if len(set(plain.class_names)) != len(plain.class_names):
        raise WrongInputError(f"Classes of {plain.name} need different names; got {list(plain.class_names)}.")
    if train is not None:
        embeddings, _ = run(plain, train)
        require_live(embeddings, plain.name)
        module.mean = embeddings.double().mean(0).float()
        module.std = embeddings.double().std(0).float()
    for name, labelled in (("held_out", held_out), ("test", test)):
        if labelled is not None:
            require_two(labelled, f"{name}=")
    if not plain.class_names and (held_out is not None or test is not None):
        raise WrongInputError(f"{plain.name} has no classes, so labelled images say nothing of it. Pass class_names.")
    if held_out is not None:
        logits = plain.logits(held_out[0])
        require_logits(logits)  # divided by a temperature, probabilities would no longer sum to one
        temperature = fit_temperature(logits.numpy(), _labels(held_out, plain))
        module.temperature = torch.tensor(temperature, dtype=torch.float32)
    confusion = None
    if test is not None:
        predicted = plain.logits(test[0]).argmax(1).numpy()
        confusion = confusion_matrix(predicted, _labels(test, plain), len(plain.class_names))
    given = [train, *(labelled[0] for labelled in (held_out, test) if labelled is not None)]
    shapes = [_shape(images, plain.name) for images in given if images is not None]
    return replace(plain, weights_sha256=_identity(plain, shapes), confusion=confusion)


def _shape(images: Images, name: str) -> tuple[int, int, int]:
    _, c, h, w = pixels_of(images, name).shape
    return c, h, w


def _identity(plain: Classifier, shapes: Sequence[tuple[int, int, int]]) -> str:
    """Of the weights, the modules, and of what both and `preprocess` make of noise: functions have no other name."""
    made = behaviour(plain.module, plain.preprocess, (*SHAPES, *shapes)) or code_of(plain.preprocess)
    weights = plain.weights_sha256 or f"{weights_digest(plain.module)} {plain.module}"
    return hashlib.sha256(f"{weights} {made}".encode()).hexdigest()


def _labels(labelled: Labelled, classifier: Classifier) -> np.ndarray:
    labels, classes = checked_labels(labelled[1], len(labelled[0]), classifier.name), len(classifier.class_names)
    if labels.max() >= classes:
        raise WrongInputError(
            f"{classifier.name} needs one label from 0 to {classes - 1} for each image; got {labels.max()}."
        )
    return labels


def _logits(output: object) -> torch.Tensor | None:
    """What a network whose embedding is taken inside gives at its end."""
    if output is None or (isinstance(output, torch.Tensor) and output.ndim > 1):
        return output
    what = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
    raise WrongInputError(
        f"A network must return its logits, a tensor (n, k); this one returned {what}. Wrap a module of yours whose "
        "forward returns them, such as self.model(x).logits."
    )


def _pair(output: object) -> tuple[torch.Tensor, torch.Tensor | None]:
    if isinstance(output, torch.Tensor):
        return output.flatten(1), None
    if isinstance(output, tuple) and len(output) == 2 and all(isinstance(part, torch.Tensor) for part in output):
        return output
    raise WrongInputError(
        "Without `layer` the network must return embeddings or (embeddings, logits); it returned "
        f"{type(output).__name__}. Name the layer whose output is the embedding."
    )
