"""Arrays that belong to one JSON document: files named after it and after their own content, checked when they are
read.

    result.json                                   "files": {"per_sample": {"file": ..., "sha256": ..., "rows": {...}}}
    result.per_sample-0123456789abcdef.safetensors

The arrays are written first, the document that names them last, in one atomic step; what it no longer names is removed
after that. So a kill at any moment leaves the old document with the old arrays or the new one with the new ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import exclusive, open_regular, read_json, write_atomic, write_json
from ganeval.errors import BrokenRunError, GanevalError

Arrays = Mapping[str, NDArray[Any]]
MAX_BYTES = 512 * 2**20
FILES = "files"
KINDS = {"per_sample": "per-sample values"}  # in words
_TRIES = 3


def write_document(path: str | Path, document: Mapping[str, Any], groups: Mapping[str, Arrays]) -> Path:
    """Write `document` as JSON with the arrays of each group beside it; equal arrays give equal bytes and names."""
    path = Path(path)
    if not any(groups.values()) and not path.parent.is_dir():
        return write_json(path, {**document, FILES: {}})
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path.parent):
        shared = _shared(path, groups)
        files = {kind: _write(path, kind, arrays) for kind, arrays in groups.items() if arrays}
        write_json(path, {**document, FILES: files})
        kept = {entry["file"] for entry in files.values()}
        stale = [file for file in _beside(path, groups) if file.name not in kept]
        for file in [*shared, *_unnamed(stale, path)]:
            file.unlink(missing_ok=True)
    return path


def read_arrays(path: Path, kind: str, document: Any = None) -> dict[str, NDArray[Any]] | None:
    """The arrays of one group; {} where the document names none, or where their file was not copied along with it.

    None where the document was written before files were named in it. Raises `BrokenRunError` where the file is not the
    one that the document means.
    """
    for _ in range(_TRIES):
        document = read_json(path) if document is None else document
        files = document.get(FILES) if isinstance(document, dict) else {}
        if files is None:
            return None
        entry = files.get(kind) if isinstance(files, dict) else files
        if entry is None:
            return {}
        found = _read(path, kind, entry)
        if found is not None:
            return found
        document = None  # replaced while it was read? then the new one names another file
    return {}


def load_arrays(path: Path, what: str, sha256: str = "") -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file that should hold `what`; its digest must be `sha256` where one is given."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > MAX_BYTES:
            raise BrokenRunError(f"{path} is larger than {MAX_BYTES // 2**20} MiB. Evaluate again.")
        content = path.read_bytes()
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise BrokenRunError(
                f"{path} is damaged or belongs to another result: its checksum differs. Evaluate again."
            )
        return load(content)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        if isinstance(error, BrokenRunError):
            raise
        raise BrokenRunError(f"Expected the {what} of an evaluation in {path}; {error}. Evaluate again.") from error


def _write(path: Path, kind: str, arrays: Arrays) -> dict[str, Any]:
    from safetensors.numpy import save  # imported late: reading a record needs no safetensors

    content = save({key: np.ascontiguousarray(arrays[key]) for key in sorted(arrays)})
    digest = hashlib.sha256(content).hexdigest()
    file = write_atomic(path.with_name(f"{_stem(path)}.{kind}-{digest[:16]}.safetensors"), content)
    return {"file": file.name, "sha256": digest, "rows": {key: _rows(arrays[key]) for key in sorted(arrays)}}


def _read(path: Path, kind: str, entry: Any) -> dict[str, NDArray[Any]] | None:
    wrong = BrokenRunError(f"{path} does not say properly where its {kind} arrays are. Evaluate that run again.")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("file", "sha256")):
        raise wrong
    if not re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]) or not _pattern(kind).fullmatch(entry["file"]):
        raise wrong
    file = path.with_name(entry["file"])
    if not file.is_file():
        return None
    found = load_arrays(file, KINDS.get(kind, kind), entry["sha256"])
    if {key: _rows(value) for key, value in found.items()} != entry.get("rows"):
        raise BrokenRunError(f"{file} has other rows than {path.name} says. Evaluate that run again.")
    return found


def _beside(path: Path, kinds: Mapping[str, Any]) -> list[Path]:
    """The files of arrays that this document has had."""
    patterns = [_pattern(kind, re.escape(_stem(path))) for kind in kinds]
    return [file for file in path.parent.iterdir() if any(pattern.fullmatch(file.name) for pattern in patterns)]


def _unnamed(stale: list[Path], path: Path) -> list[Path]:
    """Those that no other document names: one that was renamed still means the arrays it was written with."""
    others = _documents_beside(path) if stale else []
    named = {name for file in others for name in _named_in(file)}
    return [file for file in stale if file.name not in named]


def _documents_beside(path: Path) -> list[Path]:
    """What may be other documents, whatever they are called: a backup is named result.json.bak as often as not."""
    return [file for file in sorted(path.parent.iterdir()) if file.name != path.name and _begins_document(file)]


def _begins_document(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return file.read(1) == b"{"
    except (OSError, GanevalError):
        return False


def _named_in(path: Path) -> set[str]:
    """The files of arrays that a document names; none where it cannot be read."""
    try:
        document = read_json(path)
    except (BrokenRunError, OSError):
        return set()
    files = document.get(FILES) if isinstance(document, dict) else None
    entries = files.values() if isinstance(files, dict) else ()
    return {str(entry.get("file")) for entry in entries if isinstance(entry, dict)}


def _shared(path: Path, kinds: Mapping[str, Any]) -> list[Path]:
    """What an earlier version wrote for the document that is replaced; kept where other documents could mean it."""
    try:
        old = {} if not path.is_file() or _documents_beside(path) else read_json(path)
    except BrokenRunError:
        return []
    return [path.with_name(f"{kind}.safetensors") for kind in kinds] if old and FILES not in old else []


def _pattern(kind: str, stem: str = r"[^/\\\0]*") -> re.Pattern[str]:
    """Of the files of one document, or of any: a document that was renamed still means the arrays it was written
    with.
    """
    return re.compile(rf"{stem}\.{kind}-[0-9a-f]{{16}}\.safetensors")


def _stem(path: Path) -> str:
    return path.name.removesuffix(".json")


def _rows(values: NDArray[Any]) -> int:
    return len(values) if values.ndim else 1
