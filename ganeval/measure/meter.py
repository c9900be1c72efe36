"""`Meter`: a measurement that is fed batch by batch, from a training loop or a sampler, and merged over processes.

It keeps what the metrics of its protocol need of the images, not the images: rows of features, and verdicts only where
a metric looks at them; moments and sums of verdicts alone where every metric is content with them and asks for no
error (`options={"fid": {"se": False}, "inception_score": {"se": False}}`); pixels only where a metric looks at pixels,
or a second network has to see the images too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from ganeval.core.compute import HERE, Compute
from ganeval.errors import IncomparableError, TooFewSamplesError, WrongInputError, guarded, printable
from ganeval.features.extraction import extract, load_extractor
from ganeval.features.rows import Features, passport_from
from ganeval.features.statistics import Statistics, from_tensors, joined
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.measure import chosen_metrics, measure
from ganeval.measure.sources import columns_for
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation

STATE = "ganeval.meter/2"


class Meter:
    """Fed with `update`, it computes what `measure` does of the same images in one piece.

    The numbers are those of `measure` to 1e-10 whatever the batch sizes, as far as the network gives an image the same
    row in every batch; most do to a few float32 roundings. The images are taken in the order in which they come.

    >>> protocol = Protocol(real="digits:test", extractor="pixels", metrics=("fid", "kid"))
    >>> images, meter = image_set("digits:train").array(), Meter(protocol)
    >>> for start in range(0, len(images), 500):
    ...     meter.update(images[start : start + 500])
    >>> abs(meter.compute()["fid"].value - measure(images, protocol)["fid"].value) < 1e-10
    True
    """

    @guarded
    def __init__(self, protocol: Protocol, compute: Compute = HERE) -> None:
        metrics = chosen_metrics(protocol)
        self.protocol, self._compute = protocol, compute
        named = [one for one in (protocol.extractor, protocol.classifier) if one is not None]
        self._network = load_extractor(named[0] if named else "inception")
        two = len(named) == 2 and named[0] is not named[1] and named[0] != named[1]
        self._keeps_pixels = two or any("pixels" in {*metric.needs, *metric.wants} for metric, _ in metrics)
        self._moments_only = all(metric.is_content_with_moments(options) for metric, options in metrics)
        self._columns = columns_for([metric for metric, _ in metrics], protocol)
        self.reset()

    def reset(self) -> None:
        """Forget all images."""
        self._rows: list[Features] = []
        self._moments: Statistics | None = None

    @property
    def _keeps(self) -> str:
        """What is kept of an image, in words: a state is of use to a meter that keeps the same."""
        seen = "moments and sums" if self._moments_only else ", ".join(sorted(self._columns))
        return seen + (", pixels" if self._keeps_pixels else "")

    @property
    def n(self) -> int:
        """How many images have come."""
        known = 0 if self._moments is None else self._moments.passport.n
        return known + sum(map(len, self._rows))

    @guarded
    def update(self, images: Any, labels: Any = None) -> None:
        """Look at some more images: anything `ganeval.image_set` opens; labels (n,) integers,
        what they were asked for.
        """
        opened = image_set(images, labels=labels)
        if opened.class_names and opened.labels is not None:
            raise WrongInputError(
                f"A meter counts labels by their number; {opened.source} names its classes. Pass arrays and labels=."
            )
        alone = replace(self._compute, cache=False, ranks=None, progress=False)
        self._add(extract(opened, self._network, precision=self.protocol.precision, compute=alone, asked=self._columns))

    def _add(self, seen: Features) -> None:
        passport = replace(seen.passport, source="meter", fingerprint="")
        images = ImageSet.from_array(seen.images.array()) if self._keeps_pixels and seen.images is not None else None
        kept = replace(seen, passport=passport, images=images)
        self._require_like_before(kept)
        if self._moments_only:
            some = Statistics.of(kept)
            self._moments = some if self._moments is None else self._moments.merge(some)
        else:
            self._rows.append(kept)

    def _require_like_before(self, new: Features) -> None:
        """Refuse, before it is taken in, what cannot be joined with what is there."""
        before = self._rows[0] if self._rows else self._moments
        if before is None:
            return
        if before.passport.dim != new.passport.dim and before.passport.extractor == new.passport.extractor:
            raise IncomparableError(
                f"Images of a meter must have one shape for {new.passport.extractor}: those so far make "
                f"{before.passport.dim} numbers a row, these {new.passport.dim}. Resize them, or use another meter."
            )
        before.passport.require_comparable(new.passport)
        if isinstance(before, Features) and (before.labels is None) != (new.labels is None):
            told = "without" if new.labels is None else "with"
            raise IncomparableError(
                f"These images come {told} labels, unlike those so far. Pass labels= always, or never."
            )

    @guarded
    def merge(self, other: Meter) -> None:
        """Take over what another meter of the same protocol has seen, behind one's own images."""
        if not isinstance(other, Meter) or other is self:
            what = "itself, whose images it has" if other is self else f"a {type(other).__name__}"
            raise WrongInputError(f"A meter takes over what another meter has seen; got {what}. Pass another meter.")
        if self.protocol.to_json() != other.protocol.to_json():
            raise IncomparableError("Meters of two protocols cannot be merged. Make both with the same protocol.")
        for seen in other._rows:
            self._require_like_before(seen)
        self._rows = [*self._rows, *other._rows]
        if other._moments is not None:
            self._moments = other._moments if self._moments is None else self._moments.merge(other._moments)

    @guarded
    def compute(self) -> Evaluation:
        """The evaluation of all images so far; raises `TooFewSamplesError` before the first."""
        return measure(self._seen(), self.protocol, self._compute)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and text alone: `torch.save` keeps it, `torch.load(weights_only=True)` reads it."""
        if not self.n:
            return {"schema": STATE, "keeps": self._keeps, "passport": "", "tensors": {}}
        seen = self._seen()
        return {
            "schema": STATE,
            "keeps": self._keeps,
            "tensors": _tensors(seen),
            "passport": json.dumps(asdict(seen.passport), sort_keys=True),
        }

    @guarded
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What `state_dict` gave, in the place of all that this meter has seen."""
        tensors = _checked_state(state, self._keeps)
        self.reset()
        if not tensors:
            return
        pixels = tensors.pop("images", None)
        if self._moments_only:
            self._moments = from_tensors(tensors, {"passport": state["passport"]}, "the meter's state")
            return
        passport = passport_from({"passport": state["passport"]}, "the meter's state")
        rows = Features.of_tensors(tensors, passport, "the meter's state")
        self._rows = [rows if pixels is None else replace(rows, images=ImageSet.from_array(pixels.numpy()))]

    def _seen(self) -> Features | Statistics:
        if self._moments is not None:
            return self._moments
        if not self._rows:
            raise TooFewSamplesError("The meter has seen no image. Call update(images) first.")
        if len(self._rows) > 1:
            passport = replace(self._rows[0].passport, n=self.n)
            pixels = [part.images.array() for part in self._rows if part.images is not None]
            images = ImageSet.from_array(np.concatenate(pixels)) if pixels else None
            self._rows = [replace(joined(self._rows, passport), images=images)]
        return self._rows[0]


def _checked_state(state: Any, keeps: str) -> dict[str, torch.Tensor]:
    """The tensors of a state that a meter which keeps the same has given."""
    if not isinstance(state, Mapping) or state.get("schema") != STATE:
        raise WrongInputError(f"A meter's state has the schema {STATE!r}; got {type(state).__name__} without it.")
    found = state.get("tensors")
    tensors: dict[str, Any] = dict(found) if isinstance(found, Mapping) else {"": None}
    if (
        not all(isinstance(one, torch.Tensor) for one in tensors.values())
        or not isinstance(state.get("passport"), str)
        or not isinstance(state.get("keeps"), str)
    ):
        raise WrongInputError("A meter's state says what it keeps, and holds it; this one does not. Save it again.")
    if state["keeps"] != keeps:
        raise IncomparableError(
            f"The metrics of this meter need {keeps} of the images; the state holds {printable(state['keeps'])}, for "
            "other metrics or options. Load it into a meter of its own protocol."
        )
    return tensors


def _tensors(seen: Features | Statistics) -> dict[str, torch.Tensor]:
    if isinstance(seen, Statistics):
        return seen.tensors()
    pixels = {} if seen.images is None else {"images": torch.from_numpy(seen.images.array())}
    return {**seen.tensors(), **pixels}
