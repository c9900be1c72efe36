"""Images x extractor -> `Features`: rows with the passport of where they came from.

A network sees each image once: what it made of a set is kept on disk, addressed by the content of the images, the
weights, the preprocessing and the precision, so that a second question costs no second pass.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from ganeval.classifiers import CLASSIFIERS
from ganeval.classifiers.catalog import judges_for
from ganeval.classifiers.judges import is_judge, load_judge
from ganeval.classifiers.member import printed_name
from ganeval.core.compute import HERE, Compute
from ganeval.core.extractor import Embedded, Extractor, ExtractorSpec
from ganeval.core.registry import load_object, unknown_name
from ganeval.errors import GanevalError, MissingFileError, UnknownNameError, WrongInputError, guarded
from ganeval.extractors import EXTRACTORS
from ganeval.extractors.weights import OFFLINE
from ganeval.features.embedding import EVERYTHING, columns, embed, only
from ganeval.features.held import Held
from ganeval.features.identity import SAME_ROW, are_close, entry_key, keep_rows, kept_rows, probe, shapes, vector
from ganeval.features.known import Note, changed, known_content, outline
from ganeval.features.ranks import ALONE, Ranks, local_rank
from ganeval.features.rows import Features
from ganeval.features.seeing import see, too_many
from ganeval.images.imageset import ImageSet
from ganeval.numerics.settings import undisturbed
from ganeval.records.scores import Passport

PRECISIONS = ("fp32", "bf16")
WEIGHTLESS = "Or pass extractor='wavelet' or 'pixels', which need no weights."
DEFAULT_BATCH = 256  # where an extractor names no `batch_size` of its own


@undisturbed()
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
    if (spec := registered(extractor)) is not None:
        return _following(_loaded(spec, shape), f"load() of {extractor!r} must give what is named and")
    if is_judge(extractor):
        return load_judge(extractor)
    if ":" in extractor and extractor.partition(":")[0] not in EXTRACTORS:
        return _following(_made(load_object(extractor, "extractor")), f"{extractor!r} must")
    known = [*CLASSIFIERS.names(), *EXTRACTORS.names()]
    raise UnknownNameError(unknown_name("extractor or classifier", extractor, known))


def registered(name: str) -> ExtractorSpec | None:
    """The network of this name; a classifier of the zoo also by the name that its results show.

    >>> registered("digits-cnn") is registered("digits"), registered("nobody")
    (True, None)
    """
    for registry in (CLASSIFIERS, EXTRACTORS):
        if name in registry:
            return registry[name]
    return next((spec for spec in CLASSIFIERS if printed_name(spec.name) == name), None)


def same_network(one: str, other: str) -> bool:
    """Whether two names are of one network, which need not be here.

    >>> same_network("inception", "inception:torch-fidelity"), same_network("inception", "inception:clean-fid")
    (True, False)
    """
    first, second = registered(one), registered(other)
    return one == other or (first is not None and second is not None and first.load is second.load)


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
        raise MissingFileError(str(error).replace(OFFLINE, networks_at_hand(shape))) from error


def networks_at_hand(shape: tuple[int, int, int]) -> str:
    """What to name where weights cannot be had, for images of this shape (c, h, w)."""
    return f"{judges_for(shape)} {WEIGHTLESS}"


def _made(found: Any) -> Any:
    """What was named, or what it makes when it is called; a network of torch is called with images only."""
    is_maker = callable(found) and not isinstance(found, torch.nn.Module) and not isinstance(found, Extractor)
    return cast("Any", found)() if is_maker else found


@undisturbed()
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
    rows, offered, entry = (
        (*see(images, network, place, batch, ranks, compute, asked, stay=stay), "")
        if keeps is None or (stay and too_many(len(images), keeps.embeddings.shape[1], ranks, compute))
        else _seen_or_kept(images, network, place, batch, ranks, compute, asked, probed=keeps, precision=precision)
    )
    keep = torch.device("cpu") if place.type == "mps" else place
    if stay and too_many(len(images), rows.embeddings.shape[1], ranks, compute):
        return _held(images, network, precision, Held.of_share(rows.embeddings.to(keep), ranks), offered)
    there = Embedded(**{name: column.to(keep) for name, column in columns(rows).items()})
    found = _features(images, network, precision, there, offered - columns(there).keys())
    found.own.entry = entry
    return found


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
) -> tuple[Embedded, frozenset[str], str]:
    """Rows of the cache, where these very images were seen by this very network; else of the network, and kept. Beside
    them the names of all columns that the network gives, and the entry of the cache.

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
        return only(rows, asked), offered, key
    wanted = asked | there if ranks.size == 1 else asked  # caches of machines may differ, what is gathered may not
    rows, _ = see(images, network, place, batch, ranks, compute, wanted)
    if content and images.fingerprint != content:
        raise WrongInputError(changed(images.source))
    key = entry_key(images.fingerprint, network, precision, probed)
    if local_rank() == 0:
        keep_rows(key, rows, compute.cache_gib)
    if note is not None:
        note.write(images.seen.root)
    return only(rows, asked), offered, key


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
