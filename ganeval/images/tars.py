"""Tar files of images, also webdataset shards: read in place and never extracted.

A sample of webdataset is the files that share a name up to its first dot: `000017.png` with its class in `000017.cls`.
Other files of a sample (`.json`, `.txt`) are not read. Without any `.cls` the rules of `layout.py` say what the labels
are. The order is that of the shards as given, and inside a shard the natural order of the names.
"""

from __future__ import annotations

import math
import re
import tarfile
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Self, cast

import numpy as np

from ganeval.core.extras import require
from ganeval.core.files import open_regular, require_regular
from ganeval.errors import GanevalError, WrongInputError, printable
from ganeval.images.decode import is_image_name
from ganeval.images.files import from_files
from ganeval.images.fitting import Fit
from ganeval.images.imageset import ImageSet
from ganeval.images.layout import IGNORED, Labels, image_names, labels_of
from ganeval.images.leaves import noted
from ganeval.images.stamps import Stamps

MAX_MEMBER = 256 * 2**20
MAX_MEMBERS = 5_000_000
MAX_CLASS = 20  # bytes of a .cls file
MAX_SHARDS = 100_000
MAX_HEADER = 2**20  # bytes of one; a long name has some hundred
MAX_PADDING = 64 * 2**20  # bytes behind the end; tar itself fills up to ten or twenty KB
PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
BRACES = re.compile(r"\{[^{}]*\}")
COUNTED = re.compile(r"\{(-?\d{1,18})\.\.(-?\d{1,18})(?:\.\..*)?\}")


@dataclass(frozen=True)
class Member:
    """Where the bytes of one file lie."""

    shard: Path
    name: str
    offset: int
    size: int


def shards_of(pattern: str) -> list[Path]:
    """The files that `shard-{000..011}.tar` stands for; a name without braces is itself."""
    if not BRACES.search(pattern) or Path(pattern).exists():
        return [Path(pattern)]
    require("braceexpand", what="Reading names with braces")
    from braceexpand import braceexpand

    if math.prod(map(_number_of, BRACES.findall(pattern))) > MAX_SHARDS:
        raise WrongInputError(f"{printable(pattern)} stands for more than {MAX_SHARDS:,} files. Name fewer shards.")
    return [Path(name) for name in braceexpand(pattern)]


def _number_of(brace: str) -> int:
    """How many names braces stand for.

    >>> _number_of("{000..011}"), _number_of("{a,b,c}")
    (12, 3)
    """
    ends = COUNTED.fullmatch(brace)
    return abs(int(ends[1]) - int(ends[2])) + 1 if ends else brace.count(",") + 1


def from_tars(paths: Sequence[Path], source: str, classes: str = "auto", fit: Fit | None = None) -> ImageSet:
    """The images of all shards as one set; one member is in memory at a time."""
    where = printable(source)
    stamps = Stamps(source, map(str, paths), Path)
    shards = [_members(path) for path in paths]
    images = [member for shard in shards for member in _images(shard, where)]
    _require_one_kind(images, where)
    by_name = {f"{number}/{member.name}": member for number, member in enumerate(images)}
    read = _Reader(by_name, stamps)
    found = _labels(images, [member for shard in shards for member in shard], where, classes, read)
    return from_files(
        list(by_name),
        read,
        fit=fit,
        source=source,
        require_unchanged=stamps.require_all,
        outline=lambda names: noted([(name, by_name[name].size) for name in names]),
        clocks=stamps.clocks_inside,
        **found._asdict(),
    )


def _members(path: Path) -> list[Member]:
    where = printable(require_regular(path))
    if path.name.lower().endswith(PACKED):
        raise WrongInputError(f"{where} is compressed as a whole, so no single image can be read. Unpack it to a .tar.")
    end = path.stat().st_size
    members: list[Member] = []
    try:
        with _Headers(path) as file, tarfile.open(fileobj=cast("Any", file), mode="r:") as archive:
            for info in islice(archive, MAX_MEMBERS + 1):
                _require_safe(info, where, end)
                if info.isreg():
                    members.append(Member(path, info.name, info.offset_data, info.size))
            if len(members) <= MAX_MEMBERS:
                _require_end(path, where, archive.offset, end)
    except GanevalError:
        raise
    except Exception as error:  # of damaged headers tarfile raises many kinds
        raise WrongInputError(
            f"{where} cannot be read as a tar file: it is truncated, damaged or something else. Pack the images again."
        ) from error
    if len(members) > MAX_MEMBERS:
        raise WrongInputError(
            f"{where} must hold at most {MAX_MEMBERS:,} files; it holds {len(members):,}. Write shards."
        )
    twice = [name for name, times in Counter(member.name for member in members).items() if times > 1]
    if twice:
        raise WrongInputError(f"{where} holds two members named {printable(twice[0])!r}. Pack the images again.")
    return members


class _Headers:
    """A tar file of which headers alone are read, and none that claims to be a whole file by itself."""

    def __init__(self, path: Path) -> None:
        self._file = open_regular(path)
        self.tell, self.seek = self._file.tell, self._file.seek

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER:
            raise OverflowError(size)
        return self._file.read(size)


def _require_end(path: Path, where: str, at: int, end: int) -> None:
    """Where tarfile stops there must be the end: it stops at half a header and at a damaged one, too, and is silent."""
    if end - at > MAX_PADDING:
        raise WrongInputError(f"{where} has {end - at:,} bytes behind the mark of its end. Copy it again.")
    with open_regular(path) as file:
        file.seek(at)
        mark = file.read(tarfile.BLOCKSIZE)
        if len(mark) < tarfile.BLOCKSIZE or mark.strip(b"\0"):
            raise WrongInputError(
                f"{where} stops without the mark that ends a tar file: it is truncated or damaged. Copy it again."
            )
        while padding := file.read(2**20):
            if padding.strip(b"\0"):
                raise WrongInputError(
                    f"{where} goes on behind its end, as two tar files that were joined do; what is there would not be "
                    "read. Give them as shards: name-{0..1}.tar."
                )


def _require_safe(info: tarfile.TarInfo, where: str, end: int) -> None:
    name = printable(info.name)
    if info.isdir():
        return
    if not info.isreg() or info.issparse():
        raise WrongInputError(f"{where} must hold regular files only; {name} is a link, a device or a file with holes.")
    if ".." in PurePosixPath(info.name).parts or info.name.startswith("/"):
        raise WrongInputError(f"{where} holds a member outside the archive: {name!r}. Do not trust that file.")
    if info.size > MAX_MEMBER:
        raise WrongInputError(
            f"{name} in {where} has {info.size:,} bytes; at most {MAX_MEMBER:,} can be an image. Do not trust that "
            "file."
        )
    if info.offset_data + info.size > end:
        raise WrongInputError(f"{where} ends inside {name}: it is truncated. Copy it again.")


def _images(members: Sequence[Member], where: str) -> list[Member]:
    """The images of one shard in natural order; a file that belongs to no image's sample is a stranger."""
    by_name = {member.name: member for member in members}
    samples = {_sample(name) for name in by_name if is_image_name(name)}
    files = [name for name in by_name if is_image_name(name) or _sample(name) not in samples]
    return [by_name[name] for name in image_names(files, where)]


def _require_one_kind(images: Sequence[Member], where: str) -> None:
    """Refuse samples of several images each, such as 000017.real.png and 000017.fake.png: as one set they are mixed."""
    kinds: dict[tuple[Path, str], set[str]] = defaultdict(set)
    for image in images:
        kinds[image.shard, _sample(image.name)].add(PurePosixPath(image.name).name.partition(".")[2].lower())
    found = set(map(frozenset, kinds.values()))
    each = min(found, key=len)
    if len(kinds) > 1 and len(found) == 1 < len(each) and not any(re.search(r"\d", kind) for kind in each):
        raise WrongInputError(
            f"Every sample of {where} holds several images: {', '.join(map(printable, sorted(each)))}. Pack each kind "
            "into a set of its own."
        )


def _sample(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.partition('.')[0]}"


def _labels(images: Sequence[Member], members: Sequence[Member], where: str, classes: str, read: _Reader) -> Labels:
    said = {(m.shard, _sample(m.name)): m for m in members if m.name.lower().endswith(".cls")}
    if said and classes == "auto":
        return Labels(np.array([_class(image, said, read) for image in images], dtype=np.int64))
    names = [member.name for member in images]
    listings = {member.name: member for member in members if PurePosixPath(member.name).name in IGNORED}
    return labels_of(names, [*names, *listings], [], lambda name: read.bytes_of(listings[name]), where, classes)


def _class(image: Member, said: dict[tuple[Path, str], Member], read: _Reader) -> int:
    name = printable(image.name)
    if (image.shard, _sample(image.name)) not in said:
        raise WrongInputError(f"{name} in {printable(image.shard)} has no .cls file, others have. Label all, or none.")
    member = said[image.shard, _sample(image.name)]
    text = read.bytes_of(member)[: MAX_CLASS + 1].strip()
    if not text.isdigit() or len(text) > MAX_CLASS // 2:
        raise WrongInputError(
            f"{printable(member.name)} in {printable(member.shard)} must hold the number of a class; it holds "
            f"{text!r:.40}."
        )
    return int(text)


class _Reader:
    """name -> bytes, by one open file a shard at most, for any number of threads."""

    def __init__(self, members: dict[str, Member], stamps: Stamps) -> None:
        self._members, self._stamps = members, stamps
        self._lock = threading.Lock()

    def __call__(self, name: str) -> bytes:
        return self.bytes_of(self._members[name])

    def bytes_of(self, member: Member) -> bytes:
        path = self._stamps.require(str(member.shard))
        with self._lock, open_regular(path) as file:
            file.seek(member.offset)
            return file.read(member.size)
