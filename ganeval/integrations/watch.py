"""Measuring while a generator trains: the real side is seen once, and better means better beyond noise.

watch = Watch(Protocol(real="digits:test", classifier="digits", n=500, metrics=("fid",)), every=200)
for step in range(1, 2001):
    ...
    evaluation = watch(step, sampler)      # None between the steps that are measured
    if watch.improved:
        ...                                # keep this checkpoint
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.compute import HERE, Compute
from ganeval.core.files import render_json
from ganeval.core.options import checked_whole
from ganeval.core.registry import unknown_name
from ganeval.core.wording import ended
from ganeval.errors import (
    GanevalError,
    IncomparableError,
    UndefinedError,
    UnknownNameError,
    WrongInputError,
    guarded,
)
from ganeval.features.extraction import extract, load_extractor
from ganeval.gate.compare import difference
from ganeval.gate.entry import Look
from ganeval.gate.protocol import gate_protocol, protocol_differences
from ganeval.images import is_generator
from ganeval.images.imageset import ImageSet
from ganeval.integrations.needed import needed
from ganeval.measure.measure import measure, require_how
from ganeval.measure.sources import opened_as_is
from ganeval.metrics import METRICS
from ganeval.records.protocol import NETWORKS, ROLES, Protocol
from ganeval.records.scores import Evaluation, Floor

ALPHA = 0.05


class Watch:
    """Measures a generator every so many steps and remembers the best evaluation.

    The real, training and held-out images go through the network once, at the first call; floors,
    which are real against real, are measured once, too. A generator draws from the same seed at every step, so two
    steps are compared image by image, on shared latents, and a small change can be seen.

    `improved`: whether the last evaluation is better than `best` before it was, at p <= 0.05 (one-sided). The first one
    is.
    `best`: that evaluation. Many looks at noise find something in time; the test is made against the best one only.

    A training that is stopped and resumed keeps `state_dict()` in its checkpoint and hands it to `load_state_dict`;
    without it the first step after would count as the best.
    """

    def __init__(
        self, protocol: Protocol, compute: Compute = HERE, *, every: int = 1, by: str = "", name: str = ""
    ) -> None:
        """protocol: how to measure; it names the real images. every: steps between two measurements. by: the metric
        that decides which step is best; by default the first of the protocol's metrics. name: of the evaluations.
        """
        require_how(protocol, compute)
        every = checked_whole(every, "every", 1)
        if protocol.real is None:
            raise WrongInputError(
                "A watch needs real images to compare with; the protocol names none. Pass real=, for example hoda:test."
            )
        self.by = by or next(iter(protocol.metrics), "fid")
        if self.by not in METRICS:
            raise UnknownNameError(unknown_name("metric", self.by, METRICS.names()))
        if protocol.metrics and self.by not in protocol.metrics:
            raise WrongInputError(
                f"{self.by!r} decides which step is best, and the protocol does not measure it. Add it to the metrics."
            )
        self.protocol, self.compute, self.every, self.name = protocol, compute, every, name
        self.best: Evaluation | None = None
        self.improved = False
        self._prepared: Protocol | None = None
        self._floors: dict[str, Floor | None] = {}

    @guarded
    def __call__(self, step: int, images: Any, labels: Any = None) -> Evaluation | None:
        """The evaluation at `step`, or None where `step` is no multiple of `every`.

        images: a generator callable (n, labels, torch.Generator) -> images, or generated images with their labels.
        """
        self.improved = False
        step = checked_whole(step, "step", 0)
        prepared = self.prepare()
        if step % self.every:
            return None
        drawn = is_generator(images)
        latents = f"seed {self.protocol.seed}, n {self.protocol.n}" if drawn else ""
        first = self.protocol.floor and not self._floors
        found = measure(
            images,
            prepared.with_(floor=first),
            replace(self.compute, cache=self._cached, progress=False),
            labels=labels,
            latents=latents,
            name=self.name or "generator",
            step=step,
        )
        found = self._with_floors(replace(found, protocol=self.protocol.to_json()))
        record = found[self.by]
        if not record.ok:
            raise UndefinedError(f"{self.by} decides which step is best, and has no value: {ended(record.status)}")
        self.improved = self.best is None or self._is_better(self.best, found)
        self.best = found if self.improved else self.best
        return found

    @guarded
    def prepare(self) -> Protocol:
        """Open the real images and load the networks, once: what is missing is said at the first step of a training,
        not at the first that is measured. Returns the protocol with both in their places.
        """
        if self._prepared is None:
            self._prepared = self._with_real_side()
        return self._prepared

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: without open images, which it opens itself."""
        return {**self.__dict__, "_prepared": None}

    def state_dict(self) -> dict[str, Any]:
        """The best evaluation as JSON text, with its values image by image as tensors: what `torch.save` takes."""
        torch = needed("torch", "torch")

        if self.best is None:
            return {"best": None}
        labels = None if self.best.labels is None else torch.from_numpy(self.best.labels.copy())
        rows = {name: torch.from_numpy(np.array(row, np.float32)) for name, row in self.best.per_sample.items()}
        return {"best": render_json(self.best.to_json()), "per_sample": rows, "labels": labels}

    @guarded
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the best evaluation of another watch, which measured in the same way."""
        if not isinstance(state, Mapping) or "best" not in state:
            raise WrongInputError(
                "A watch is resumed from what state_dict() of another gave; this is something else. "
                "Leave load_state_dict out to begin anew."
            )
        self.best, self.improved = _remembered(state), False

    @property
    def _cached(self) -> bool:
        """On disk only where two networks look: the features in memory are of one."""
        return self.compute.cache and self.protocol.extractor is not None and self.protocol.classifier is not None

    def _with_real_side(self) -> Protocol:
        """The protocol with loaded networks, and with features in the place of images that do not change."""
        asked = self.protocol
        found = {role: opened_as_is(getattr(asked, role)) for role in ROLES if getattr(asked, role) is not None}
        shape = next((images.shape for images in found.values() if isinstance(images, ImageSet)), None)
        named = {role: getattr(asked, role) for role in NETWORKS if getattr(asked, role) is not None}
        default = {} if shape is None else {"extractor": "inception"}
        networks = {role: load_extractor(one, shape) for role, one in (named or default).items()}
        network = next(iter(networks.values()), None)
        seen = {
            role: extract(images, network, precision=asked.precision, compute=self.compute)
            if isinstance(images, ImageSet) and network is not None
            else images
            for role, images in found.items()
        }
        return asked.with_(**seen, **networks)

    def _with_floors(self, found: Evaluation) -> Evaluation:
        """The floors of the first evaluation: the real images and n are the same ever since."""
        if not self._floors:
            self._floors = {name: record.floor for name, record in found.scores.items()}
        scores = {name: replace(record, floor=self._floors.get(name)) for name, record in found.scores.items()}
        return replace(found, scores=scores)

    def _is_better(self, before: Evaluation, now: Evaluation) -> bool:
        gaps = protocol_differences(gate_protocol(before), gate_protocol(now))
        if before.fake.n != now.fake.n:
            gaps = [*gaps, f"the number of images (n {before.fake.n} then, {now.fake.n} now)"]
        if gaps:
            raise IncomparableError(
                f"The best step before was measured differently: {'; '.join(gaps)}. Resume with the same protocol, or "
                "leave load_state_dict out to begin anew."
            )
        try:
            found = difference(Look.of(before), Look.of(now), self.by)
        except GanevalError as error:
            raise UndefinedError(
                f"{self.by} cannot decide which step is best: {error} Pass by= a metric with a direction and an error, "
                "for example by='fid'."
            ) from error
        return found.estimate.p_below(0.0) <= ALPHA


def _remembered(state: Mapping[str, Any]) -> Evaluation | None:
    """The evaluation that `state_dict` wrote down, with its values image by image."""
    if state["best"] is None:
        return None
    found = Evaluation.from_json(_document(state["best"]), "the state of the watch")
    rows = state.get("per_sample", {})
    if not isinstance(rows, Mapping):
        raise _damaged("per_sample", rows)
    labels = state.get("labels")
    return replace(
        found,
        per_sample={str(name): _of_images(row, f"per_sample[{name!r}]", found.fake.n) for name, row in rows.items()},
        labels=None if labels is None else _of_images(labels, "labels", found.fake.n),
    )


def _of_images(row: Any, what: str, n: int) -> NDArray[Any]:
    """A tensor of one number for each of n images."""
    torch = needed("torch", "torch")
    if not isinstance(row, torch.Tensor) or tuple(row.shape) != (n,):
        raise _damaged(what, row, f"; {n} numbers were measured")
    return row.cpu().numpy()


def _damaged(what: str, found: Any, more: str = "") -> WrongInputError:
    said = f"{type(found).__name__} {tuple(getattr(found, 'shape', ()))}".removesuffix(" ()")
    return WrongInputError(
        f"{what} in the state of the watch is not what state_dict() wrote: it is of type {said}{more}. Resume from "
        "another checkpoint, or leave load_state_dict out to begin anew."
    )


def _document(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text  # which the reader refuses in a sentence
