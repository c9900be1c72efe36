"""Images x extractor -> `Features`: rows with the passport of where they came from.

A network sees each image once: what it made of a set is kept on disk, addressed by the content of the images, the
weights, the preprocessing and the precision, so that a second question costs no second pass.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.classifiers import CLASSIFIERS
from ganeval.core.extractor import Embedded, Extractor
from ganeval.core.folders import cache_root
from ganeval.core.registry import load_object, unknown_name
from ganeval.errors import GanevalError, UnknownNameError, WrongInputError, guarded
from ganeval.extractors import EXTRACTORS
from ganeval.features.cache import content_key, read_file, read_tensors, write_file, write_tensors
from ganeval.features.ranks import ALONE, Ranks, local_rank
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.records.scores import Passport

CACHE_FORMAT = 2  # of the entries; a change of what is stored makes the old ones unreachable
SCHEMA = "ganeval.features/1"
ROWS = ("embeddings", "logits", "labels", "spatial")
PRECISIONS = ("fp32", "bf16")
PROBABILITY_SUM = 1e-4  # rows that miss 1 by less are probabilities
SAME_ROW = 1e-2  # share of the largest entry by which a stored first row may differ from one computed now
DEFAULT_BATCH = 256  # where an extractor names no `batch_size` of its own

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Features:
    """Rows of one set of images; nothing here changes after it was made.

    embeddings (n, d) floating, logits (n, k) or None, labels (n,) int64 or None (the class that was asked for),
    spatial (n, s) or None, images: the set they came from, for metrics that look at pixels.
    """

    embeddings: torch.Tensor
    passport: Passport
    logits: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    spatial: torch.Tensor | None = None
    confusion: NDArray[np.int64] | None = None  # of the classifier, on its real test split
    images: ImageSet | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or not self.embeddings.is_floating_point():
            raise WrongInputError(
                f"Embeddings must be floating point (n, d); got {self.embeddings.dtype} {tuple(self.embeddings.shape)}. "
                "Flatten each sample to one row."
            )
        for name in ("embeddings", "logits", "spatial"):
            rows = getattr(self, name)
            # A finite sum proves every entry finite, ten times faster than looking at each.
            if rows is not None and not bool(rows.sum().isfinite()) and not bool(torch.isfinite(rows).all()):
                bad = int((~torch.isfinite(rows).all(dim=1)).nonzero()[0])
                raise WrongInputError(
                    f"{name} must be finite; row {bad} holds NaN or infinity. Find out why before measuring."
                )
        for name in ("logits", "labels", "spatial"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != len(self):
                raise WrongInputError(f"{name} must have one row per image: {len(self)}; got {len(rows)}.")
        if self.logits is not None:
            require_logits(self.logits)
        if self.labels is not None:
            checked_labels(self.labels, len(self), self.passport.source)

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the classes that the labels number; () where nobody named them."""
        return () if self.images is None else self.images.class_names

    def with_labels(self, labels: NDArray[np.int64] | None, names: tuple[str, ...] = (), why: str = "") -> Features:
        """The same rows with other labels, of classes with these names, or without labels and with the reason."""
        rows = None if labels is None else torch.as_tensor(labels, device=self.embeddings.device)
        images = self.images and replace(self.images, labels=labels, class_names=names, unlabelled=why)
        return replace(self, labels=rows, images=images)

    def take(self, rows: NDArray[np.int64]) -> Features:
        """The features at `rows` (integers, any order), images and labels with them; pixels are read when asked for.

        >>> Features.given(np.arange(6.0).reshape(3, 2)).take(np.array([2, 0])).embeddings.tolist()
        [[4.0, 5.0], [0.0, 1.0]]
        """
        index = torch.as_tensor(rows, device=self.embeddings.device)
        mark = hashlib.sha256(self.passport.fingerprint.encode() + np.asarray(rows, dtype="<i8").tobytes()).hexdigest()
        passport = replace(self.passport, n=len(rows), fingerprint=mark if self.passport.fingerprint else "")
        return replace(
            self, embeddings=self.embeddings[index], passport=passport,
            logits=None if self.logits is None else self.logits[index],
            labels=None if self.labels is None else self.labels[index],
            spatial=None if self.spatial is None else self.spatial[index],
            images=None if self.images is None else _lazy_rows(self.images, rows),
        )  # fmt: skip

    @classmethod
    @guarded
    def given(cls, embeddings: Any, *, labels: Any = None, logits: Any = None, source: str = "array") -> Features:
        """Features from bare arrays (numpy or torch), computed elsewhere.

        >>> Features.given(np.zeros((3, 2))).passport.extractor
        'given'
        """
        rows = torch.as_tensor(embeddings).detach()
        passport = Passport(
            source=source, fingerprint="", n=len(rows), dim=rows.shape[-1] if rows.ndim else 0,
            extractor="given", weights_sha256="", preprocessing="",
        )  # fmt: skip
        return cls(
            embeddings=rows, passport=passport,
            logits=None if logits is None else torch.as_tensor(logits),
            labels=None if labels is None else torch.from_numpy(checked_labels(labels, len(rows), source)),
        )  # fmt: skip

    def save(self, path: str | Path) -> Path:
        """Write rows and passport as one safetensors file, whole or not at all; images are not kept.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Features.given(np.eye(3), labels=[0, 1, 2]).save(f"{folder}/three.safetensors")
        ...     Features.load(file).labels.tolist()
        [0, 1, 2]
        """
        tensors = {name: getattr(self, name) for name in ROWS if getattr(self, name) is not None}
        if self.confusion is not None:
            tensors["confusion"] = torch.from_numpy(np.ascontiguousarray(self.confusion))
        return write_file(
            path, tensors, {"passport": json.dumps(asdict(self.passport), sort_keys=True), "schema": SCHEMA}
        )

    @classmethod
    def load(cls, path: str | Path) -> Features:
        """What `save` wrote; a damaged or foreign file raises `WrongInputError`."""
        tensors, metadata = read_file(path)
        if metadata.get("schema") != SCHEMA or "embeddings" not in tensors or not set(tensors) <= {*ROWS, "confusion"}:
            raise WrongInputError(f"{path} must hold features with schema {SCHEMA!r}; got {metadata.get('schema')!r}.")
        confusion = tensors.pop("confusion", None)
        try:
            said = json.loads(metadata.get("passport", ""))
            passport = Passport(**{**said, "class_names": tuple(said.get("class_names", ()))})
        except (ValueError, TypeError, AttributeError) as error:
            raise WrongInputError(f"{path} does not say where its features come from. Extract them again.") from error
        if passport.n != len(tensors["embeddings"]) or passport.dim != tensors["embeddings"].shape[-1]:
            raise WrongInputError(
                f"{path} says {passport.n} rows of {passport.dim}; it holds others. Extract them again."
            )
        return cls(passport=passport, confusion=None if confusion is None else confusion.numpy(), **tensors)


def _lazy_rows(images: ImageSet, rows: NDArray[np.int64]) -> ImageSet:
    def load(start: int, stop: int) -> NDArray[np.uint8]:
        return np.concatenate([images.load(int(row), int(row) + 1) for row in rows[start:stop]])

    labels = None if images.labels is None else images.labels[rows]
    return replace(images, length=len(rows), load=load, labels=labels)


@guarded
def load_extractor(extractor: str | Extractor) -> Extractor:
    """An extractor or a classifier of the zoo by its name; an object that already is one passes through.

    "package.module:name" is an extractor of yours, or a function without arguments that makes one.

    >>> load_extractor("pixels").name
    'pixels'
    """
    if not isinstance(extractor, str):
        if isinstance(extractor, Extractor):
            return extractor
        raise WrongInputError(
            f"An extractor must be a name or follow ganeval.core.extractor.Extractor; got {type(extractor).__name__}. "
            "Wrap a network with ganeval.classifiers.wrap(...)."
        )
    for registry in (CLASSIFIERS, EXTRACTORS):
        if extractor in registry:
            return registry[extractor].load()
    if ":" in extractor:
        return load_extractor(_made(load_object(extractor, "extractor")))
    known = [*CLASSIFIERS.names(), *EXTRACTORS.names()]
    raise UnknownNameError(unknown_name("extractor or classifier", extractor, known))


def _made(found: Any) -> Any:
    """What was named, or what it makes when it is called; a network of torch is called with images only."""
    is_maker = callable(found) and not isinstance(found, torch.nn.Module) and not isinstance(found, Extractor)
    return cast("Any", found)() if is_maker else found


@guarded
def extract(
    images: ImageSet,
    extractor: str | Extractor,
    *,
    device: str | torch.device = "auto",
    precision: str = "fp32",
    batch_size: int | None = None,
    cache: bool = True,
    progress: bool = True,
    ranks: Ranks = ALONE,
) -> Features:
    """Every image through the extractor once, in batches; or from the disk cache, when these very images were seen.

    images: uint8 (n, c, h, w). device: "auto" is CUDA, then MPS, then CPU. precision: "fp32" or "bf16" (of the network;
    the features are float32 either way). batch_size: None asks the extractor; when memory runs out it is halved, and
    the log says so. The rows stay on the device, except on MPS, which has no float64 for the statistics.
    ranks: processes that share the batches out and all get every row; each of them has to call this.

    >>> two = ImageSet.from_array(np.zeros((2, 1, 4, 4), dtype=np.uint8))
    >>> tuple(extract(two, "pixels").embeddings.shape)
    (2, 16)
    """
    if precision not in PRECISIONS:
        raise UnknownNameError(unknown_name("precision", precision, PRECISIONS))
    place = choose_device(device)
    network = load_extractor(extractor).to(place, precision)
    batch = batch_size or getattr(network, "batch_size", DEFAULT_BATCH)
    fingerprint = images.fingerprint if ranks.size > 1 or cache else ""
    ranks.require_same({
        "images": fingerprint, "their number": len(images), "network": network.name, "weights": network.weights_sha256,
        "preprocessing": network.preprocessing, "precision": precision, "batch size": batch,
    })  # fmt: skip
    key = (
        _key(fingerprint, network, precision, _probe(network, images, place))
        if cache and network.weights_sha256
        else ""
    )
    rows = _stored(key, images, network, place) if key else None
    if not ranks.agree(yes=rows is not None):
        rows = _embed_shared(images, network, place, batch, ranks, progress=progress)
        if key and local_rank() == 0:
            _store(key, rows)
    assert rows is not None
    keep = torch.device("cpu") if place.type == "mps" else place
    return _features(images, network, precision, Embedded(**{k: v.to(keep) for k, v in _columns(rows).items()}))


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """ "auto" -> CUDA, then MPS, then CPU; anything else is checked and returned.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        found = next((k for k in ("cuda", "mps") if getattr(torch, k).is_available()), "cpu")
        return torch.device(found)
    try:
        place = torch.device(device)
        torch.empty(1, device=place).cpu()  # a device that has a name may still not be there
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        there = ", ".join(["cpu", *(k for k in ("cuda", "mps") if getattr(torch, k).is_available())])
        raise WrongInputError(
            f"A device must be 'auto' or one that is here ({there}); got {device!r}. Leave it out to take the fastest."
        ) from error
    return place


def require_logits(logits: torch.Tensor) -> None:
    """Refuse what cannot be logits: one column, which says nothing, and probabilities, whose softmax is another thing."""
    if logits.ndim != 2 or logits.shape[1] < 2 or not logits.is_floating_point():
        raise WrongInputError(
            f"Logits must be floating point (n, k) with k >= 2 classes; got {logits.dtype} {tuple(logits.shape)}. "
            "Of one number per image make two columns: torch.stack([-x / 2, x / 2], dim=1)."
        )
    rows = logits.double()
    if len(rows) and bool((rows >= 0).all()) and bool(((rows.sum(dim=1) - 1).abs() < PROBABILITY_SUM).all()):
        raise WrongInputError(
            "Logits must come before the softmax; these rows are non-negative and sum to one, so they are probabilities. "
            "Take the network's output before its softmax, or pass the logarithms of the probabilities."
        )


def _probe(network: Extractor, images: ImageSet, device: torch.device) -> str:
    """What a network that is not one of the library's makes of two fixed images: two that differ in anything differ here.

    A name and a digest of the weights do not tell which layer is taken, which activation follows, what `preprocess`
    does.
    """
    if type(network).__module__.startswith("ganeval.extractors."):
        return ""
    pixels = np.random.default_rng(0).integers(0, 256, (2, *images.shape), dtype=np.uint8)
    digest = hashlib.sha256()
    for image in np.split(pixels, len(pixels)):
        for name, rows in _columns(_embed(image, network, device)).items():
            digest.update(f"{name} {tuple(rows.shape)}".encode() + rows.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _key(fingerprint: str, network: Extractor, precision: str, probe: str) -> str:
    return content_key({
        "images": fingerprint, "probe": probe, "extractor": network.name, "weights": network.weights_sha256,
        "preprocessing": network.preprocessing, "precision": precision, "format": CACHE_FORMAT,
        "torch": torch.__version__.partition(".")[0],
    })  # fmt: skip


def _columns(rows: Embedded) -> dict[str, torch.Tensor]:
    return {name: value for name, value in rows._asdict().items() if value is not None}


def _stored(key: str, images: ImageSet, network: Extractor, device: torch.device) -> Embedded | None:
    """The entry under `key`, if it has the columns, types and widths that the network gives, and its first row."""
    found = read_tensors(cache_root() / "features", key)
    if not found:
        return None
    first = _columns(_embed(images.load(0, 1), network, device))
    if set(found) != set(first):
        return None
    for name, given in first.items():
        rows, row = found[name], given.float().cpu()
        if rows.dtype != torch.float32 or rows.shape != (len(images), *row.shape[1:]):
            return None
        if not torch.allclose(rows[:1], row, rtol=0, atol=SAME_ROW * max(1.0, float(row.abs().max()))):
            return None
    return Embedded(**found)


def _store(key: str, rows: Embedded) -> None:
    try:
        write_tensors(cache_root() / "features", key, _columns(rows))
    except OSError as error:
        _log.warning("The features could not be kept in the cache (%s); they will be computed again.", error)


def _embed_shared(
    images: ImageSet, network: Extractor, device: torch.device, batch: int, ranks: Ranks, *, progress: bool
) -> Embedded:
    """Whole batches are shared out, so that the network sees the very batches that one process would show it."""
    first, last = (min(b * batch, len(images)) for b in ranks.span(-(-len(images) // batch)))
    # A rank without a batch learns the shape of a row from one image.
    mine = slice(0, 1) if first == last else slice(first, last)
    rows = _embed_all(images, mine, network, device, batch, progress=progress and ranks.rank == 0)
    return Embedded(**{name: ranks.gather(column[: last - first]) for name, column in _columns(rows).items()})


def _embed_all(
    images: ImageSet, span: slice, network: Extractor, device: torch.device, batch: int, *, progress: bool
) -> Embedded:
    parts: list[Embedded] = []
    start = span.start
    silent = not progress or not sys.stderr.isatty() or bool(os.environ.get("CI"))
    with tqdm(total=span.stop - start, desc=f"{images.source} x {network.name}", disable=silent, leave=False) as bar:
        while start < span.stop:
            stop = min(start + batch, span.stop)
            try:
                parts.append(_embed(images.load(start, stop), network, device))
            except RuntimeError as error:
                batch = _halved(batch, error)
                continue
            bar.update(stop - start)
            start = stop
    return _joined(parts)


def _embed(pixels: NDArray[np.uint8], network: Extractor, device: torch.device) -> Embedded:
    with torch.no_grad():
        return _checked(network(torch.tensor(pixels, device=device)), len(pixels), network.name)


def _checked(found: Any, n: int, name: str) -> Embedded:
    """What a network gave for n images, if that is rows; what it gave instead is said."""
    if not isinstance(found, Embedded):
        shape = f" of shape {tuple(found.shape)}" if isinstance(found, torch.Tensor) else ""
        raise WrongInputError(
            f"The extractor {name} must return ganeval.core.extractor.Embedded(embeddings, logits=None, spatial=None); it "
            f"returned {type(found).__name__}{shape}. Return Embedded(rows) with rows of shape (n, d)."
        )
    for column, rows in _columns(found).items():
        if not isinstance(rows, torch.Tensor) or rows.ndim != 2 or len(rows) != n or not rows.is_floating_point():
            shape = f"{rows.dtype} {tuple(rows.shape)}" if isinstance(rows, torch.Tensor) else type(rows).__name__
            raise WrongInputError(
                f"The extractor {name} must return floating-point {column} of shape ({n}, d) for {n} images; got {shape}."
            )
    return found


def _joined(parts: list[Embedded]) -> Embedded:
    columns = [_columns(part) for part in parts]
    return Embedded(**{name: torch.cat([column[name].float() for column in columns]) for name in columns[0]})


def _halved(batch: int, error: RuntimeError) -> int:
    """Half the batch when `error` says that memory ran out; every other error is not ours to handle."""
    if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
        raise error
    if batch == 1:
        raise GanevalError(
            "One image at a time must fit into memory; it did not. Use another device or smaller images."
        ) from error
    _log.warning("Out of memory with %d images a batch; going on with %d.", batch, batch // 2)
    return batch // 2


def _features(images: ImageSet, network: Extractor, precision: str, rows: Embedded) -> Features:
    passport = Passport(
        source=images.source, fingerprint=images.fingerprint, n=len(images), dim=rows.embeddings.shape[1],
        extractor=network.name, weights_sha256=network.weights_sha256, preprocessing=network.preprocessing,
        precision=precision, class_names=tuple(network.class_names or images.class_names),
    )  # fmt: skip
    labels = None if images.labels is None else torch.as_tensor(np.array(images.labels), dtype=torch.int64)
    return Features(
        embeddings=rows.embeddings, passport=passport, logits=rows.logits,
        labels=None if labels is None else labels.to(rows.embeddings.device),
        spatial=rows.spatial, confusion=network.confusion, images=images,
    )  # fmt: skip
