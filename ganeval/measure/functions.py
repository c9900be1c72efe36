"""Every metric as a public function: `fid(real, fake)`, `classifier_score(images, labels, classifier="hoda")`.

One function is made for each registered metric, so a new metric has one without being listed. What may be passed is
read from the metric's own options, `Protocol` and `Compute`; there is no other list.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any, get_args
from typing import Protocol as Shape

from ganeval.classifiers import CLASSIFIERS
from ganeval.classifiers.catalog import judges_for
from ganeval.core.compute import HERE, Compute
from ganeval.core.extractor import Extractor
from ganeval.core.registry import unknown_name
from ganeval.errors import GanevalError, UndefinedError, UnknownNameError, WrongInputError, guarded, printable
from ganeval.features import extraction
from ganeval.features.rows import Features
from ganeval.images import image_set, is_generator
from ganeval.images.imageset import ImageSet
from ganeval.measure.measure import measure, scores_of
from ganeval.metrics import CLASSIFYING, METRICS, Metric
from ganeval.records.protocol import CALL, Labels, Protocol
from ganeval.records.scores import Evaluation, Score

PROTOCOL = {f.name: f for f in fields(Protocol)}
COMPUTE = {f.name: f for f in fields(Compute)}
DECIDED = {"metrics", "options", "floor"}  # what a function of one metric leaves no choice about


class TwoSets(Shape):
    """A metric of two sets: anything `ganeval.image_set` opens, `Features`, or (n, d) floating-point rows.

    `how` are fields of `Protocol` and `Compute`, and the metric's own options.
    """

    def __call__(
        self, real: Any, fake: Any = None, *, labels: Any = None, generator: Any = None, **how: Any
    ) -> Score: ...


class OneSet(Shape):
    """A metric of generated images alone, with the labels that they were asked for where it needs them."""

    def __call__(self, images: Any = None, labels: Any = None, *, generator: Any = None, **how: Any) -> Score: ...


@guarded
def evaluate(
    real: Any,
    fake: Any = None,
    *,
    labels: Any = None,
    generator: Any = None,
    latents: str = "",
    name: str = "",
    step: int | None = None,
    exhibits: bool = False,
    **how: Any,
) -> Evaluation:
    """All metrics of one set of generated images: `measure` with the fields of `Protocol` and `Compute` as arguments.

    labels: (n,) integers, one for each generated image; or the protocol's word for what a generator is asked for,
    "balanced" or "none".

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> e = evaluate(rng.normal(size=(99, 4)), rng.normal(size=(80, 4)), metrics=["fid"])
    >>> e["fid"].ok, e["fid"].n, e.fake.extractor
    (True, 80, 'given')
    """
    labels, how = _labels_or_word(labels, how)
    protocol, compute = protocol_and_compute("evaluate", {"real": real, **how})
    return measure(
        fake,
        protocol,
        compute,
        labels=labels,
        generator=generator,
        latents=latents,
        name=name,
        step=step,
        exhibits=exhibits,
    )


@guarded
def extract(
    images: ImageSet, extractor: str | Extractor, *, precision: str = "fp32", compute: Compute = HERE, **how: Any
) -> Features:
    """Every image through the extractor once: `Features`, for several questions about the same images.

    images: uint8 (n, c, h, w), as `image_set` opens them. extractor: a name, or an object that is one. precision:
    "fp32" or "bf16". `how` are fields of `Compute`, as in every function here (cache=False, device="cpu",
    batch_size=64), and are stronger than `compute`.

    >>> import numpy as np
    >>> two = ImageSet.from_array(np.zeros((2, 1, 4, 4), dtype=np.uint8))
    >>> tuple(extract(two, "pixels", cache=False).embeddings.shape)
    (2, 16)
    """
    for key in how:
        if key not in COMPUTE:
            raise UnknownNameError(unknown_name("option of extract", key, {**COMPUTE, "precision": 0, "compute": 0}))
    return extraction.extract(images, extractor, precision=precision, compute=replace(compute, **how))


def function_of(name: str) -> TwoSets | OneSet:
    """The public function of the metric `name`, with the metric's card as its docstring.

    >>> function_of("fid").__name__
    'fid'
    """
    metric = METRICS[name]
    function = _two_sets(metric) if metric.compares else _one_set(metric)
    function.__name__ = function.__qualname__ = metric.name
    function.__doc__ = metric.card
    function.__signature__ = _signature(function, metric.options, DECIDED, Score)
    return guarded(function)


def protocol_and_compute(
    function: str, how: Mapping[str, Any], own: Mapping[str, Any] = {}
) -> tuple[Protocol, Compute]:
    """Keyword arguments sorted into a protocol and a machine; an unknown one answers with the known ones."""
    known = {**PROTOCOL, **COMPUTE, **own}
    for key in how:
        if key not in known:
            raise UnknownNameError(unknown_name(f"option of {function}", key, known))
    protocol, _ = Protocol.layered((CALL, {k: v for k, v in how.items() if k in PROTOCOL}))
    return protocol, Compute(**{k: v for k, v in how.items() if k in COMPUTE})


def _two_sets(metric: Metric) -> Any:
    def function(real: Any, fake: Any = None, *, labels: Any = None, generator: Any = None, **how: Any) -> Score:
        role = {"real": real} if metric.against == "real" else {"train": real}
        return _score(metric, role, fake, labels, generator, how)

    return function


def _one_set(metric: Metric) -> Any:
    def function(images: Any = None, labels: Any = None, *, generator: Any = None, **how: Any) -> Score:
        return _score(metric, {}, images, labels, generator, how)

    return function


def _score(
    metric: Metric, role: Mapping[str, Any], fake: Any, labels: Any, generator: Any, how: Mapping[str, Any]
) -> Score:
    labels, how = _labels_or_word(labels, how)
    role = {**role, **({"paired": True} if metric.paired else {})}  # who asks by name says that they are pairs
    options = {key: value for key, value in how.items() if key in metric.options}
    rest = {key: value for key, value in how.items() if key not in metric.options}
    if fake is None or is_generator(fake):  # of which this metric draws as many as it looks at
        rest.update({key: how.get(key, metric.options[key]) for key in PROTOCOL.keys() & metric.options.keys()})
    for key in DECIDED & set(rest):
        raise UnknownNameError(f"{metric.name} takes no {key}=; pass its options by name, or use evaluate.")
    protocol, compute = protocol_and_compute(metric.name, {**role, **rest}, metric.options)
    protocol = protocol.with_(metrics=(metric.name,), options={metric.name: options} if options else {}, floor=False)
    _require_classifier(metric, fake, protocol)
    found = scores_of(fake, protocol, compute, labels=labels, generator=generator)[1][0][2]
    if isinstance(found, Exception):
        raise found
    return found


def _labels_or_word(labels: Any, how: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A word is no label of an image but what a protocol says of labels."""
    if not isinstance(labels, str):
        return labels, dict(how)
    if labels not in get_args(Labels):
        raise WrongInputError(
            f"labels must be one whole number for each generated image, or one of {', '.join(get_args(Labels))}; got "
            f"{printable(labels)!r}. Where real images are needed, they are named real=."
        )
    return None, {**how, "labels": labels}


def _require_classifier(metric: Metric, fake: Any, protocol: Protocol) -> None:
    """Inception's thousand classes say nothing about a label, so what an image shows is asked of a named classifier."""
    unnamed = protocol.classifier is None and protocol.extractor is None
    if metric.needs & CLASSIFYING and unnamed and not isinstance(fake, Features):
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


def _signature(function: Any, own: Mapping[str, Any], decided: set[str], returns: type) -> inspect.Signature:
    """The arguments that `how` stands for, written out for `help()` and editors."""
    said = [p for p in inspect.signature(function).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    taken = {p.name for p in said} | decided
    defaults = {**own, **{name: _default(f) for name, f in {**PROTOCOL, **COMPUTE}.items()}}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
        for name, value in defaults.items()
        if name not in taken
    ]
    return inspect.Signature([*said, *more], return_annotation=returns)


def _default(field: Any) -> Any:
    return {} if field.name == "options" else field.default


evaluate.__signature__ = _signature(evaluate, {}, set(), Evaluation)  # pyright: ignore[reportFunctionMemberAccess]
