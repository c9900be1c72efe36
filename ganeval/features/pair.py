"""The shared quantities of (real, fake): computed lazily, once, on the device the features live on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import IncomparableError, TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.own import crossed
from ganeval.features.ranks import ALONE, Ranks
from ganeval.features.rows import Features
from ganeval.features.statistics import Fit, Statistics, fitted
from ganeval.images.labels import Side, matched_labels
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.logits import Verdicts
from ganeval.numerics.moments import offset_and_spread
from ganeval.numerics.neighbours import Neighbours
from ganeval.numerics.strata import are_balanced
from ganeval.records.scores import Passport

NEIGHBOURS = 5  # the largest default k of any metric
SPARE = 1  # neighbours beyond k: shows whether there are ties at the k-th

LARGEST, SMALLEST = 1e25, 1e-25  # absolute sizes of features whose squares and sums every metric can hold
RESOLVED = 1e-3  # rounding of the features' own type, as a share of their spread, that moves no number visibly
LOOKED_AT = 1024  # rows of each set from which offset and spread are estimated

T = TypeVar("T")


class Pair:
    """Real and fake features of one passport, an optional held-out real set, an optional generator.

    `real` may be absent for questions about the fake set alone. Either set may come as `Statistics`: questions that
    need only moments then read these, all others the rows that are kept with them, if any. Nothing is computed before
    it is asked for.
    """

    def __init__(
        self,
        real: Features | Statistics | None,
        fake: Features | Statistics,
        *,
        heldout: Features | None = None,
        generator: Callable[..., Any] | None = None,
        embed: Callable[..., Features] | None = None,
        seed: int = 0,
        paired: bool = False,
        ranks: Ranks = ALONE,
        eyes: tuple[Pair, ...] = (),
        asks: bool = True,
    ) -> None:
        for other in (real, heldout):
            if other is not None:
                _require_one_shape(other, fake)
                _require_one_judge(other, fake)
                other.passport.require_comparable(fake.passport)
        self.real_moments, self.real = (real, real.rows) if isinstance(real, Statistics) else (None, real)
        self.fake_moments, self.fake = (fake, rows_of(fake)) if isinstance(fake, Statistics) else (None, fake)
        for features in filter(None, (self.real, self.fake, heldout)):
            features.require_unchanged()
        self.heldout = heldout
        self.generator = generator
        self.embed = embed  # (images, labels or None) -> Features of new images, by the network behind this pair
        self.paired = paired  # whether real image i is what fake image i should be
        self.ranks = ranks  # the processes that all hold these sets, and work out what is large in shares
        self.eyes = eyes  # the same images, row by row, as further networks see them
        self.asks = asks  # whether the generator may be asked for classes
        self._seed = seed
        self._draws = _Draws()
        self._shared: dict[Hashable, tuple[Any, bool]] = {}
        self._neighbours: Neighbours | None = None

    @property
    def seed(self) -> int:
        """The one seed of the protocol. Reading it is noted, so that a signature names the seed where it was used."""
        self._draws.seen = True
        return self._seed

    def drew(self, compute: Callable[[], T]) -> tuple[T, bool]:
        """`compute()`, and whether it read the seed, be it through something that was shared and computed earlier."""
        before, self._draws.seen = self._draws.seen, False
        try:
            return compute(), self._draws.seen
        finally:
            self._draws.seen = self._draws.seen or before

    @property
    def real_passport(self) -> Passport | None:
        """Of the real images; of their statistics, where these are all there is."""
        side = self.real_moments if self.real is None else self.real
        return None if side is None else side.passport

    @property
    def verdicts(self) -> Verdicts | None:
        """What was kept of the fakes' logits, where nothing else was."""
        return self.fake_moments.verdicts if self.fake_moments is not None and self.only_moments else None

    @property
    def only_moments(self) -> bool:
        """Whether of the fakes only moments were kept."""
        return self.fake_moments is not None and self.fake_moments.rows is None

    def with_sets(self, real: Features | None, fake: Features, heldout: Features | None) -> Pair:
        """Other rows of both sets, with the same statistics, generator, network and seed."""
        known = real if self.real_moments is None else replace(self.real_moments, rows=real)
        made = fake if self.fake_moments is None else self.fake_moments if self.only_moments else fake
        return Pair(
            known,
            made,
            heldout=heldout,
            generator=self.generator,
            embed=self.embed,
            seed=self._seed,
            paired=self.paired,
            ranks=self.ranks,
            eyes=self.eyes,
            asks=self.asks,
        )

    def part(self, real: Features, fake: Features) -> Pair:
        """The pair of some rows of both sets, for questions that are asked class by class."""
        part = Pair(real, fake, seed=self._seed)
        part._draws = self._draws
        return part

    def missing(self, needs: Iterable[str]) -> list[str]:
        """Those of `needs` that this pair cannot give."""
        have = {
            "real": self.real,
            "heldout": self.heldout,
            "generator": self.generator,
            "embed": self.embed,
            "logits": self.fake.logits if self.verdicts is None else self.verdicts,
            "labels": self.fake.labels,
            "pixels": self.fake.images,
            "confusion": self.fake.confusion,
            "spatial": _spatial(self.fake, self.fake_moments),
            "real_spatial": _spatial(self.real, self.real_moments),
            "moments": self.fake,
            "rows": None if self.only_moments else self.fake,
            "real_moments": self.real if self.real_moments is None else self.real_moments,
            "real_logits": None if self.real is None else self.real.logits,
            "real_labels": None if self.real is None else self.real.labels,
            "paired": self.paired or None,
            "real_pixels": None if self.real is None else self.real.images,
            "eyes": self.eyes or None,
        }
        return sorted(need for need in needs if have[need] is None)

    def withheld(self, need: str) -> str:
        """Why something that `need` names is not there, where a set is known by its moments alone; else ""."""
        asked, kept = (self.real, self.real_moments) if need.startswith("real") else (None, self.fake_moments)
        if kept is None or asked is not None or need not in ("real", "real_logits", "real_labels", "rows"):
            return ""
        what = "the real images" if need.startswith("real") else "the generated images"
        return (
            f"Of {what}, {kept.passport.source} holds a mean and a covariance alone, which is enough for fid and its "
            "relatives. Pass the images or their features for this question."
        )

    def unlabelled(self, need: str) -> str:
        """Why the labels that `need` names are not there, where the images know."""
        side = {"labels": self.fake, "real_labels": self.real}.get(need)
        return "" if side is None or side.images is None else side.images.unlabelled

    def require_real(self) -> Features:
        """The real features, or `UndefinedError` where this pair was made of a fake set alone."""
        if self.real is None:
            raise UndefinedError("This question needs real images to compare with. Pass real images.")
        return self.real

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()` the first time a key is asked for, its result ever after: what metrics of one family share."""
        if key not in self._shared:
            self._shared[key] = self.drew(compute)
        value, drew = self._shared[key]
        self._draws.seen = self._draws.seen or drew
        return value

    @cached_property
    def real_gaussian(self) -> Gaussian:
        """Mean and covariance factor of the real embeddings: 8 d min(n, d) bytes."""
        if self.real_moments is None:
            return self.require_real().own.gaussian(self.ranks)
        return self.real_moments.gaussian.to(self.fake.embeddings.device)

    @cached_property
    def fake_gaussian(self) -> Gaussian:
        """Mean and covariance factor of the fake embeddings: 8 d min(n, d) bytes."""
        if self.fake_moments is not None and self.only_moments:
            return self.fake_moments.gaussian
        return self.fake.own.gaussian(self.ranks)

    def spatial_gaussians(self) -> tuple[Gaussian, Gaussian]:
        """The same of the spatial features of both sets, which have to be there."""
        sides = ((self.real, self.real_moments), (self.fake, self.fake_moments))
        real, fake = (_gaussian(_spatial(rows, kept)) for rows, kept in sides)
        return real, fake

    @cached_property
    def strata(self) -> NDArray[np.int64] | None:
        """The requested class of each fake where the labels are balanced: standard errors are then within classes."""
        labels = None if self.fake.labels is None else self.fake.labels.cpu().numpy()
        return labels if labels is not None and are_balanced(labels) else None

    def neighbours(self, k: int) -> Neighbours:
        """The sweep over (real, fake), exact for every number of neighbours up to k; done again for a larger k."""
        features = self.require_real()
        _require_neighbours(k, len(features), len(self.fake))
        if self._neighbours is None or self._neighbours.k < k + SPARE:
            if features.own.all_equal():
                raise UndefinedError(
                    "Neighbour metrics need real features that differ; all real rows are equal. Check the extractor."
                )
            k, ranks = max(k, NEIGHBOURS), self.ranks
            real_near = features.own.nearest(k + SPARE, ranks)
            fake_near = self.fake.own.nearest(k + SPARE + _further(k), ranks)
            across = crossed(features.own, self.fake.own, real_near, fake_near, self.strata, ranks)
            self._neighbours = Neighbours(real_near, fake_near, across)
        return self._neighbours

    @property
    def held(self) -> bool:
        """Whether of one of the sets no rank has all rows."""
        return any(side is not None and side.held is not None for side in (self.real, self.fake))

    def require_classes(self) -> None:
        """Raise where the classifier has a single class: it answers every question about classes with it."""
        for features in (self.real, self.fake):
            logits = None if features is None else features.logits
            if logits is not None and (logits.ndim != 2 or logits.shape[1] < 2):
                raise WrongInputError(
                    f"Logits must be (n, k) with at least 2 classes; got {tuple(logits.shape)}. A classifier of one "
                    "class says the same of every image: choose another classifier."
                )

    def require_resolved(self) -> None:
        """Raise where the numbers of the features cannot hold what tells one row from another.

        The criterion: sizes between 1e-25 and 1e25, so that no square overflows; and of the type's resolution times the
        offset at most a thousandth of the spread. 1e8 + noise has three digits of that noise left in float64, none in
        float32.
        """
        self.once("resolved", self._check_resolved)

    def _check_resolved(self) -> bool:
        sets = [f.own for f in (self.real, self.fake, self.heldout) if f is not None and f.embeddings.numel()]
        if self.only_moments and not sets:
            return True  # there is no row whose digits could be looked at; the moments are in float64
        if not sets:
            raise TooFewSamplesError("There is not one row to look at; pass images.")
        largest = max(max(-low, high) for low, high in (own.reach() for own in sets))
        if largest > LARGEST or 0 < largest < SMALLEST:
            raise UndefinedError(
                f"The largest feature is {largest:.3g}; squares of features need sizes from {SMALLEST:g} to "
                f"{LARGEST:g}. Find out where the extractor overflows, or scale its features."
            )
        offset, spread = offset_and_spread([own.every(-(-len(own.rows) // LOOKED_AT)) for own in sets])
        lost = max(torch.finfo(own.rows.dtype).eps for own in sets) * offset
        if lost > RESOLVED * spread > 0:
            raise UndefinedError(
                f"The features lie {offset:.3g} from 0 and spread by {spread:.3g}: {sets[0].rows.dtype} has no digits "
                "left for what tells them apart. Subtract a constant before rounding, or use float64."
            )
        return True

    def signature(self, roles: Iterable[str], *, network: bool = True, moments: bool = False) -> tuple[str, ...]:
        """What identifies the inputs of a number: the network, the sets of these roles by their content, n, precision.

        network: False where the number is made of pixels alone, whatever network saw them too. moments: whether of the
        real images it is their moments that the number depends on.
        """
        passport = self.fake.passport
        weights = f"@{passport.weights_sha256[:8]}" if passport.weights_sha256 else ""
        real = self.real_moments if moments and self.real_moments is not None else self.real
        sets = {"real": real, "heldout": self.heldout}
        content = [f"{role}:{found.content[:8]}" for role, found in sets.items() if role in roles and found is not None]
        drawn = [f"drawn:{passport.drawn}"] if passport.drawn and "fake" in roles else []
        count = [f"n:{passport.n if self.only_moments else len(self.fake)}"] if "fake" in roles else []
        seen = ([f"x:{passport.extractor}{weights}"], [f"dtype:{passport.precision}"]) if network else ([], [])
        return (*seen[0], *content, *count, *drawn, *seen[1])

    def signature_of_eyes(self) -> tuple[str, ...]:
        """What identifies the further networks, in whatever order they were named."""
        passports = [eye.fake.passport for eye in self.eyes]
        return (f"eyes:{','.join(sorted({f'{p.extractor}@{p.weights_sha256[:8]}'.rstrip('@') for p in passports}))}",)


@dataclass
class _Draws:
    seen: bool = False


def rows_of(statistics: Statistics) -> Features:
    """The rows that are kept with the moments, or none of the right width."""
    dim, device = statistics.passport.dim, statistics.moments.mean.device
    if statistics.rows is not None:
        return statistics.rows
    withheld = frozenset() if statistics.verdicts is None else frozenset({"logits"})
    return Features(torch.empty(0, dim, device=device), statistics.passport, withheld=withheld)


def _spatial(rows: Features | None, kept: Statistics | None) -> torch.Tensor | Fit | None:
    """What is known of the spatial features of one set: published moments before rows."""
    if kept is not None and kept.spatial is not None:
        return kept.spatial
    return None if rows is None else rows.spatial


def _gaussian(found: torch.Tensor | Fit | None) -> Gaussian:
    if found is None:
        raise UndefinedError("This question needs spatial features of both sets. Choose an extractor that offers them.")
    return Gaussian.of(found) if isinstance(found, torch.Tensor) else fitted(found)


def _require_one_shape(one: Features | Statistics, other: Features | Statistics) -> None:
    """Rows of two lengths because of two shapes of image: the images are what to fix."""
    if isinstance(one, Statistics) or isinstance(other, Statistics):
        return
    if one.passport.dim == other.passport.dim or one.images is None or other.images is None:
        return
    (c, h, w), (d, i, j) = one.images.shape, other.images.shape
    if (c, h, w) != (d, i, j):
        remedy = "Convert both to grey, or both to colour." if c != d else "Resize one of them with antialiasing."
        raise IncomparableError(
            f"Images must have one shape for {one.passport.extractor}; {one.passport.source} is {h} x {w} with {c} "
            f"channel{'s' * (c > 1)}, {other.passport.source} is {i} x {j} with {d} channel{'s' * (d > 1)}. {remedy}"
        )


def _require_one_judge(one: Features | Statistics, other: Features | Statistics) -> None:
    """Verdicts on two lists of classes are no verdicts of one judge."""
    if isinstance(one, Statistics) or isinstance(other, Statistics):
        return
    if one.logits is None or other.logits is None or one.logits.shape[1:] == other.logits.shape[1:]:
        return
    raise IncomparableError(
        f"Logits of both sets must be of one judge; those of {one.passport.source} have {one.logits.shape[1]} classes, "
        f"those of {other.passport.source} {other.logits.shape[1]}. Judge both with the same classifier."
    )


def same_classes(pair: Pair, *, judged: bool = False) -> Pair:
    """The pair with labels that number one list of classes, matched by name; labels that cannot be matched are dropped.

    The list is the classifier's where its verdicts are to be compared with labels, else that of the first set that has
    one.
    """
    features = [pair.real, pair.fake, pair.heldout]
    there = [f for f in features if f is not None and f.labels is not None]
    names, whose = _judge_names(pair.fake) if judged else _first_names(there)
    sides = [Side(f.passport.source, f.labels.cpu().numpy(), f.label_names) for f in there if f.labels is not None]
    new = [_relabelled(f, labels, names) for f, labels in zip(there, matched_labels(sides, names, whose), strict=True)]
    if all(before is after for before, after in zip(there, new, strict=True)):
        return pair
    real, fake, heldout = (next((n for n, t in zip(new, there, strict=True) if t is f), f) for f in features)
    assert fake is not None
    return pair.with_sets(real, fake, heldout)


def _judge_names(judged: Features) -> tuple[tuple[str, ...], str]:
    names, logits = judged.passport.class_names, judged.logits
    named = logits is not None and len(names) == logits.shape[1]
    return names if named else (), f"the classifier {judged.passport.extractor}"


def _first_names(features: Iterable[Features]) -> tuple[tuple[str, ...], str]:
    return next(((f.label_names, f.passport.source) for f in features if f.label_names), ((), ""))


def _relabelled(features: Features, labels: NDArray[np.int64] | str | None, names: tuple[str, ...]) -> Features:
    if isinstance(labels, str):
        return features.with_labels(None, why=labels)
    assert labels is not None
    assert features.labels is not None
    same = np.array_equal(labels, features.labels.cpu().numpy())
    return features if same else features.with_labels(labels, names)


def _further(k: int) -> int:
    """Nearest fakes to know beyond k, so that k are left of nearly every list when the jackknife leaves out a third."""
    return 5 + k // 2


def _require_neighbours(k: int, n: int, m: int) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise UndefinedError(f"The number of neighbours must be a whole number of at least 1; got k = {k!r:.40}.")
    if min(n, m) <= k:
        raise TooFewSamplesError(
            f"{k} nearest neighbours need more than {k} rows in each set; got {n} real and {m} fake. "
            "Pass more images or a smaller k."
        )
