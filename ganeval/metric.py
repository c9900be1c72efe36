"""What a metric is: a name, a direction, a version, a paper, and a pure function `Pair -> Score`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ganeval.errors import UndefinedError, UnknownNameError
from ganeval.pair import Pair
from ganeval.registry import Registry, unknown_name
from ganeval.scores import Better, Question, Score


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
    needs: frozenset[
        str
    ]  # of Pair: "real", "heldout", "logits", "real_logits", "labels", "real_labels", "pixels", "generator", "confusion"
    biased_in_n: bool = False  # True: only equal n may be compared
    options: dict[str, Any] = field(default_factory=dict)  # option name -> default
    slow: bool = False  # True: only runs when it is asked for by name (it trains a network, or takes minutes)
    wants: frozenset[str] = frozenset()  # of Pair: used where it is there, not needed

    @property
    def card(self) -> str:
        """The docstring: shapes, range, bias, error, source."""
        return inspect.getdoc(self.compute) or ""

    def __call__(self, pair: Pair, **options: Any) -> Score:
        for key in options:
            if key not in self.options:
                raise UnknownNameError(unknown_name(f"option of {self.name}", key, self.options))
        missing = pair.missing(self.needs)
        if missing:
            remedy = pair.unlabelled(missing[0]) or _REMEDY.get(missing[0], "")
            raise UndefinedError(f"{self.name} needs {' and '.join(missing)}. {remedy}".strip())
        score = self.compute(pair, **options)
        return score.with_(
            name=self.name, better=self.better, perfect=self.perfect, version=self.version, question=self.question,
            biased_in_n=self.biased_in_n, signature=self._signature(pair, {**self.options, **options}),
        )  # fmt: skip

    def _signature(self, pair: Pair, options: dict[str, Any]) -> str:
        changed = [f"{key}:{value}" for key, value in sorted(options.items()) if value is not None]
        return "|".join([self.name, f"v:{self.version}", *pair.signature, *changed])


METRICS = Registry(Metric, "ganeval.metrics", "metric")

_REMEDY = {
    "labels": "Pass labels=, one integer per fake image: the class that was asked for.",
    "logits": "Pass classifier=, for example classifier='mnist'.",
    "real_logits": "Pass classifier=, for example classifier='mnist'.",
    "confusion": "Pass classifier= with a zoo member, whose card holds its confusion matrix.",
    "real": "Pass real images.",
    "spatial": "Choose an extractor that offers spatial features, such as inception.",
    "real_spatial": "Choose an extractor that offers spatial features, such as inception.",
    "heldout": "Pass heldout=: real images that the generator was not trained on.",
    "generator": "Pass a generator callable (n, labels, torch.Generator) -> images.",
    "pixels": "Pass images, not bare feature arrays.",
}


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
        )

    return wrap
