"""One function per registered metric: `fid(real, fake)`, `classifier_score(images, labels, classifier="hoda")`.

A door opens whatever people have (folders, archives, arrays, tensors, data set names, generators, features), sends it
through one network and asks one metric. For many metrics at once, with floors and a record, see `evaluate`.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any, Protocol

from ganeval.classifiers import CLASSIFIERS
from ganeval.classifiers.catalog import judges_for
from ganeval.core.extractor import Extractor
from ganeval.core.registry import unknown_name
from ganeval.errors import GanevalError, UndefinedError, UnknownNameError, guarded
from ganeval.features.extraction import Features
from ganeval.images import image_set
from ganeval.measure.evaluation import JUDGED, Setup, pairs_of
from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import Score

_OPTIONS: dict[str, Any] = {
    "extractor": None, "classifier": None, "heldout": None, "labels": None, "n": None, "seed": 0,
    "device": "auto", "precision": "fp32", "generator": None, "cache": True,
}  # fmt: skip


class TwoSets(Protocol):
    """A metric of real and fake images: anything `ganeval.images.image_set` opens, `Features`, or (n, d) float rows."""

    def __call__(
        self,
        real: Any,
        fake: Any = None,
        *,
        extractor: str | Extractor | None = None,
        classifier: str | Extractor | None = None,
        heldout: Any = None,
        labels: Any = None,
        n: int | None = None,
        seed: int = 0,
        device: str = "auto",
        precision: str = "fp32",
        generator: Any = None,
        cache: bool = True,
        **options: Any,
    ) -> Score: ...


class OneSet(Protocol):
    """A metric of generated images alone, with the labels that were asked for where it needs them."""

    def __call__(
        self,
        images: Any = None,
        labels: Any = None,
        *,
        classifier: str | Extractor | None = None,
        real: Any = None,
        extractor: str | Extractor | None = None,
        heldout: Any = None,
        n: int | None = None,
        seed: int = 0,
        device: str = "auto",
        precision: str = "fp32",
        generator: Any = None,
        cache: bool = True,
        **options: Any,
    ) -> Score: ...


def door(name: str) -> TwoSets | OneSet:
    """The public function of the metric `name`, with the metric's card as its docstring.

    >>> door("fid").__name__
    'fid'
    """
    metric = METRICS[name]
    function = _two_sets(metric) if "real" in metric.needs else _one_set(metric)
    function.__name__ = function.__qualname__ = metric.name
    function.__doc__ = (
        f"{metric.card}\n\nOpened by `ganeval.measure.functions`; options beyond the metric's own: see `evaluate`.\n"
    )
    function.__signature__ = _signature(function, metric)
    return guarded(function)


def _two_sets(metric: Metric) -> Any:
    def function(real: Any, fake: Any = None, **given: Any) -> Score:
        return _score(metric, real, fake, given)

    return function


def _one_set(metric: Metric) -> Any:
    def function(images: Any = None, labels: Any = None, *, real: Any = None, **given: Any) -> Score:
        return _score(metric, real, images, {"labels": labels, **given})

    return function


def _score(metric: Metric, real: Any, fake: Any, given: dict[str, Any]) -> Score:
    for key in given:
        if key not in metric.options and key not in _OPTIONS:
            raise UnknownNameError(unknown_name(f"option of {metric.name}", key, {**metric.options, **_OPTIONS}))
    ours = {key: given.get(key, default) for key, default in _OPTIONS.items()}
    heldout, generator = ours.pop("heldout"), ours.pop("generator")
    _require_judge(metric, fake, ours)
    own = {key: value for key, value in given.items() if key in metric.options and key != "seed"}
    setup = Setup(**ours)
    options = metric.checked(metric.seeded(setup.seed, own) if "seed" in given else own)
    pairs = pairs_of(real, fake, heldout, generator, setup)
    return metric(pairs.of(metric), **options)


def _require_judge(metric: Metric, fake: Any, ours: dict[str, Any]) -> None:
    """Inception's thousand classes say nothing about a label, so a question to a judge has no default judge."""
    unnamed = ours["classifier"] is None and ours["extractor"] is None
    if metric.needs & JUDGED and unnamed and not isinstance(fake, Features):
        raise UndefinedError(
            f"{metric.name} asks a classifier what each image shows; none was named. {_fitting(fake)} "
            "Or pass extractor='inception' for its own 1008 classes."
        )


def _fitting(fake: Any) -> str:
    """The classifiers that take these images, where a look at them is cheap; else all of them."""
    if not callable(fake):
        with suppress(GanevalError):
            return judges_for(image_set(fake).shape)
    return f"Pass classifier=, one of: {', '.join(CLASSIFIERS.names()) or 'none'}."


def _signature(function: Any, metric: Metric) -> inspect.Signature:
    own = [p for p in inspect.signature(function).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    taken = {p.name for p in own}
    extra = {name: default for name, default in {**metric.options, **_OPTIONS}.items() if name not in taken}
    keyword = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in extra.items()]
    return inspect.Signature([*own, *keyword], return_annotation=Score)
