"""Images x extractor -> `Features`: rows with the passport of where they came from.

A network sees each image once: what it made of a set is kept on disk, addressed by the content of the images, the
weights, the preprocessing and the precision, so that a second question costs no second pass.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.classifiers import CLASSIFIERS
from ganeval.classifiers.catalog import judges_for
from ganeval.classifiers.judges import is_judge, load_judge
from ganeval.core.compute import HERE, Compute
from ganeval.core.extractor import Embedded, Extractor, ExtractorSpec
from ganeval.core.registry import load_object, unknown_name
from ganeval.core.typed import typed
from ganeval.errors import GanevalError, MissingFileError, UnknownNameError, WrongInputError, guarded
from ganeval.extractors import EXTRACTORS
from ganeval.extractors.weights import OFFLINE
from ganeval.features.cache import read_file, write_file
from ganeval.features.embedding import EVERYTHING, columns, embed, only
from ganeval.features.held import Held
from ganeval.features.identity import SAME_ROW, are_close, entry_key, keep_rows, kept_rows, probe, shapes, vector
from ganeval.features.known import Note, changed, known_content, outline
from ganeval.features.own import Own
from ganeval.features.ranks import ALONE, Ranks, local_rank
from ganeval.features.seeing import see, too_many
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.rows import checked_rows
from ganeval.images.subset import checked_count
from ganeval.images.tensors import as_tensor
from ganeval.numerics.logits import require_logits
from ganeval.records.scores import Passport

SCHEMA = "ganeval.features/1"
ROWS = ("embeddings", "logits", "labels", "spatial")  # in the order of the fields
PRECISIONS = ("fp32", "bf16")
DEFAULT_BATCH = 256  # where an extractor names no `batch_size` of its own


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
    withheld: frozenset[str] = frozenset()  # columns that the network gives and nobody asked for
    held: Held | None = field(default=None, repr=False)  # where no rank has all rows: embeddings have no numbers then
    own: Own = field(default_factory=Own.of_none, repr=False)  # what was worked out of the embeddings alone
    also: tuple[Features, ...] = field(default=(), repr=False)  # the same images as other networks saw them
    brought: str | None = field(default=None, repr=False)  # SHA-256 of the labels the rows came with, "" without any

    def __post_init__(self) -> None:
        if self.own.rows is not self.embeddings:
            own = Own(self.embeddings, self.held)  # a copy has it from those it was made of, if at all
            object.__setattr__(self, "own", own)
        if self.embeddings.ndim != 2 or not self.embeddings.is_floating_point():
            raise WrongInputError(
                f"Embeddings must be floating point (n, d); got {self.embeddings.dtype} "
                f"{tuple(self.embeddings.shape)}. Flatten each sample to one row."
            )
        for name in ("embeddings", "logits", "spatial"):
            _require_finite(name, getattr(self, name))
        for name in ("logits", "labels", "spatial"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != len(self):
                raise WrongInputError(f"{name} must have one row per image: {len(self)}; got {len(rows)}.")
        if self.logits is not None:
            require_logits(self.logits)
        if self.labels is not None:
            checked_labels(self.labels, len(self), self.passport.source)
        if self.brought is None:  # a copy with other labels remembers the first ones: they tell one set from another
            object.__setattr__(self, "brought", "" if self.labels is None else _digest(self.labels))

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

    @property
    def rows_sha256(self) -> str:
        """SHA-256 of the embeddings: what tells bare rows apart."""
        return self.own.once("sha256", lambda: _digest(self.embeddings))

    def require_unchanged(self) -> None:
        """Bare rows that were written into are measured afresh; what a network made of images has to stay that."""
        if self.own.forget_if_changed() and self.passport.extractor != "given":
            raise WrongInputError(
                f"The rows that {self.passport.extractor} made of {self.passport.source} have been changed since. "
                "Write into a copy, and measure it with Features.given."
            )

    @property
    def content(self) -> str:
        """SHA-256 of what is in the set: the fingerprint of its images and labels, or where there are no images that of
        its rows and of the labels that these came with.
        """
        if self.passport.fingerprint or not self.brought:
            return self.passport.fingerprint or self.rows_sha256
        return hashlib.sha256(f"{self.rows_sha256} {self.brought}".encode()).hexdigest()

    def drawn_by(self, how: str) -> Features:
        """The same rows, with a note of what chose them among others; "" changes nothing."""
        return replace(self, passport=replace(self.passport, drawn=how)) if how else self

    def take(self, rows: NDArray[np.int64]) -> Features:
        """The features at `rows` (integers, any order), images and labels with them; pixels are read when asked for.

        >>> Features.given(np.arange(6.0).reshape(3, 2)).take(np.array([2, 0])).embeddings.tolist()
        [[4.0, 5.0], [0.0, 1.0]]
        """
        rows = checked_rows(rows, len(self))
        index = torch.as_tensor(rows, device=self.embeddings.device)
        mark = hashlib.sha256(self.passport.fingerprint.encode() + np.asarray(rows, dtype="<i8").tobytes()).hexdigest()
        passport = replace(self.passport, n=len(rows), fingerprint=mark if self.passport.fingerprint else "")
        return replace(
            self,
            embeddings=self.embeddings[index],
            passport=passport,
            logits=None if self.logits is None else self.logits[index],
            labels=None if self.labels is None else self.labels[index],
            spatial=None if self.spatial is None else self.spatial[index],
            images=self.images and self.images.rows(rows),
            also=(),
            brought=None,
        )

    @classmethod
    @guarded
    def given(cls, embeddings: Any, *, labels: Any = None, logits: Any = None, source: str = "array") -> Features:
        """Features from bare arrays (numpy or torch), computed elsewhere.

        >>> Features.given(np.zeros((3, 2))).passport.extractor
        'given'
        """
        rows = as_tensor(embeddings, source)
        if rows.ndim == 0:
            raise WrongInputError(f"Features must be (n, d), one row for each image; got {tuple(rows.shape)}.")
        passport = Passport(
            source=source,
            fingerprint="",
            n=len(rows),
            dim=rows.shape[-1],
            extractor="given",
            weights_sha256="",
            preprocessing="",
        )
        return cls(
            embeddings=rows,
            passport=passport,
            logits=None if logits is None else as_tensor(logits, f"Logits of {source}"),
            labels=None if labels is None else torch.from_numpy(checked_labels(labels, len(rows), source)),
        )

    @guarded
    def save(self, path: str | Path) -> Path:
        """Write rows and passport as one safetensors file, whole or not at all; images are not kept.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Features.given(np.eye(3), labels=[0, 1, 2]).save(f"{folder}/three.safetensors")
        ...     Features.load(file).labels.tolist()
        [0, 1, 2]
        """
        passport = json.dumps(asdict(self.passport), sort_keys=True)
        return write_file(path, self.tensors(), {"passport": passport, "schema": SCHEMA})

    def tensors(self) -> dict[str, torch.Tensor]:
        """What is stored of these features, by name; images are not."""
        found = {name: getattr(self, name) for name in ROWS if getattr(self, name) is not None}
        if self.confusion is not None:
            found["confusion"] = torch.from_numpy(np.ascontiguousarray(self.confusion))
        return found

    @classmethod
    @guarded
    def load(cls, path: str | Path) -> Features:
        """What `save` wrote; a damaged or foreign file raises `WrongInputError`."""
        tensors, metadata = read_file(path)
        if metadata.get("schema") != SCHEMA:
            raise WrongInputError(f"{path} must hold features with schema {SCHEMA!r}; got {metadata.get('schema')!r}.")
        return cls.of_tensors(tensors, passport_from(metadata, path), path)

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, torch.Tensor], passport: Passport, path: str | Path) -> Features:
        """The features that `tensors()` gave, as they were read from `path`."""
        if "embeddings" not in tensors or not set(tensors) <= {*ROWS, "confusion"}:
            raise WrongInputError(f"{path} must hold features with schema {SCHEMA!r}; it holds {sorted(tensors)}.")
        if passport.n != len(tensors["embeddings"]) or passport.dim != tensors["embeddings"].shape[-1]:
            raise WrongInputError(
                f"{path} says {passport.n} rows of {passport.dim}; it holds others. Extract them again."
            )
        confusion = tensors.get("confusion")
        return cls(
            tensors["embeddings"],
            passport,
            *(tensors.get(name) for name in ROWS[1:]),
            confusion=None if confusion is None else confusion.numpy(),
        )


def _require_finite(name: str, rows: torch.Tensor | None) -> None:
    """A finite sum proves every entry finite, ten times faster than looking at each."""
    if rows is None or rows.is_meta or bool(rows.sum().isfinite()) or bool(torch.isfinite(rows).all()):
        return
    bad = int((~torch.isfinite(rows).all(dim=1)).nonzero()[0])
    raise WrongInputError(f"{name} must be finite; row {bad} holds NaN or infinity. Find out why before measuring.")


def passport_from(metadata: Mapping[str, str], path: str | Path) -> Passport:
    """The passport in the metadata of a file of ours."""
    try:
        return typed(Passport, json.loads(metadata.get("passport", "")), "passport")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WrongInputError(f"{path} does not say where its features come from. Extract them again.") from error


@guarded
def load_extractor(extractor: str | Extractor, shape: tuple[int, int, int] | None = None) -> Extractor:
    """An extractor or a classifier of the zoo by its name; an object that already is one passes through.

    "PATH.safetensors" is a judge that `ganeval zoo train` has made of your images. "package.module:name" is an
    extractor of yours, or a function without arguments that makes one. `shape` (c, h, w) of the
    images it is for: where weights are missing, the error then names the classifiers that would do instead.

    >>> load_extractor("pixels").name
    'pixels'
    """
    if not isinstance(extractor, str):
        return _following(extractor, "An extractor must be a name or")
    for registry in (CLASSIFIERS, EXTRACTORS):
        if extractor in registry:
            return _following(
                _loaded(registry[extractor], shape), f"load() of {extractor!r} must give what is named and"
            )
    if is_judge(extractor):
        return load_judge(extractor)
    if ":" in extractor and extractor.partition(":")[0] not in EXTRACTORS:
        return _following(_made(load_object(extractor, "extractor")), f"{extractor!r} must")
    known = [*CLASSIFIERS.names(), *EXTRACTORS.names()]
    raise UnknownNameError(unknown_name("extractor or classifier", extractor, known))


def _following(found: Any, must: str) -> Extractor:
    if isinstance(found, Extractor) and not isinstance(found, type):
        return found
    what = f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
    raise WrongInputError(
        f"{must} follow ganeval.core.extractor.Extractor; got {what}. Wrap a network with "
        "ganeval.classifiers.wrap(...)."
    )


def _loaded(spec: ExtractorSpec, shape: tuple[int, int, int] | None) -> Any:
    try:
        return spec.load()
    except MissingFileError as error:
        if shape is None:
            raise
        raise MissingFileError(str(error).replace(OFFLINE, judges_for(shape))) from error


def _made(found: Any) -> Any:
    """What was named, or what it makes when it is called; a network of torch is called with images only."""
    is_maker = callable(found) and not isinstance(found, torch.nn.Module) and not isinstance(found, Extractor)
    return cast("Any", found)() if is_maker else found


@guarded
def extract(
    images: ImageSet,
    extractor: str | Extractor,
    *,
    precision: str = "fp32",
    compute: Compute = HERE,
    asked: frozenset[str] = EVERYTHING,
    stay: bool = False,
) -> Features:
    """Every image through the extractor once, in batches; or from the disk cache, when these very images were seen.

    images: uint8 (n, c, h, w). precision: "fp32" or "bf16" (of the network; the features are float32 either way).
    compute: device, batch size (None asks the extractor; when memory runs out it is halved, and the log says so),
    cache, and the processes that share the batches out: each of them has to call this, and all get every row. The rows
    stay on the device, except on MPS, which has no float64 for the statistics. asked: columns beside the embeddings
    ("logits", "spatial") to keep, where the network gives them. stay: where there are several processes, and the rows
    of all images would take more than `cache_gib`, each keeps its own (`Features.held`), and the cache is left alone.

    >>> two = ImageSet.from_array(np.zeros((2, 1, 4, 4), dtype=np.uint8))
    >>> tuple(extract(two, "pixels").embeddings.shape)
    (2, 16)
    """
    network, place, ranks, batch, probed = ready(images, extractor, precision, compute)
    keeps = probed if compute.cache and network.weights_sha256 and images.trial is None else None
    rows, offered = (
        see(images, network, place, batch, ranks, compute, asked, stay=stay)
        if keeps is None or (stay and too_many(len(images), keeps.embeddings.shape[1], ranks, compute))
        else _seen_or_kept(images, network, place, batch, ranks, compute, asked, probed=keeps, precision=precision)
    )
    keep = torch.device("cpu") if place.type == "mps" else place
    if stay and too_many(len(images), rows.embeddings.shape[1], ranks, compute):
        return _held(images, network, precision, Held.of_share(rows.embeddings.to(keep), ranks), offered)
    there = Embedded(**{name: column.to(keep) for name, column in columns(rows).items()})
    return _features(images, network, precision, there, offered - columns(there).keys())


def ready(
    images: ImageSet, extractor: str | Extractor, precision: str, compute: Compute
) -> tuple[Extractor, torch.device, Ranks, int, Embedded | None]:
    """The network where it is to run, the device, the ranks, which all have brought the same, the size of a batch, and
    what the network is recognised by, where somebody will ask.
    """
    if not isinstance(images, ImageSet):
        raise WrongInputError(
            f"extract looks at an image set; got {type(images).__name__}. Open it first: image_set(images)."
        )
    if precision not in PRECISIONS:
        raise UnknownNameError(unknown_name("precision", precision, PRECISIONS))
    if compute.batch_size is not None:
        checked_count(compute.batch_size, "batch_size")
    if compute.workers:
        checked_count(compute.workers, "workers")
    if not 0 <= compute.cache_gib < math.inf:
        raise WrongInputError(f"cache_gib must be a number of GiB of at least 0; got {compute.cache_gib!r}.")
    place, ranks = choose_device(compute.device), compute.ranks or ALONE
    network, probed = ranks.together(lambda: _prepared(images, extractor, place, precision, compute, ranks))
    batch = compute.batch_size or getattr(network, "batch_size", DEFAULT_BATCH)
    if ranks.size > 1:
        asked = {"precision": precision, "batch size": batch, "shapes of the features": probed and shapes(probed)}
        ranks.require_same({**ranks.together(lambda: _facts(images, network)), **asked})
    if probed is not None:
        ranks.require_close("what the network makes of the images", vector(probed), SAME_ROW[precision])
    return network, place, ranks, batch, probed


def _facts(images: ImageSet, network: Extractor) -> dict[str, object]:
    """What every rank must have brought."""
    return {
        "images": outline(images),
        "their number": len(images),
        "network": network.name,
        "weights": network.weights_sha256,
        "preprocessing": network.preprocessing,
    }


def _prepared(
    images: ImageSet, extractor: str | Extractor, place: torch.device, precision: str, compute: Compute, ranks: Ranks
) -> tuple[Extractor, Embedded | None]:
    """The network where it is to run, and, where somebody will ask whose rows they are, the answer."""
    network = load_extractor(extractor, images.shape).to(place, precision)
    if ranks.size == 1 and (images.trial is not None or not (compute.cache and network.weights_sha256)):
        return network, None
    return network, probe(network, images, place)


def _seen_or_kept(
    images: ImageSet,
    network: Extractor,
    place: torch.device,
    batch: int,
    ranks: Ranks,
    compute: Compute,
    asked: frozenset[str],
    *,
    probed: Embedded,
    precision: str,
) -> tuple[Embedded, frozenset[str]]:
    """Rows of the cache, where these very images were seen by this very network; else of the network, and kept.

    Where the cache has fewer columns than are asked for, a pass makes these, and those that were there stay.
    """
    offered = frozenset(columns(probed))
    note = None if images.encoded is None else Note(images.encoded, ranks)
    content = known_content(images, note)
    key = entry_key(content, network, precision, probed) if content else ""
    rows = kept_rows(key, len(images), probed, SAME_ROW[precision]) if key else None
    there = frozenset(columns(rows)) if rows is not None else frozenset()
    if ranks.agree(yes=rows is not None and asked & offered <= there):
        assert rows is not None
        return only(rows, asked), offered
    wanted = asked | there if ranks.size == 1 else asked  # caches of machines may differ, what is gathered may not
    rows, _ = see(images, network, place, batch, ranks, compute, wanted)
    if content and images.fingerprint != content:
        raise WrongInputError(changed(images.source))
    if local_rank() == 0:
        keep_rows(entry_key(images.fingerprint, network, precision, probed), rows, compute.cache_gib)
    if note is not None:
        note.write(images.seen.root)
    return only(rows, asked), offered


def _digest(rows: torch.Tensor) -> str:
    rows = rows.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{rows.dtype} {tuple(rows.shape)}".encode())
    digest.update(rows.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def still_gives(network: Extractor, features: Features, *, device: str | torch.device, precision: str) -> bool:
    """Whether the network makes of the first image the first row; True where there is no image to ask about."""
    try:
        pixels = None if features.images is None else features.images.load(0, 1)
    except (GanevalError, OSError):  # the files are gone, the rows are here
        pixels = None
    if pixels is None:
        return True
    place = choose_device(device)
    row = columns(embed(pixels, network.to(place, precision), place))
    given, room = _given_rows(features), SAME_ROW[precision]
    return all(name not in row or are_close(column[:1], row[name], room) for name, column in given.items())


def _given_rows(features: Features) -> dict[str, torch.Tensor]:
    rows = {"embeddings": features.embeddings, "logits": features.logits, "spatial": features.spatial}
    return {name: column for name, column in rows.items() if column is not None}


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """ "auto" -> CUDA, then MPS, then CPU; anything else is checked and returned.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if isinstance(device, str) and device == "auto":
        found = next((k for k in ("cuda", "mps") if getattr(torch, k).is_available()), "cpu")
        return torch.device(found)
    try:
        place = torch.device(device)
        torch.empty(1, device=place).cpu()  # a device that has a name may still not be there
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError) as error:
        there = ", ".join(["cpu", *(k for k in ("cuda", "mps") if getattr(torch, k).is_available())])
        raise WrongInputError(
            f"A device must be 'auto' or one that is here ({there}); got {device!r}. Leave it out to take the fastest."
        ) from error
    return place


def passport_of(images: ImageSet, network: Extractor, precision: str, dim: int) -> Passport:
    """Where rows of `dim` numbers come from; the images have been seen."""
    return Passport(
        source=images.source,
        fingerprint=images.fingerprint,
        n=len(images),
        dim=dim,
        extractor=network.name,
        weights_sha256=network.weights_sha256,
        preprocessing=network.preprocessing,
        precision=precision,
        class_names=tuple(network.class_names or images.class_names),
    )


def _held(images: ImageSet, network: Extractor, precision: str, held: Held, offered: frozenset[str]) -> Features:
    """Features of which this rank has a share."""
    held.ranks.together(lambda: Features.given(held.rows))  # the numbers are looked at where they are
    stand_in = held.stand_in()
    passport = passport_of(images, network, precision, stand_in.shape[1])
    labels = None if images.labels is None else torch.as_tensor(np.array(images.labels), dtype=torch.int64)
    withheld = offered - {"embeddings"}
    return Features(
        stand_in, passport, labels=labels, confusion=network.confusion, images=images, withheld=withheld, held=held
    )


def _features(
    images: ImageSet, network: Extractor, precision: str, rows: Embedded, withheld: frozenset[str]
) -> Features:
    passport = passport_of(images, network, precision, rows.embeddings.shape[1])
    labels = None if images.labels is None else torch.as_tensor(np.array(images.labels), dtype=torch.int64)
    found = Features(
        embeddings=rows.embeddings,
        passport=passport,
        logits=rows.logits,
        labels=None if labels is None else labels.to(rows.embeddings.device),
        spatial=rows.spatial,
        confusion=network.confusion,
        images=images,
        withheld=withheld,
    )
    found.own.seal()
    return found
