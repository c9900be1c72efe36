"""A large set in parts: any engine (a loop, Slurm, Ray) embeds part i of k on its own; the files are one set again.

Part i holds whole batches, those that process i of k would be given under `torchrun`, so the rows are the very rows of
one process. Each part is one file, written whole or not at all; one that is there is not made again. A part says which
set, network, seed and batch size it belongs to: others are refused, missing ones are named.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import torch

from ganeval.core.compute import HERE, Compute
from ganeval.core.extractor import Extractor
from ganeval.core.typed import typed
from ganeval.errors import IncomparableError, MissingFileError, WrongInputError, guarded, printable
from ganeval.features.cache import read_file, write_file
from ganeval.features.embedding import columns
from ganeval.features.extraction import DEFAULT_BATCH, choose_device, load_extractor
from ganeval.features.known import outline
from ganeval.features.ranks import Ranks
from ganeval.features.rows import Features, passport_from
from ganeval.features.seeing import see_share
from ganeval.features.statistics import Statistics
from ganeval.images.imageset import ImageSet
from ganeval.images.leaves import LEAF, root, with_labels
from ganeval.numerics.logits import Verdicts
from ganeval.numerics.moments import Running
from ganeval.numerics.settings import undisturbed
from ganeval.records.scores import Passport

SCHEMA = "ganeval.part/1"
LEAVES = "leaves"  # (n, 32) uint8: the digest of each image
MAX_PARTS = 100_000
_TOLD = 20  # parts that a message lists


@dataclass(frozen=True)
class Part:
    """Which part of which set a file holds. `set` is equal for the parts of one set, drawn in one way."""

    number: int  # from 1
    of: int
    start: int
    stop: int
    n: int  # of the whole set
    shape: tuple[int, int, int]
    batch: int
    set: str

    @property
    def name(self) -> str:
        return part_name(self.number, self.of)


def part_name(number: int, of: int) -> str:
    """
    >>> part_name(3, 12)
    'part-03-of-12.safetensors'
    """
    width = len(str(of))
    return f"part-{number:0{width}d}-of-{of:0{width}d}.safetensors"


def checked_part(text: str) -> tuple[int, int]:
    """Part and number of parts of "3/7".

    >>> checked_part("3/7")
    (3, 7)
    """
    number, slash, of = text.partition("/")
    if slash and number.isascii() and of.isascii() and number.isdigit() and of.isdigit() and len(text) < 20:
        found = int(number), int(of)
        if 1 <= found[0] <= found[1] <= MAX_PARTS:
            return found
    raise WrongInputError(
        f"A part is written i/k, from 1/k to k/k with k up to {MAX_PARTS:,}; got {printable(text)!r}. For example "
        "--part 3/7."
    )


@undisturbed()
@guarded
def embed_part(
    images: ImageSet,
    extractor: str | Extractor,
    part: tuple[int, int],
    folder: str | Path,
    *,
    drawn: str = "",
    precision: str = "fp32",
    compute: Compute = HERE,
) -> Path:
    """Embed part i of k of the images and write it into `folder`; a part that is there already is left as it is.

    drawn: what chose these images (a seed), as `Passport.drawn` has it. The other settings are those of `extract`.

    >>> import numpy as np, tempfile
    >>> images = ImageSet.from_array(np.arange(32, dtype=np.uint8).reshape(8, 1, 2, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in (2, 1):
    ...         part = embed_part(images, "pixels", (i, 2), folder, compute=Compute(batch_size=4))
    ...     len(join_parts(folder)), part.name
    (8, 'part-1-of-2.safetensors')
    """
    number, of = checked_part(f"{part[0]}/{part[1]}")
    place = choose_device(compute.device)
    network = load_extractor(extractor, images.shape).to(place, precision)
    batch = compute.batch_size or getattr(network, "batch_size", DEFAULT_BATCH)
    path = Path(folder) / part_name(number, of)
    mark = f"{outline(images)} {drawn}"
    if _is_there(path, mark, network, precision, batch):
        return path
    rows, leaves, span = see_share(images, network, place, batch, Ranks(number - 1, of), compute)
    about = Part(number, of, span.start, span.stop, len(images), images.shape, batch, mark)
    passport = Passport(
        source=images.source,
        fingerprint="",
        n=span.stop - span.start,
        dim=rows.embeddings.shape[1],
        extractor=network.name,
        weights_sha256=network.weights_sha256,
        preprocessing=network.preprocessing,
        precision=precision,
        class_names=tuple(network.class_names or images.class_names),
        drawn=drawn,
    )
    tensors = {**columns(rows), LEAVES: torch.tensor(leaves).reshape(-1, LEAF)}
    if images.labels is not None:
        tensors["labels"] = torch.tensor(images.labels[span])
    if network.confusion is not None:
        tensors["confusion"] = torch.tensor(network.confusion)
    metadata = {"schema": SCHEMA, "passport": _json(passport), "part": _json(about)}
    return write_file(path, tensors, metadata)


def _json(value: Any) -> str:
    return json.dumps(asdict(value), sort_keys=True)


def _is_there(path: Path, mark: str, network: Extractor, precision: str, batch: int) -> bool:
    """Whether the part was made before; another's part under that name is an error, a damaged one is made again."""
    if not path.exists():
        return False
    try:
        _, passport, about = _read(path)
    except WrongInputError:
        return False
    mine = (network.name, network.weights_sha256, network.preprocessing, precision, batch, mark)
    theirs = (passport.extractor, passport.weights_sha256, passport.preprocessing, passport.precision)
    if mine != (*theirs, about.batch, about.set):
        raise IncomparableError(
            f"{printable(path)} is a part of another set, or was made by another network, seed, precision or batch "
            "size. Remove it, or write the parts into another folder."
        )
    return True


def has_parts(folder: Path) -> bool:
    """Whether a folder holds files that are named as parts are."""
    return folder.is_dir() and any(folder.glob("part-*-of-*.safetensors"))


@guarded
def join_parts(folder: str | Path) -> Features:
    """The features of all parts in a folder as one set, as if one process had made them; without the images.

    Raises: MissingFileError that names missing parts; WrongInputError for a damaged part or two of one number;
    IncomparableError for parts of different sets, networks, seeds, precisions or batch sizes.
    """
    where = Path(folder)
    found = [(path, *_read(path)) for path in _files(where)]
    found.sort(key=lambda one: one[3].number)
    whole = _whole(where, [_Known.of(*one) for one in found])
    names = sorted({*found[0][1]} - {"confusion", LEAVES})
    rows = {name: torch.cat([tensors[name] for _, tensors, _, _ in found]) for name in names}
    confusion = {name: found[0][1][name] for name in ("confusion",) if name in found[0][1]}
    return Features.of_tensors({**rows, **confusion}, whole, where)


@guarded
def parts_moments(folder: str | Path) -> Statistics:
    """The moments of all parts in a folder, read one after the other: no more than one part is in memory.

    They are those of `ganeval.features.streaming.stream` on the same images, to the last bit. Raises: as `join_parts`.
    """
    where, sums = Path(folder), {}
    known: list[_Known] = []
    judged: list[Verdicts] = []
    for path in _files(where):
        tensors, passport, about = _read(path)
        known.append(_Known.of(path, tensors, passport, about))
        for name in ("embeddings", "spatial"):
            if name in tensors:
                rows = tensors[name]
                if name not in sums:
                    sums[name] = Running(rows.shape[1], rows.device)
                sums[name].add(rows)
        judged += [Verdicts.of(tensors["logits"])] if "logits" in tensors else []
    whole = _whole(where, sorted(known, key=lambda one: one.part.number))
    moments = {name: one.finish() for name, one in sums.items()}
    verdicts = reduce(lambda one, other: one.merge(other), judged) if judged else None
    return Statistics(whole, moments["embeddings"], moments.get("spatial"), verdicts=verdicts)


@dataclass(frozen=True)
class _Known:
    """What is kept of a part that was read: whose it is, which columns it has, the digests and labels of its images."""

    path: Path
    passport: Passport
    part: Part
    columns: list[tuple[str, tuple[int, ...]]]  # names and widths
    leaves: torch.Tensor
    labels: torch.Tensor | None

    @classmethod
    def of(cls, path: Path, tensors: dict[str, torch.Tensor], passport: Passport, part: Part) -> _Known:
        shapes = sorted((name, tuple(values.shape[1:])) for name, values in tensors.items() if name != "confusion")
        return cls(path, passport, part, shapes, tensors[LEAVES], tensors.get("labels"))


def _files(where: Path) -> list[Path]:
    found = sorted(where.glob("*.safetensors"))
    if not found:
        raise MissingFileError(f"{printable(where)} holds no parts. Make them: ganeval embed --part i/k --out FOLDER.")
    return found


def _whole(where: Path, known: Sequence[_Known]) -> Passport:
    """The passport of the set that these parts make up, in the order of their numbers; raises where they make none."""
    _require_one_set(where, [(one.path, one.passport, one.part) for one in known])
    _require_all(where, [one.part for one in known])
    first = known[0]
    if any(one.columns != first.columns for one in known):
        raise IncomparableError(f"The parts in {printable(where)} hold different columns. Make all of them anew.")
    labels = [one.labels for one in known if one.labels is not None]
    pixels = root(torch.cat([one.leaves for one in known]).numpy(), first.part.shape)
    fingerprint = with_labels(pixels, torch.cat(labels).numpy() if labels else None)
    return replace(first.passport, n=first.part.n, fingerprint=fingerprint)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], Passport, Part]:
    tensors, metadata = read_file(path)
    if metadata.get("schema") != SCHEMA:
        raise WrongInputError(
            f"{printable(path)} must be a part with schema {SCHEMA!r}; got {metadata.get('schema')!r}. Keep parts in a "
            "folder of their own."
        )
    try:
        about = typed(Part, json.loads(metadata.get("part", "")), "part")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WrongInputError(f"{printable(path)} does not say which part it is. Make it again.") from error
    marks = tensors.get(LEAVES)
    if marks is None or marks.shape != (about.stop - about.start, LEAF):
        raise WrongInputError(f"{printable(path)} holds other images than it says. Make it again.")
    return tensors, passport_from(metadata, path), about


def _require_one_set(where: Path, parts: Sequence[tuple[Path, Passport, Part]]) -> None:
    twice = [number for number, times in Counter(about.number for *_, about in parts).items() if times > 1]
    sizes = sorted({about.of for *_, about in parts})
    if len(sizes) > 1:
        raise IncomparableError(
            f"{printable(where)} holds parts of {' and of '.join(map(str, sizes))}. Keep the parts of one division."
        )
    if twice:
        raise WrongInputError(f"{printable(where)} holds part {twice[0]} twice. Remove one of the two files.")
    first = parts[0]
    for path, passport, about in parts[1:]:
        if first[1].extractor != passport.extractor:
            raise IncomparableError(
                f"{printable(path.name)} in {printable(where)} was made by {printable(passport.extractor)}, "
                f"{printable(first[0].name)} by {printable(first[1].extractor)}. Make all parts with one network."
            )
        first[1].require_comparable(passport)
        for key, said in (
            ("set", "set or seed"),
            ("batch", "batch size"),
            ("n", "number of images"),
            ("shape", "size"),
        ):
            if getattr(about, key) != getattr(first[2], key):
                raise IncomparableError(
                    f"{printable(path.name)} and {printable(first[0].name)} in {printable(where)} are of another "
                    f"{said}. Make one of them again."
                )


def _require_all(where: Path, parts: Sequence[Part]) -> None:
    there = {about.number for about in parts}
    missing = [number for number in range(1, parts[0].of + 1) if number not in there]
    if missing:
        listed = ", ".join(f"{number}/{parts[0].of}" for number in missing[:_TOLD])
        more = f" and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
        raise MissingFileError(
            f"{printable(where)} misses {len(missing)} of {parts[0].of} parts: {listed}{more}. Make them: ganeval "
            f"embed --part {missing[0]}/{parts[0].of}."
        )
    ends = [0, *(about.stop for about in parts)]
    if any(about.start != end for about, end in zip(parts, ends, strict=False)) or ends[-1] != parts[0].n:
        raise WrongInputError(f"The parts in {printable(where)} do not make up their set. Make all of them anew.")
