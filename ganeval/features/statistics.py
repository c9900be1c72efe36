"""`Statistics`: what is kept of one image set seen by one network, small enough to store, merge and send.

Always the moments of its embeddings (n, mean, scatter; float64; 8 d^2 bytes whatever n is); those of its spatial
features where the network offers them; the rows themselves only where somebody asks. With a passport, so that two of
them are only ever compared or merged where one network made both. Streams, shards and machines give one number because
`merge` does: any order and grouping agree with all rows at once to 1e-10.

Files of this library are safetensors with a checksum. What others publish is read by `ganeval.features.published`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from ganeval.errors import IncomparableError, UndefinedError, WrongInputError, guarded
from ganeval.features.cache import read_file, write_file
from ganeval.features.rows import ROWS, Features, passport_from
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.logits import Verdicts
from ganeval.numerics.moments import Moments
from ganeval.records.scores import Passport

SCHEMA = "ganeval.statistics/1"
MIN_VERDICTS = 3  # sums: of two classes, and of p log p

Fit = Moments | Gaussian  # a Gaussian where a mean and a covariance were published without their n


@dataclass(frozen=True, eq=False)
class Statistics:
    """One image set seen by one network; nothing here changes after it was made.

    passport: whose they are; its n is 0 where nobody says how many images they are of. moments: of the embeddings.
    spatial: the same of the spatial features, or None. rows: the features themselves, or None. images_at: a file
    with images beside the moments, for questions that need more than these.

    >>> features = Features.given(torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 6.0]]))
    >>> one = Statistics.of(features)
    >>> one.n, one.moments.mean.tolist(), one.rows is None
    (3, [2.0, 2.0], True)
    """

    passport: Passport
    moments: Fit
    spatial: Fit | None = None
    rows: Features | None = field(default=None, repr=False)
    images_at: Path | None = None
    verdicts: Verdicts | None = None  # what is kept of the logits

    def __post_init__(self) -> None:
        if self.passport.dim != len(self.moments.mean):
            raise WrongInputError(
                f"{self.passport.source} says {self.passport.dim} numbers a row; its mean has {len(self.moments.mean)}."
            )

    @classmethod
    @guarded
    def of(cls, features: Features, *, rows: bool = False) -> Statistics:
        """The moments of `features`, and with `rows` the features themselves; of no row at all, too."""
        spatial = None if features.spatial is None else Moments.of(features.spatial)
        verdicts = None if features.logits is None else Verdicts.of(features.logits)
        kept = features if rows else None
        return cls(features.passport, Moments.of(features.embeddings), spatial, kept, verdicts=verdicts)

    @property
    def n(self) -> int | None:
        """How many images these are of; None where nobody says."""
        return self.moments.n

    @property
    def content(self) -> str:
        """SHA-256 of what is in the set: the fingerprint of its images, else that of its moments."""
        return self.passport.fingerprint or self._sha256

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256()
        for name, values in sorted(_tensors(self.moments).items()):
            digest.update(f"{name} {tuple(values.shape)}".encode() + values.cpu().numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def gaussian(self) -> Gaussian:
        """The embeddings as N(mean, covariance)."""
        return fitted(self.moments)

    def to(self, device: torch.device | str) -> Statistics:
        """The same moments on another device; rows stay where they are."""
        spatial = None if self.spatial is None else self.spatial.to(device)
        return replace(self, moments=self.moments.to(device), spatial=spatial)

    @guarded
    def merge(self, other: Statistics) -> Statistics:
        """The statistics of both sets together: as of all rows at once, to 1e-10. Rows are kept where both have them.

        Raises: IncomparableError for another network's, UndefinedError where one of them does not say its n,
        WrongInputError for the same images twice.

        >>> a, b = (Features.given(torch.tensor(rows)) for rows in ([[0.0, 1.0]], [[2.0, 5.0], [4.0, 0.0]]))
        >>> both = Statistics.of(a).merge(Statistics.of(b))
        >>> both.n, both.moments.mean.tolist()
        (3, [2.0, 2.0])
        """
        self.passport.require_comparable(other.passport)
        require_different([self, other])
        if (self.spatial is None) != (other.spatial is None):
            raise IncomparableError("Statistics with and without spatial features cannot be merged. Make both again.")
        moments = _merged(self.moments, other.moments, self, other)
        spatial = None
        if self.spatial is not None and other.spatial is not None:
            spatial = _merged(self.spatial, other.spatial, self, other)
        passport = replace(
            self.passport, n=moments.n, fingerprint=_both(self.passport.fingerprint, other.passport.fingerprint)
        )
        rows = None
        if self.rows is not None and other.rows is not None:
            rows = joined((self.rows, other.rows), passport)
        verdicts = None
        if self.verdicts is not None and other.verdicts is not None:
            verdicts = self.verdicts.merge(other.verdicts)
        return Statistics(passport, moments, spatial, rows, verdicts=verdicts)

    @guarded
    def save(self, path: str | Path) -> Path:
        """Write moments, passport and, where they are kept, rows as one safetensors file, whole or not at all.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Statistics.of(Features.given(torch.eye(3))).save(f"{folder}/three.safetensors")
        ...     Statistics.load(file).n
        3
        """
        passport = json.dumps(asdict(self.passport), sort_keys=True)
        return write_file(path, self.tensors(), {"passport": passport, "schema": SCHEMA})

    def tensors(self) -> dict[str, torch.Tensor]:
        """What is stored of these statistics, by name."""
        found = {f"moments.{name}": values for name, values in _tensors(self.moments).items()}
        if self.spatial is not None:
            found |= {f"spatial.{name}": values for name, values in _tensors(self.spatial).items()}
        if self.verdicts is not None:
            found["verdicts.total"] = self.verdicts.total
        if self.rows is not None:
            found |= {f"rows.{name}": values for name, values in self.rows.tensors().items()}
        return found

    @classmethod
    @guarded
    def load(cls, path: str | Path) -> Statistics:
        """What `save` wrote; a damaged or foreign file raises `WrongInputError`."""
        tensors, metadata = read_file(path)
        if metadata.get("schema") != SCHEMA:
            raise WrongInputError(
                f"{path} must hold statistics with schema {SCHEMA!r}; got {metadata.get('schema')!r}. Make them again: "
                "ganeval stats make."
            )
        return from_tensors(tensors, metadata, path)


def from_tensors(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], path: str | Path) -> Statistics:
    """The statistics in the tensors and the metadata of a file of ours."""
    passport = passport_from(metadata, path)
    parts: dict[str, dict[str, torch.Tensor]] = {"moments": {}, "spatial": {}, "rows": {}, "verdicts": {}}
    for name, values in tensors.items():
        group, dot, key = name.partition(".")
        if not dot or group not in parts:
            raise WrongInputError(f"{path} holds {name!r}, which no statistics have. Make them again.")
        parts[group][key] = values
    moments = _fit(parts["moments"], passport.n, path)
    spatial = _fit(parts["spatial"], passport.n, path) if parts["spatial"] else None
    if passport.dim != len(moments.mean):
        raise WrongInputError(f"{path} says {passport.dim} numbers a row; it holds others. Make it again.")
    rows = Features.of_tensors(parts["rows"], passport, path) if parts["rows"] else None
    return Statistics(passport, moments, spatial, rows, verdicts=_verdicts(parts["verdicts"], passport.n, path))


def _verdicts(tensors: Mapping[str, torch.Tensor], n: int, path: str | Path) -> Verdicts | None:
    if not tensors:
        return None
    total = tensors.get("total")
    if total is None or total.ndim != 1 or len(total) < MIN_VERDICTS or n < 1 or not bool(total.isfinite().all()):
        raise WrongInputError(f"{path} holds no sums of class probabilities where it should. Make it again.")
    total = total.double()
    if bool((total[:-1] < 0).any()) or abs(float(total[:-1].sum()) - n) > 1e-6 * n or float(total[-1]) > 0:
        raise WrongInputError(f"{path} holds sums of class probabilities of other than its {n} images. Make it again.")
    return Verdicts(n, total)


def fitted(fit: Fit) -> Gaussian:
    """N(mean, covariance) of moments, or of what was published as one."""
    return fit if isinstance(fit, Gaussian) else Gaussian.from_moments(fit)


def joined(parts: Sequence[Features], passport: Passport) -> Features:
    """The rows of all parts, one after the other, without images; what only some have (labels, logits) is an error."""
    first, both = parts[0], {}
    for name in ROWS:
        columns = [getattr(part, name) for part in parts]
        there = [column.to(first.embeddings.device) for column in columns if column is not None]
        if len(there) not in (0, len(parts)):
            raise IncomparableError(f"Rows of {passport.source} cannot be joined: only some parts have {name}.")
        both[name] = torch.cat(there) if there else None
    columns = (both[name] for name in ROWS[1:])
    return Features(both["embeddings"], passport, *columns, confusion=first.confusion, withheld=first.withheld)


def _merged(one: Fit, other: Fit, first: Statistics, second: Statistics) -> Moments:
    for fit, whose in ((one, first), (other, second)):
        if not isinstance(fit, Moments):
            raise UndefinedError(
                f"{whose.passport.source} does not say of how many images it holds the statistics, so they cannot be "
                "merged with others. Make them again from the images: ganeval stats make."
            )
    assert isinstance(one, Moments)
    assert isinstance(other, Moments)
    return one.merge(other.to(one.mean.device))


def require_different(parts: Sequence[Statistics]) -> None:
    """Raise where two parts are of the same images: counted twice they promise half the noise that there is."""
    marks = [part.passport.fingerprint for part in parts]
    for at, mark in enumerate(marks):
        if mark and mark in marks[:at]:
            one, other = parts[marks.index(mark)].passport, parts[at].passport
            raise WrongInputError(
                f"{one.source} and {other.source} hold the same {one.n:,} images, which would count twice. "
                "Name each part once."
            )


def _both(one: str, other: str) -> str:
    """A fingerprint of two sets together that does not depend on their order; "" where one of them has none."""
    return f"{(int(one, 16) + int(other, 16)) % 2**256:064x}" if one and other else ""


def _tensors(fit: Fit) -> dict[str, torch.Tensor]:
    if isinstance(fit, Moments):
        return {"mean": fit.mean, "scatter": fit.scatter}
    assert fit.covariance.matrix is not None
    return {"mean": fit.mean, "covariance": fit.covariance.matrix}


def _fit(tensors: Mapping[str, torch.Tensor], n: int, path: str | Path) -> Fit:
    mean, square = tensors.get("mean"), tensors.get("scatter", tensors.get("covariance"))
    if mean is None or square is None or mean.ndim != 1 or square.shape != (len(mean), len(mean)) or n < 0:
        raise WrongInputError(f"{path} holds no mean and scatter of one width. Make it again.")
    if not bool(mean.isfinite().all()) or not bool(square.isfinite().all()):
        raise WrongInputError(f"{path} holds NaN or infinity. Make it again from images that were looked at.")
    mean, square = mean.double(), square.double()
    if "scatter" in tensors:
        return Moments(n, mean, square)
    return Gaussian.published(mean, square)
