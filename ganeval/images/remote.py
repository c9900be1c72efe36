"""Images at an address (`s3://`, `gs://`, `hf://`, `https://`, `memory://` ...), copied to this machine by fsspec.

The copy lies in the user cache and is used again where the store says by a time, a checksum or a tag that its files
are the same; a store that says nothing of the kind is asked anew each time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from tqdm import tqdm

from ganeval.core.extras import require
from ganeval.core.folders import cache_root
from ganeval.core.machine import quiet
from ganeval.errors import GanevalError, MissingFileError, WrongInputError, printable
from ganeval.images.imageset import ImageSet

T = TypeVar("T")

MARKS = ("ETag", "etag", "checksum", "md5Hash", "Content-MD5", "blob_id", "mtime", "LastModified", "updated", "created")
MAX_FILES = 5_000_000
NOTHING = "There is nothing at {}, or nobody answers there. Check the address and the connection."
MEMBERS = "images"  # the folder of a copy in which the files lie


def from_address(address: str, opened: Callable[[Path], ImageSet]) -> ImageSet:
    """The images at `address`, a folder or one file, opened by `opened` from their copy on this machine."""
    return replace(at_address(address, opened, lambda images: images.load), source=address)


def at_address(address: str, opened: Callable[[Path], T], alive: Callable[[T], object]) -> T:
    """What `opened` makes of the copy of what lies at `address`; the copy is kept as long as `alive` of that is."""
    store, root = _store(address)
    listed = _listed(address, store, root)
    marked = all(any(mark in about for mark in MARKS) for about in listed.values())
    place = cache_root() / "remote" / _key(address, listed)
    if not marked:
        place.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="once-", dir=place.parent)) / "copy"
    try:
        if not _is_whole(place, listed):
            _copy(address, store, root, listed, place)
        copy = place / MEMBERS / PurePosixPath(root).name if list(listed) == [""] else place / MEMBERS
        with _named(copy, address):
            found = opened(copy)
    except BaseException:
        if not marked:
            shutil.rmtree(place.parent, ignore_errors=True)
        raise
    keeper = alive(found)
    if not marked and keeper is None:
        shutil.rmtree(place.parent, ignore_errors=True)
    elif not marked:
        weakref.finalize(keeper, shutil.rmtree, place.parent, ignore_errors=True)
    return found


@contextmanager
def _named(copy: Path, address: str) -> Any:
    """Errors name the address, not the copy, of which nobody knows."""
    try:
        yield
    except GanevalError as error:
        error.args = (str(error).replace(str(copy), printable(address)),)
        raise


def _store(address: str) -> tuple[Any, str]:
    scheme = address.partition("://")[0].strip().lower()
    require("fsspec", what=f"Reading images at {scheme}:// addresses")
    from fsspec.core import url_to_fs

    try:
        with _asking(address, ImportError, ValueError):
            store, root = url_to_fs(address.strip())
    except GanevalError:
        raise
    except ImportError as error:
        raise GanevalError(f"{scheme}:// needs a package that is not installed. {error}".rstrip(".") + ".") from error
    except ValueError as error:
        raise WrongInputError(
            f"{printable(scheme)}:// is no kind of address that fsspec knows. Use https, s3, gs, hf, file or memory."
        ) from error
    return store, root.rstrip("/")


@contextmanager
def _asking(address: str, *known: type[Exception]) -> Any:
    """What a store raises becomes a sentence; its own text is not repeated, because it may name an account or a key.

    known: errors that the caller has a sentence for.
    """
    try:
        yield
    except (GanevalError, *known):
        raise
    except FileNotFoundError as error:
        raise MissingFileError(NOTHING.format(printable(address))) from error
    except Exception as error:
        raise WrongInputError(
            f"{printable(address)} cannot be read: the store answered with {type(error).__name__}. Check the address, "
            "the connection and that this account may read it."
        ) from error


def _listed(address: str, store: Any, root: str) -> dict[str, dict[str, Any]]:
    """What the store says of each file, by its name below `root`; "" is `root` itself where that is a file."""
    with _asking(address):
        store.invalidate_cache()
        about = store.info(root) if PurePosixPath(root).suffix else {}
        if about.get("type") == "file":
            return {"": about}
        found = store.find(root, detail=True)
    names = {name: _below(name, root, address) for name in found}
    if not names:
        raise MissingFileError(NOTHING.format(printable(address)))
    if len(names) > MAX_FILES:
        raise WrongInputError(
            f"{printable(address)} must hold at most {MAX_FILES:,} files; it holds {len(names):,}. Pack them as tar "
            "files."
        )
    return {below: found[name] for name, below in names.items()}


def _below(name: str, root: str, address: str) -> str:
    below = name[len(root) :].lstrip("/") if name.startswith(root) else name
    parts = PurePosixPath(below.replace("\\", "/")).parts
    if ".." in parts or (parts and parts[0][1:2] == ":"):
        raise WrongInputError(
            f"{printable(address)} lists a file outside of itself: {printable(below)!r}. Do not trust it."
        )
    return below


def _key(address: str, listed: Mapping[str, Mapping[str, Any]]) -> str:
    said = [
        (name, about.get("size"), [str(about[mark]) for mark in MARKS if mark in about])
        for name, about in sorted(listed.items())
    ]
    return hashlib.sha256(json.dumps([address.strip(), said]).encode()).hexdigest()


def _is_whole(place: Path, listed: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the copy is there with every file at its size."""
    if not place.is_dir():
        return False
    held = {path.relative_to(place / MEMBERS).as_posix(): path.stat().st_size for path in _files(place)}
    if list(listed) == [""]:
        return list(held.values()) == [listed[""].get("size")]
    return held == {name: about.get("size") for name, about in listed.items()}


def _files(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


def _copy(address: str, store: Any, root: str, listed: Mapping[str, Mapping[str, Any]], place: Path) -> None:
    """Copy every file into a folder beside `place`, which it becomes when it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _require_room(address, listed, place.parent)
    with tempfile.TemporaryDirectory(prefix="part-", dir=place.parent) as part:
        base = Path(part) / "copy"
        for name in tqdm(listed, desc="copying", unit="file", leave=False, delay=2, disable=quiet()):
            target = base / MEMBERS / (name or PurePosixPath(root).name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with _asking(address):
                store.get_file(f"{root}/{name}" if name else root, str(target))
            _require_size(address, name, target, listed[name].get("size"))
        shutil.rmtree(place, ignore_errors=True)
        base.replace(place)


def _require_room(address: str, listed: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    wanted, free = sum(int(about.get("size") or 0) for about in listed.values()), shutil.disk_usage(folder).free
    if wanted > free:
        raise WrongInputError(
            f"{printable(address)} holds {wanted / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free for the cache. "
            "Point XDG_CACHE_HOME to a larger disk, or measure parts: ganeval embed --part."
        )


def _require_size(address: str, name: str, target: Path, size: int | None) -> None:
    if size is not None and target.stat().st_size != size:
        raise WrongInputError(
            f"{printable(name or address)} must be {size:,} bytes; {target.stat().st_size:,} arrived. Try again."
        )
