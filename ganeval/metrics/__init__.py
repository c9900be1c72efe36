"""What a metric is: a name, a direction, a version, a paper, and a pure function `Pair -> Score`."""

from __future__ import annotations

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="A metric")

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch

from ganeval.classifiers.catalog import judges_for
from ganeval.core.options import Option, options_of
from ganeval.core.registry import Registry, unknown_name
from ganeval.errors import UndefinedError, UnknownNameError, WrongInputError
from ganeval.features.matched import require_matched
from ganeval.features.pair import Pair
from ganeval.records.scores import Better, Question, Score

Against = Literal["real", "train"]


@dataclass(frozen=True, eq=False)
class Metric:
    """A registered metric. Calling it checks what it needs, runs it, and stamps name and signature on the score."""

    name: str
    compute: Callable[..., Score]
    better: Better
    perfect: float | None  # value for identical sets, None where there is no single one
    version: int  # bumped when a change of code moves the number
    paper: str
    question: Question
    # Of the pair: "real" (rows), "real_moments", "moments" (of the fakes: else their rows), "heldout", "logits",
    # "real_logits", "labels", "real_labels", "pixels", "real_pixels", "generator", "confusion", "paired", "eyes".
    needs: frozenset[str]
    biased_in_n: bool = False  # True: only equal n may be compared
    options: dict[str, Any] = field(default_factory=dict)  # option name -> default
    slow: bool = False  # True: only runs when it is asked for by name (it trains a network, or takes minutes)
    wants: frozenset[str] = frozenset()  # of Pair: used where it is there, not needed
    within: tuple[float, float] = (-math.inf, math.inf)  # every value lies here, ends included
    least_n: int = 2  # fakes below which the stated error does not hold: there is none then
    against: Against = "real"  # which images it compares the fakes with, by their role
    eye: str = ""  # the extractor that its number is defined by, whatever the protocol's is
    shares: tuple[str, ...] | None = None  # options with which it can do where no process has all rows; None: it cannot
    exact: bool = False  # True: an exact test finds `perfect` in two samples of one distribution, but for false alarms

    @property
    def card(self) -> str:
        """The docstring: shapes, range, bias, error, source."""
        return inspect.getdoc(self.compute) or ""

    @cached_property
    def declared(self) -> dict[str, Option]:
        """Kind and range of each option, from the annotations of `compute`."""
        return options_of(self.compute, self.options)

    def __reduce__(self) -> tuple[Any, ...]:
        """By name: what holds a metric can be sent to another process, as torchmetrics does."""
        return _registered, (self.name,)

    def __call__(self, pair: Pair, **options: Any) -> Score:
        options = self.checked(options)
        self._require(pair)
        try:
            with np.errstate(over="raise", invalid="raise"):
                score, drew = pair.drew(lambda: self.compute(pair, **options))
        except UNSOUND as error:
            raise UndefinedError(f"{self.name} has no value here: {_said(error)}. {_LOOK}") from error
        self._require_sound(score)
        return self._with_honest_error(score).with_(
            name=self.name,
            better=self.better,
            perfect=self.perfect,
            version=self.version,
            question=self.question,
            biased_in_n=self.biased_in_n,
            signature=self._signature(pair, {**self.options, **options}, drew=drew),
        )

    def checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """`options` as plain values; raises for an unknown name, a wrong kind or range, and for one without effect."""
        for key in options:
            if key not in self.options:
                raise UnknownNameError(unknown_name(f"option of {self.name}", key, self.options))
        plain = {key: self.declared[key].checked(value, self.name) for key, value in options.items()}
        for key, value in plain.items():
            beside = "" if value is None else self.declared[key].is_idle(plain)
            if beside:
                raise WrongInputError(f"{key} of {self.name} has no effect without {beside}; pass {beside} too.")
        return plain

    @property
    def takes_moments(self) -> bool:
        """Whether moments of the real images are enough for it."""
        return "real_moments" in self.needs

    def is_content_with_moments(self, options: Mapping[str, Any]) -> bool:
        """Whether it needs no row of the fakes: it reads their moments, and is asked for no error."""
        asked = self.checked(options)
        return "moments" in self.needs and asked.get("se") is False

    def takes_shares(self, options: Mapping[str, Any]) -> bool:
        """Whether each process may keep its own rows: with these options it asks for what a `Pair` shares alone."""
        return self.shares is not None and set(options) <= {*self.shares}

    @property
    def compares(self) -> bool:
        """Whether it is a question about two sets."""
        return bool(self.needs & {"real", "real_moments"})

    @property
    def roles(self) -> frozenset[str]:
        """The sets that the number depends on: "real", "heldout", and "fake" but where it asks the generator itself."""
        uses = self.needs | self.wants
        own = frozenset(role for role in ("real", "heldout") if any(need.startswith(role) for need in uses))
        return own if "generator" in self.needs else own | {"fake"}

    @property
    def paired(self) -> bool:
        """Whether it compares real image i with fake image i, so that the protocol must say that they are pairs."""
        return "paired" in self.needs

    @property
    def several_eyes(self) -> bool:
        """Whether it asks further networks, so that the protocol must name some."""
        return "eyes" in self.needs

    @property
    def only_pixels(self) -> bool:
        """Whether no network has a part in the number."""
        return (self.paired and "pixels" in self.needs) or "real_pixels" in self.needs

    def _require(self, pair: Pair) -> None:
        """What the question needs is there, and the arithmetic can hold what it looks at."""
        missing = pair.missing(self.needs if "moments" in self.needs else self.needs | {"rows"})
        if missing:
            remedy = pair.withheld(missing[0]) or pair.unlabelled(missing[0]) or _remedy(missing[0], pair)
            raise UndefinedError(f"{self.name} needs {' and '.join(missing)}. {remedy}".strip())
        if self.needs & {"logits", "real_logits"}:
            pair.require_classes()
        if not self.needs & _NO_EMBEDDINGS:
            pair.require_resolved()
        if self.paired:
            require_matched(pair)

    def _require_sound(self, score: Score) -> None:
        """No number leaves a metric that is not one, or that lies outside of what the metric can be."""
        for what, number in _numbers(score):
            if not math.isfinite(number):
                raise UndefinedError(f"{self.name} has no value here: its {what} is {number}. {_LOOK}")
        low, high = self.within
        slack = 1e-9 * max(1.0, abs(float(score)))
        if not low - slack <= score <= high + slack:
            raise UndefinedError(
                f"{self.name} lies in [{low:g}, {high:g}]; rounding made {float(score):g} of it. {_LOOK}"
            )
        if score.se is not None and score.se < 0:
            raise UndefinedError(f"{self.name} has no value here: its standard error is {score.se:g}. {_LOOK}")

    def _with_honest_error(self, score: Score) -> Score:
        """Without error and interval where there are fewer fakes than they hold for; the details say so."""
        if score.interval is None or score.n is None or score.n >= self.least_n:
            return score
        why = f"n = {score.n} fakes: the error of {self.name} holds from n = {self.least_n} on"
        return score.with_(se=None, interval=None, details={**score.details, "no_error": why})

    def _signature(self, pair: Pair, options: dict[str, Any], *, drew: bool) -> str:
        """Everything that changes the number and nothing that does not (`ganeval.records.signature`)."""
        seed = [f"seed:{pair.seed}"] if drew else []
        moving = {
            key: value
            for key, value in options.items()
            if self.declared[key].moves(value) and not self.declared[key].is_idle(options)
        }
        changed = [f"{key}:{value}" for key, value in sorted(moving.items())]
        return "|".join(
            [
                self.name,
                f"v:{self.version}",
                *pair.signature(self.roles, network=not self.only_pixels, moments=self.takes_moments),
                *(pair.signature_of_eyes() if self.several_eyes else ()),
                *changed,
                *seed,
            ]
        )


UNSOUND = (
    ArithmeticError,
    np.linalg.LinAlgError,
    torch.linalg.LinAlgError,  # pyright: ignore[reportPrivateImportUsage] - public, but missing from torch's __all__
)
_NO_EMBEDDINGS = frozenset({"logits", "pixels", "generator", "spatial"})  # metrics that do not look at embeddings
_LOOK = "Look at the features: their size, their offset, and how many rows differ."


def _said(error: Exception) -> str:
    """The first sentence of another library's message, without its advice."""
    text = str(error.args[-1] if error.args else error).split("\n", maxsplit=1)[0].rstrip(".")
    return "a matrix has no decomposition" if "linalg" in text else text or type(error).__name__


def _numbers(score: Score) -> Iterator[tuple[str, float]]:
    """Every number that a score shows, with what it is."""
    yield "value", float(score)
    if score.se is not None:
        yield "standard error", score.se
    for end in score.interval or ():
        yield "interval's end", end
    yield from _inner(score.details, "detail")
    for name, rows in score.per_sample.items():
        yield f"value of {name} of one fake", float(np.abs(rows).max(initial=0.0))


def _inner(value: Any, what: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield what, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _inner(inner, f"detail {key!r}")
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _inner(inner, what)


CLASSIFYING = frozenset({"logits", "real_logits", "confusion"})  # needs that only a classifier can serve

METRICS = Registry(Metric, "ganeval.metrics", "metric")


def _remedy(need: str, pair: Pair) -> str:
    if need in ("logits", "real_logits") and pair.fake.images is not None:
        return judges_for(pair.fake.images.shape)
    return _REMEDY.get(need, "")


_REMEDY = {
    "labels": "Pass labels=, one integer per fake image: the class that was asked for.",
    "logits": "Pass classifier=, or features with logits.",
    "real_logits": "Pass classifier=, or features with logits.",
    "confusion": "Pass classifier= with a zoo member, whose card holds its confusion matrix.",
    "real": "Pass real images.",
    "real_moments": "Pass real images, or a published mean and covariance.",
    "rows": "Pass images or features, not their moments alone.",
    "spatial": "Choose an extractor that offers spatial features, such as inception.",
    "real_spatial": "Choose an extractor that offers spatial features, such as inception.",
    "heldout": "Pass heldout=: real images that the generator was not trained on.",
    "generator": "Pass a generator callable (n, labels, torch.Generator) -> images.",
    "pixels": "Pass images, not bare feature arrays.",
    "real_pixels": "Pass images, not bare feature arrays.",
    "eyes": "Pass extractors= (--extractors): further networks, for example wavelet and pixels.",
    "paired": "Pass paired=True (--paired) if real image i is what generated image i should be.",
}


def _registered(name: str) -> Metric:
    return METRICS[name]


def metric(
    name: str,
    *,
    better: Better,
    perfect: float | None,
    version: int,
    paper: str,
    question: Question,
    needs: tuple[str, ...] = ("real",),
    biased_in_n: bool = False,
    slow: bool = False,
    wants: tuple[str, ...] = (),
    within: tuple[float, float] = (-math.inf, math.inf),
    least_n: int = 2,
    against: Against = "real",
    eye: str = "",
    shares: tuple[str, ...] | None = None,
    exact: bool = False,
) -> Callable[[Callable[..., Score]], Metric]:
    """Make a `Metric` of a function `(pair, *, option=default, ...) -> Score`; the fields are those of `Metric`."""

    def wrap(function: Callable[..., Score]) -> Metric:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        options = {p.name: p.default for p in parameters}
        return Metric(
            name,
            function,
            better,
            perfect,
            version,
            paper,
            question,
            frozenset(needs),
            biased_in_n,
            options,
            slow,
            frozenset(wants),
            within,
            least_n,
            against,
            eye,
            shares,
            exact,
        )

    return wrap
