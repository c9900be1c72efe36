"""Published weights: looked for in `GANEVAL_WEIGHTS`, in torch.hub's folder, in the user cache, then fetched and
checked by SHA-256.

Nothing read here can execute code: safetensors, or torch files restricted to tensors.
"""

from __future__ import annotations

import hashlib
import os
import pickle  # noqa: TID251 - only to name the error that torch's restricted loader raises
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ganeval.core.extras import require
from ganeval.core.files import require_regular
from ganeval.core.folders import cache_root
from ganeval.core.machine import quiet
from ganeval.errors import MissingFileError, WrongInputError

# Where the images are known, `load_extractor` says in its place which classifiers take them.
OFFLINE = (
    "Offline, use a shipped classifier that takes your images instead, such as extractor='digits' for 8 x 8 grey ones."
)


@dataclass(frozen=True)
class RemoteWeights:
    """One published file of weights; a `.safetensors` file of the same stem is accepted in its place."""

    name: str
    url: str
    sha256: str  # of the published file
    also: tuple[str, ...] = ()  # other names under which the same content is published


def find_weights(weights: RemoteWeights, alternative: str = OFFLINE) -> Path:
    """The path of the weights on this machine; downloads them where they are not.

    Raises: MissingFileError, saying where was looked and what works instead (`alternative`); WrongInputError where a
    local file has the published name but other content.
    """
    names = (weights.name, *weights.also)
    for folder in weight_folders():
        for name in names:
            if _is_there(folder / name):
                return _verified(folder / name, weights)
        local = folder / f"{Path(weights.name).stem}.safetensors"
        if _is_there(local):
            return local
    return _fetched(weights, alternative)


def _is_there(path: Path) -> bool:
    """A regular file that may be looked at; pipes, and folders that nobody may enter, are passed by."""
    try:
        return path.is_file()
    except OSError:
        return False


def weight_folders() -> list[Path]:
    """Searched in order; downloads are kept in the last one."""
    named = os.environ.get("GANEVAL_WEIGHTS")
    return [*([Path(named)] if named else []), Path(torch.hub.get_dir()) / "checkpoints", cache_root() / "weights"]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a `.safetensors` or a torch file, on the CPU."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise WrongInputError(
            f"Expected weights in {path}; they cannot be read ({error}). Fetch them again."
        ) from error


def _verified(path: Path, weights: RemoteWeights) -> Path:
    found = sha256_of(path)
    if found != weights.sha256:
        raise WrongInputError(
            f"{path} must be the published file with SHA-256 {weights.sha256[:12]}...; it has {found[:12]}.... "
            "Fetch it again, or rename it if it is meant to be something else."
        )
    return path


def _fetched(weights: RemoteWeights, alternative: str) -> Path:
    require("pooch", what=f"Fetching {weights.url}")
    import pooch  # loads requests; only a download pays for it

    pooch.get_logger().setLevel("WARNING")
    target = weight_folders()[-1]
    if os.path.lexists(target / weights.name):
        require_regular(target / weights.name)  # a pipe in its place would be waited for
    try:
        path = pooch.retrieve(
            weights.url, f"sha256:{weights.sha256}", fname=weights.name, path=target, progressbar=not quiet()
        )
    except (OSError, ValueError) as error:  # no network, no such page, other content
        looked = ", ".join(str(folder / weights.name) for folder in weight_folders())
        raise MissingFileError(
            f"Expected the weights {weights.name}; looked at {looked}, and fetching {weights.url} failed "
            f"({type(error).__name__}). Put the file into a folder and name it in GANEVAL_WEIGHTS. {alternative}"
        ) from error
    return Path(path)
