"""Zip files of images, read in memory and never extracted; `layout.py` has the rules by which names become labels."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from ganeval.core.files import require_regular
from ganeval.errors import WrongInputError, printable
from ganeval.images.files import from_files
from ganeval.images.fitting import Fit
from ganeval.images.imageset import ImageSet
from ganeval.images.layout import image_names, labels_of
from ganeval.images.leaves import noted
from ganeval.images.stamps import Stamps

MAX_MEMBER = 256 * 2**20
MAX_MEMBERS = 5_000_000
MAX_RATIO = 1000  # an encoded image never shrinks a thousandfold again; a bomb does


def from_zip(path: Path, classes: str = "auto", fit: Fit | None = None) -> ImageSet:
    """Images in the natural order of their names; one member is in memory at a time."""
    where = printable(require_regular(path))
    stamps = Stamps(str(path), [path.name], lambda _: path)
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # of a damaged directory zipfile raises struct and value errors, too
        raise WrongInputError(
            f"{where} cannot be read as a zip file: it is truncated, damaged or something else. Pack the images again."
        ) from error
    _require_safe(archive.infolist(), where)
    everything = archive.namelist()
    files = [name for name in everything if not name.endswith("/")]
    folders = [name.rstrip("/") for name in everything if name.endswith("/")]
    names = image_names(files, where)
    read = _reader(archive, where, stamps.require_all)
    found = labels_of(names, files, folders, read, where, classes)
    return from_files(
        names,
        read,
        fit=fit,
        source=str(path),
        require_unchanged=stamps.require_all,
        outline=partial(_outline, archive),
        clocks=stamps.clocks_inside,
        **found._asdict(),
    )


def _outline(archive: zipfile.ZipFile, names: Sequence[str]) -> str:
    """A digest of names, sizes and checksums, from the directory of the archive."""
    return noted([(name, info.file_size, info.CRC) for name in names for info in (archive.getinfo(name),)])


def _require_safe(members: Sequence[zipfile.ZipInfo], where: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise WrongInputError(f"{where} must hold at most {MAX_MEMBERS:,} files; it lists {len(members):,}.")
    seen: set[str] = set()
    for info in members:
        name = info.filename
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or name.startswith(("/", "\\")) or ".." in parts or parts[0][1:2] == ":":
            raise WrongInputError(
                f"{where} holds a member outside the archive: {printable(name)!r}. Do not trust that file."
            )
        if name in seen:
            raise WrongInputError(f"{where} holds two members named {printable(name)!r}. Pack the images again.")
        if info.file_size > MAX_MEMBER or info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise WrongInputError(
                f"{printable(name)} in {where} unpacks to {info.file_size:,} bytes; at most {MAX_MEMBER:,} "
                f"and {MAX_RATIO:,} times what is stored can be an image. Do not trust that file."
            )
        seen.add(name)


def _reader(archive: zipfile.ZipFile, where: str, require_unchanged: Callable[[], None]) -> Callable[[str], bytes]:
    lock = threading.Lock()  # one file handle, possibly several threads

    def read(name: str) -> bytes:
        require_unchanged()
        try:
            with lock, archive.open(name) as file:
                data = file.read(MAX_MEMBER + 1)
        except Exception as error:  # zlib's, a password's, an unknown method's
            raise WrongInputError(
                f"{printable(name)} in {where} cannot be read: it is damaged or encrypted. Pack the images again."
            ) from error
        if len(data) > MAX_MEMBER:
            raise WrongInputError(
                f"{printable(name)} in {where} unpacks to more than {MAX_MEMBER:,} bytes. Do not trust that file."
            )
        return data

    return read
