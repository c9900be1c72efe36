"""Where a data set's files are: GANEVAL_DATA, then the user cache, then the network, by way of pooch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ganeval.core.extras import require
from ganeval.core.folders import cache_root
from ganeval.core.machine import quiet
from ganeval.errors import MissingFileError


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set: searched in GANEVAL_DATA, then the cache, then fetched."""

    name: str  # relative path inside the data folder, "hoda/Test 20000.cdb"
    url: str  # "" where it cannot be fetched
    sha256: str | None  # of the original file
    how: str = ""  # what a person does to get it by hand
    also: tuple[str, ...] = ()  # other names (another packing, a folder) that are accepted in its place


def find_file(file: RemoteFile) -> Path:
    """The path of `file` (or of one of its accepted stand-ins); downloads it where nothing local has it.

    A local file is not compared with the published hash: re-encoded copies are welcome, and the readers check
    structure and counts. A download must match the hash.

    Raises: MissingFileError, naming the file, the places searched and the way to get it.
    """
    for folder in data_folders():
        for name in (file.name, *file.also):
            if _is_there(folder / name):
                return folder / name
    return _fetch(file)


def _is_there(path: Path) -> bool:
    """Also what may not be looked at: whoever opens it says why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def data_folders() -> list[Path]:
    """The folders that are searched, in order; the last one is where downloads are kept."""
    named = os.environ.get("GANEVAL_DATA")
    return [*([Path(named)] if named else []), data_cache()]


def data_cache() -> Path:
    """Where downloads are kept: the folder "data" of the user's cache."""
    return cache_root() / "data"


def _fetch(file: RemoteFile) -> Path:
    if not file.url or file.sha256 is None:
        raise MissingFileError(_missing(file, "It cannot be downloaded automatically."))
    require("pooch", what=f"Fetching {file.url}")
    import pooch  # loads requests; only a download pays for it

    pooch.get_logger().setLevel("WARNING")
    target = data_cache() / file.name
    try:
        pooch.retrieve(
            file.url,
            f"sha256:{file.sha256}",
            fname=target.name,
            path=target.parent,
            progressbar=not quiet(),
        )
    except (OSError, ValueError) as error:  # no network, no such page, another hash
        raise MissingFileError(_missing(file, f"Fetching {file.url} failed: {_first_line(error)}.")) from error
    return target


def _missing(file: RemoteFile, why: str) -> str:
    looked = ", ".join(str(folder / file.name) for folder in data_folders())
    also = f" ({' or '.join(file.also)} would do too)" if file.also else ""
    hint = "" if os.environ.get("GANEVAL_DATA") else " GANEVAL_DATA is not set."
    how = file.how or f"Download {file.url} by hand."
    return (
        f"Expected the file {file.name}{also}; looked at {looked}.{hint} {why} {how} "
        f"Put it under the folder that GANEVAL_DATA names, as {file.name}."
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
