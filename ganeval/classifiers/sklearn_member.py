"""`wrap_sklearn`: a fitted scikit-learn pipeline as a classifier, for instance HOG and an SVM, or pixels and kNN.

Pixels reach the pipeline as rows (n, c * h * w), float64 in [0, 1]. The embedding is what enters its last step; the
logits are the logarithms of `predict_proba`, floored at one in a million (kNN says exactly 0), or, where there are no
probabilities, the `decision_function`. Either is divided by a temperature if held-out images are given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from ganeval.classifiers.classifier import Classifier, Images
from ganeval.classifiers.hog import hog
from ganeval.classifiers.network import to_unit
from ganeval.classifiers.wrapping import Labelled, Settled, settled_classifier
from ganeval.errors import WrongInputError, guarded
from ganeval.images.tensors import as_numpy

PROBABILITY_FLOOR = 1e-6
DEPTH = 16  # of nested estimators that the digest walks into


@guarded
def wrap_sklearn(
    pipeline: Any,
    *,
    name: str,
    class_names: Sequence[str],
    shape: tuple[int, int, int],
    train: Images | None = None,
    held_out: Labelled | None = None,
    test: Labelled | None = None,
) -> Classifier:
    """Make a `Classifier` of a fitted scikit-learn `Pipeline` for uint8 images of `shape` (c, h, w).

    Its classes must be 0 to k - 1 in the order of `class_names`. A good embedding needs full rank: end the transforms
    with `PCA(64, whiten=True)`, say. `train`, `held_out` and `test` mean what they mean in `wrap`.

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> pixels, labels = load_digits(return_X_y=True)
    >>> knn = make_pipeline(PCA(16, whiten=True), KNeighborsClassifier(5)).fit(pixels[:900] / 16, labels[:900])
    >>> judge = wrap_sklearn(knn, name="digits-knn", class_names="0123456789", shape=(1, 8, 8))
    >>> images = torch.tensor(pixels[900:905] * 255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    >>> judge.logits(images).argmax(1).tolist() == labels[900:905].tolist()
    True
    """
    if len(shape) != 3:
        raise WrongInputError(f"shape must be (c, h, w), for example (1, 28, 28); got {shape}.")
    if pipeline is not None and not hasattr(pipeline, "steps"):
        raise WrongInputError(f"{name} needs a Pipeline; got {type(pipeline).__name__}. Pass make_pipeline(estimator).")
    classes = np.asarray(getattr(pipeline, "classes_", ()))
    if not np.array_equal(classes, np.arange(len(class_names))):
        raise WrongInputError(
            f"{name} needs a fitted pipeline whose classes are 0 to {len(class_names) - 1}; got {classes.tolist()}. "
            "Fit it on integer labels, and name every class."
        )
    plain = Classifier(
        name=name,
        class_names=tuple(class_names),
        weights_sha256=estimator_digest(pipeline),
        preprocessing=f"rows of {shape[0]}x{shape[1]}x{shape[2]} pixels, no resizing, x / 255",
        module=Settled(_Pipeline(pipeline), None),
        preprocess=partial(to_unit, shape=shape, name=name),
    )
    return settled_classifier(plain, train=train, held_out=held_out, test=test)


def hog_transformer(shape: tuple[int, int], *, cell: int = 4, bins: int = 9) -> Any:
    """A scikit-learn transformer of flat images to HOG descriptors: `make_pipeline(hog_transformer((28, 28)),
    SVC())`.
    """
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(hog, kw_args={"shape": shape, "cell": cell, "bins": bins})


def estimator_digest(estimator: Any) -> str:
    """SHA-256 over the parameters and fitted arrays of an estimator and of those inside it."""
    digest = hashlib.sha256()
    for line in _content(estimator, DEPTH):
        digest.update(line)
    return digest.hexdigest()


class _Pipeline(nn.Module):
    def __init__(self, pipeline: Any) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = images.flatten(1).cpu().numpy().astype(np.float64)
        transforms, last = self.pipeline[:-1], self.pipeline[-1]
        embedded = np.asarray(transforms.transform(rows) if len(transforms) else rows)
        parts = (embedded, _logits(last, embedded))
        embeddings, logits = (torch.as_tensor(part, dtype=torch.float32, device=images.device) for part in parts)
        return embeddings, logits


def _logits(last: Any, embedded: np.ndarray) -> np.ndarray:
    if hasattr(last, "predict_proba"):
        return np.log(np.maximum(last.predict_proba(embedded), PROBABILITY_FLOOR))
    scores = last.decision_function(embedded)
    return np.stack([-scores / 2, scores / 2], axis=1) if scores.ndim == 1 else scores


def _content(value: Any, depth: int) -> list[bytes]:
    """Arrays byte by byte, plain values as text, all else as its class and its state: attributes, or what it would
    pickle.
    """
    if isinstance(value, np.ndarray) and value.dtype != object and not value.dtype.names:
        return [f"{value.dtype}{value.shape}".encode(), np.ascontiguousarray(value).tobytes()]
    if value is None or isinstance(value, bool | int | float | str | bytes | bytearray | np.generic):
        return [repr(value).encode()]
    named = type(value).__qualname__.encode()
    return [named, *(line for part in _parts(value) for line in _content(part, depth - 1))] if depth else [named]


def _parts(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray) and value.dtype.names:  # field by field: what lies between fields is chance
        return [part for name in value.dtype.names for part in (name, value[name])]
    if isinstance(value, list | tuple | np.ndarray):
        return list(value)
    if isinstance(value, dict):
        return [part for key in sorted(value, key=str) for part in (str(key), value[key])]
    return [_state(value)]


def _state(value: Any) -> Any:
    """Attributes where there are any; of compiled things, such as a tree's nodes, what they say of themselves."""
    if isinstance(value, torch.Tensor):
        return as_numpy(value)
    if hasattr(value, "__code__"):
        return value.__qualname__
    if hasattr(value, "__dict__"):
        return vars(value)
    try:
        return value.__getstate__()
    except (AttributeError, TypeError):  # it keeps itself to itself: its class has to do
        return None
