"""torchmetrics: any metric of ours as a `torchmetrics.Metric`, alone or in a `MetricCollection`,
in one process or many.

    fid = GanevalMetric("fid", classifier="digits")
    fid.update(real_images, real=True)
    fid.update(generated_images, real=False)
    fid.compute()           # a tensor of one number
    fid.score               # the same with its error and its interval

What is kept are the rows that the network made, n (d + k) 4 bytes, and a digest of each image, so that number and
signature are those of `ganeval.measure` whatever the batches and processes. Metrics of a collection with the same
network and the same sets share them.
"""

from __future__ import annotations

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="Measuring inside torchmetrics")

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.compute import Compute
from ganeval.core.registry import unknown_name
from ganeval.errors import GanevalError, UndefinedError, UnknownNameError, WrongInputError
from ganeval.features.extraction import extract, load_extractor
from ganeval.features.ranks import Ranks, current
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.leaves import LEAF, leaves, root, with_labels
from ganeval.images.tensors import as_numpy, as_tensor
from ganeval.integrations.needed import needed
from ganeval.measure.functions import protocol_and_compute
from ganeval.measure.measure import scores_of
from ganeval.measure.sources import opened_as_is
from ganeval.metrics import METRICS
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Score

_TORCHMETRICS = needed("torchmetrics", "torchmetrics")
SIDES = ("real", "fake")
HOW = ("seed", "precision", "n", "paired")  # of the protocol: the rest says of what and where, which updates do
THEIRS = ("sync_on_compute", "compute_on_cpu", "compute_with_cache")  # of torchmetrics: they move no number


@dataclass(frozen=True)
class _Held:
    """A network that is no part of the model: its weights are neither trained nor stored with it."""

    network: Any

    def __deepcopy__(self, memo: Any) -> _Held:
        """The network is not changed by anybody: copies of a metric share it."""
        return self


@cache
def _by_name(name: str) -> _Held:
    return _Held(load_extractor(name))


class GanevalMetric(_TORCHMETRICS.Metric):
    """One metric by its name. `compute` gives a float64 scalar; `score` holds it with error and interval afterwards."""

    full_state_update = False
    is_differentiable = False

    def __init__(
        self,
        metric: str,
        *,
        extractor: Any = None,
        classifier: Any = None,
        real: Any = None,
        reset_real: bool = True,
        **how: Any,
    ) -> None:
        """metric: a name of `ganeval ls metrics`. extractor or classifier: the network that looks at images; without
        one, `update` takes rows of features (n, d). real: the real images, where they are known before (then only
        generated ones are passed); also their features or statistics, or a published file of these. reset_real:
        False keeps the real side over `reset`. how: `seed`, `precision`, `n`, the metric's own options, and what any
        metric of torchmetrics takes (`sync_on_compute` ...). A metric of pairs takes image i of both sides as a pair.
        """
        super().__init__(**{key: how.pop(key) for key in THEIRS if key in how})
        self.metric = METRICS[metric]
        if extractor is not None and classifier is not None:
            raise WrongInputError("One metric asks one network: pass extractor= or classifier=, not both.")
        options = {key: how.pop(key) for key in list(how) if key in self.metric.options}
        for key in how:
            if key not in HOW:
                known = (*HOW, *THEIRS, *self.metric.options)
                raise UnknownNameError(unknown_name("option of GanevalMetric", key, known))
        protocol, _ = protocol_and_compute("GanevalMetric", {"paired": self.metric.paired, **how})
        self.protocol: Protocol = protocol.with_(
            metrics=(metric,), options={metric: options} if options else {}, floor=False
        )
        network = extractor if classifier is None else classifier
        self._held = _by_name(network) if isinstance(network, str) else _Held(network and load_extractor(network))
        self._known = None if real is None else self._reference(real)
        self.reset_real, self.score = reset_real, None
        marks, pixels = self._held.network is not None, self._wants_pixels
        self.columns = (
            "embeddings",
            "logits",
            "labels",
            *(["marks"] if marks else []),
            *(["pixels"] if pixels else []),
        )
        for side in SIDES:
            for column in self.columns:
                self.add_state(self._state(side, column), default=[], dist_reduce_fx="cat")

    score: Score | None

    @property
    def higher_is_better(self) -> bool | None:
        """None of a metric with a target."""
        return None if self.metric.better == "target" else self.metric.better == "higher"

    def update(self, images: Any, real: bool, labels: Any = None) -> None:  # noqa: FBT001 - as torchmetrics' FID has it
        """Add a batch: uint8 images (n, c, h, w), or rows (n, d) where there is no network. labels: (n,),
        what was asked for.

        Raises: WrongInputError as `ganeval.image_set` does for what are no such images.
        """
        if not isinstance(real, bool):
            raise WrongInputError(f"real must be True or False; got {real!r}. Say which side the batch belongs to.")
        if real and self._known is not None:
            raise WrongInputError("The real images were given as real=; pass only generated ones, with real=False.")
        seen, side = self._seen(images, labels), "real" if real else "fake"
        rows = {name: getattr(seen, name) for name in ("embeddings", "logits", "labels")}
        if seen.images is not None:
            pixels = seen.images.array()
            rows |= {"marks": torch.from_numpy(_marks(pixels)), "pixels": torch.from_numpy(pixels)}
        rows = {name: rows.get(name) for name in self.columns}
        held = {column: getattr(self, self._state(side, column)) for column in rows}
        for column, values in rows.items():
            if held["embeddings"] and (values is None) == (len(held[column]) > 0):
                raise WrongInputError(f"Every batch of one side needs {column}, or none of them; this one differs.")
            if values is not None and held[column] and held[column][0].shape[1:] != values.shape[1:]:
                raise WrongInputError(
                    f"Every batch of one side must have one shape; got {column} of {tuple(values.shape[1:])} after "
                    f"{tuple(held[column][0].shape[1:])}."
                )
        for column, values in rows.items():
            if values is not None:
                held[column].append(values.to(self.device))

    def forward(self, images: Any, real: bool, labels: Any = None) -> torch.Tensor:  # noqa: FBT001 - as update has it
        """Add a batch of generated images; gives the number of this batch alone against the real images known so far.

        Raises: WrongInputError where there is no such number, since a batch is of one side. Nothing is added then.
        """
        states = [self._state("fake", column) for column in self.columns]
        known = self._known is not None or (not self.reset_real and self._side("real") is not None)
        if real is True or (self.metric.roles & {"real"} and not known):
            raise WrongInputError(
                f"A batch of one side has no {self.metric.name}. Call update(images, real=...) for each batch, then "
                "compute(); or pass real=, the real images, when the metric is made."
            )
        self.update(images, real=real, labels=labels)
        whole = {name: getattr(self, name) for name in states}
        try:
            for name, batches in whole.items():
                setattr(self, name, batches[-1:])
            self._forward_cache = GanevalMetric.compute(self)
            return self._forward_cache
        finally:
            for name, batches in whole.items():
                setattr(self, name, batches)

    def _state(self, side: str, column: str) -> str:
        """The name of a state. It holds what made the rows: a collection shares states of one name between metrics."""
        network = self._held.network
        made = "rows" if network is None else f"{network.name}_{network.weights_sha256[:8]}_{self.protocol.precision}"
        known = "_known" if self._known is not None else ""
        return f"{side}_{column}_{re.sub(r'[^A-Za-z0-9]', '_', made)}{known}"

    def _seen(self, images: Any, labels: Any) -> Features:
        network = self._held.network
        if network is None:
            rows = as_tensor(images, "features")
            if rows.ndim != 2 or not rows.is_floating_point():
                raise WrongInputError(
                    f"Without a network, rows of features (n, d) are expected; got {rows.dtype} {tuple(rows.shape)}. "
                    "Pass classifier= or extractor= to GanevalMetric for images."
                )
            return Features.given(rows, labels=labels)
        opened = image_set(images) if labels is None else image_set(images).with_labels(_checked(labels, images))
        quiet = Compute(device=str(self.device), cache=False, progress=False)
        return extract(opened, network, precision=self.protocol.precision, compute=quiet)

    def _reference(self, real: Any) -> Features | Statistics:
        """What is known of the real images: they are looked at once, here."""
        found = opened_as_is(real)
        return self._seen(found, None) if isinstance(found, ImageSet) else found

    @property
    def _wants_pixels(self) -> bool:
        return "pixels" in self.metric.needs | self.metric.wants and self._held.network is not None

    def compute(self) -> torch.Tensor:
        """The number as a float64 scalar.

        Raises: UndefinedError before both sides were given, and where the metric needs what it did not get.
        """
        fake, real = self._side("fake"), self._known or self._side("real")
        if fake is None and real is None:
            raise UndefinedError(
                f"{self.metric.name} has seen nothing. Call update(images, real=True) and real=False first."
            )
        if fake is None:
            raise UndefinedError(
                f"{self.metric.name} has seen no generated images. Call update(images, real=False) first."
            )
        if real is None and self.metric.roles & {"real"}:
            raise UndefinedError(
                f"{self.metric.name} has seen no real images. Call update(images, real=True), or pass real= when it is "
                "made."
            )
        role = "real" if self.metric.against == "real" else "train"
        network = None if self._known is None else self._held.network  # what is known was made elsewhere, by this one
        protocol = self.protocol.with_(**{role: real}, extractor=network)
        found = scores_of(fake, protocol, Compute(device=str(self.device)))[1][0][2]
        if isinstance(found, GanevalError) and "labels" in self.metric.needs and fake.labels is None:
            raise UndefinedError(
                f"{self.metric.name} needs the class that each image was asked for. Call update(images, real=False, "
                "labels=labels)."
            ) from found
        if isinstance(found, Exception):
            raise found
        self.score = found
        return torch.tensor(float(found), dtype=torch.float64, device=self.device)

    def _side(self, side: str) -> Features | None:
        rows = {column: _joined(getattr(self, self._state(side, column))) for column in self.columns}
        embeddings, network = rows["embeddings"], self._held.network
        if embeddings is None:
            return None
        labels, pixels, marks = rows["labels"], rows.get("pixels"), rows.get("marks")
        images = None if pixels is None else ImageSet.from_array(pixels.cpu().numpy(), source=side)
        given = Features.given(embeddings, source=side)
        if network is not None:
            passport = replace(
                given.passport,
                fingerprint="" if marks is None else _fingerprint(as_numpy(marks), labels),
                extractor=network.name,
                weights_sha256=network.weights_sha256,
                preprocessing=network.preprocessing,
                precision=self.protocol.precision,
                class_names=tuple(network.class_names),
            )
            given = replace(given, passport=passport, confusion=network.confusion)
        return replace(given, logits=rows["logits"], labels=labels, images=images)

    def reset(self) -> None:
        """Forget the generated side, and the real one too unless `reset_real=False`."""
        names = () if self.reset_real else tuple(self._state("real", column) for column in self.columns)
        kept = {name: list(_batches(getattr(self, name))) for name in names}
        super().reset()
        for name, rows in kept.items():
            setattr(self, name, rows)

    def _apply(self, fn: Any, exclude_state: Any = "") -> Any:
        """To another device, but in no other type: how exactly rows are kept, `precision` says."""

        def moved(rows: torch.Tensor) -> torch.Tensor:
            return rows.to(fn(rows.new_empty(0)).device)

        return super()._apply(moved, exclude_state)

    def _sync_dist(self, *arguments: Any, **options: Any) -> None:
        """Before rows of several processes are joined: that all of them ask the same of the same network."""
        network = self._held.network
        said = "" if network is None else (network.name, network.weights_sha256, network.preprocessing)
        given = [name for name in self._defaults if len(getattr(self, name))]
        asked = {
            "the metric": (self.metric.name, self.protocol.options),
            "the seed": self.protocol.seed,
            "n": self.protocol.n,
            "the network": said,
            "the sides and columns that were given": given,
            "the images of real=": self._known and self._known.content,
        }
        ranks = current()
        ranks.require_same(
            asked, "Make it in every process alike, and give each some images of every side, with labels or not."
        )
        for side in SIDES:
            _require_shares(ranks, side, _joined(getattr(self, self._state(side, "embeddings"))))
        super()._sync_dist(*arguments, **options)


def _require_shares(ranks: Ranks, side: str, rows: torch.Tensor | None) -> None:
    """Refuse images that several processes bring: joined they would count more than once."""
    if rows is None or ranks.size == 1:
        return
    mark = torch.frombuffer(bytearray(_digest(rows)), dtype=torch.uint8)
    marks = ranks.gather(mark[None], [1] * ranks.size)
    if len(marks.unique(dim=0)) < ranks.size:
        raise WrongInputError(
            f"Every process must bring {side} images of its own; some bring the same ones, which would count more than "
            "once. Do not gather images before update, draw with another seed in each process, give real images that "
            "all have as real=; or pass sync_on_compute=False to join nothing."
        )


def _digest(rows: torch.Tensor) -> bytes:
    return hashlib.sha256(as_numpy(rows).tobytes()).digest()


def _marks(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 32 + 12): of each image the digest of its pixels, and its shape as three numbers of four bytes."""
    shape = np.frombuffer(np.array(pixels.shape[1:], "<i4").tobytes(), np.uint8)
    return np.concatenate([leaves(pixels), np.tile(shape, (len(pixels), 1))], axis=1)


def _fingerprint(marks: NDArray[np.uint8], labels: torch.Tensor | None) -> str:
    """That of the images as one set, so that a signature names them as `ganeval.measure` does; "" of several sizes."""
    shapes = np.unique(marks[:, LEAF:], axis=0)
    if len(shapes) > 1:
        return ""
    c, h, w = np.frombuffer(shapes[0].tobytes(), "<i4").tolist()
    return with_labels(root(marks[:, :LEAF], (c, h, w)), None if labels is None else as_numpy(labels))


def _batches(rows: Any) -> list[torch.Tensor]:
    """A list of batches, or the one tensor that synchronising made of it."""
    return [rows] if isinstance(rows, torch.Tensor) else rows


def _joined(rows: Any) -> torch.Tensor | None:
    found = [batch for batch in _batches(rows) if len(batch)]
    return torch.cat(found) if found else None


def _checked(labels: Any, images: Any) -> Any:
    return checked_labels(labels, len(images), "the batch")
