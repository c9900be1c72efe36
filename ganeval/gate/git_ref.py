"""The baseline as another branch has it: `--base-ref origin/main` reads the files of that commit, not those checked
out.

A pull request may change `baselines/NAME.json` together with the generator; the promise it must keep is the one of the
branch it goes to. Git is asked with fixed arguments: a ref that looks like an option, a range or a path is refused, the
ref is resolved to a commit hash first, and a file's size is known before its content is read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from ganeval.core.apart import place_of
from ganeval.core.files import MAX_JSON_BYTES, read_json, write_atomic
from ganeval.errors import BrokenRunError, MissingFileError
from ganeval.gate.baseline import MAX_VECTOR_BYTES, Baseline, read_baseline, vectors_name
from ganeval.gate.rules import GateConfigError

_REF = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_/.+@~^-]{0,198})")
_SECONDS = 60


def baseline_at(ref: str, path: Path) -> Baseline:
    """The baseline at `path` in the commit that `ref` names.

    Raises `GateConfigError` where there is no such ref, `MissingFileError` where that commit has no such file.
    """
    path = place_of(path)
    root = Path(_text(["rev-parse", "--show-toplevel"], _nearest(path.parent), "--base-ref needs a git repository."))
    if not path.is_relative_to(root):
        raise GateConfigError(f"--base-ref {ref} has no {path}: it lies outside of the repository {root.name}.")
    commit, name = _commit(ref, root), path.relative_to(root).as_posix()
    with tempfile.TemporaryDirectory(prefix="ganeval-") as scratch:
        copy = Path(scratch) / path.name
        document = _blob(root, f"{commit}:{name}", MAX_JSON_BYTES)
        if document is None:
            raise MissingFileError(f"There is no baseline {name} at {ref}. Make one there with --update-baseline.")
        write_atomic(copy, document)
        try:
            beside = vectors_name(read_json(copy))
            vectors = (
                _blob(root, f"{commit}:{Path(name).with_name(beside).as_posix()}", MAX_VECTOR_BYTES) if beside else None
            )
            if vectors is not None:
                write_atomic(copy.with_name(beside), vectors)
            found = read_baseline(copy)
        except BrokenRunError as error:
            raise BrokenRunError(str(error).replace(str(copy.parent), ref)) from error
    return replace(found, path=path, source={**found.source, "ref": ref, "at": commit})


def _commit(ref: str, root: Path) -> str:
    if not _REF.fullmatch(ref) or ".." in ref:
        raise GateConfigError(f"--base-ref must name a branch, a tag or a commit, such as origin/main; got {ref!r}.")
    advice = f"There is no commit {ref!r} here. Fetch it first (on GitHub: actions/checkout with fetch-depth: 0)."
    return _text(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], root, advice)


def _blob(root: Path, where: str, most: int) -> bytes | None:
    """A file of a commit, None where it has none; sizes are asked before contents."""
    kind = _git(["cat-file", "-t", where], root)
    if kind.returncode != 0 or kind.stdout.strip() != b"blob":
        return None
    size = int(_text(["cat-file", "-s", where], root, f"Git cannot tell the size of {where}."))
    if size > most:
        raise BrokenRunError(f"{where} is larger than {most // 2**20} MiB; that is no baseline.")
    return _git(["cat-file", "blob", where], root).stdout


def _text(arguments: list[str], folder: Path, otherwise: str) -> str:
    done = _git(arguments, folder)
    if done.returncode != 0:
        raise GateConfigError(otherwise)
    return done.stdout.decode().strip()


def _git(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise GateConfigError("--base-ref needs git, which is not installed here.")
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        return subprocess.run(  # noqa: S603 -- no shell; what comes from outside was checked
            [program, "-C", str(folder), *arguments], capture_output=True, check=False, timeout=_SECONDS, env=quiet
        )
    except subprocess.TimeoutExpired as error:
        raise GateConfigError(f"git {arguments[0]} took more than {_SECONDS} s; try again.") from error


def _nearest(folder: Path) -> Path:
    """The folder itself or the nearest one above that is there: a branch may not have the baselines' folder yet."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())
