"""Names of models that lie on the Hugging Face Hub (`hf-hub:OWNER/NAME`) or in a folder (`local-dir:PATH`).

Both timm and open_clip understand them. Without a network the Hub's library asks again and again, for most of a minute,
before it gives up; here it is asked once, and only for what is not on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ganeval.core.files import require_regular
from ganeval.errors import MissingFileError, WrongInputError
from ganeval.integrations.needed import needed

HUB, FOLDER = "hf-hub", "local-dir"
SECONDS = 10.0  # that the Hub may take to answer
MOST = 10**6  # bytes of a configuration
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".tar", ".npz", ".npy")


def kept_in(name: str) -> tuple[str, str]:
    """("hf-hub", "OWNER/NAME"), ("local-dir", "PATH"), or ("", name) of a name that the library itself has."""
    kind, colon, place = name.partition(":")
    return (kind, place) if colon and kind in (HUB, FOLDER) and place else ("", name)


def require_folder(place: str, config: str) -> Path:
    """The folder of a model: with a configuration, and without anything in it that would be waited for."""
    folder = Path(place)
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {folder}. After local-dir: comes the folder of a model.")
    if not (folder / config).exists():
        raise MissingFileError(
            f"{folder} has no {config}, which says what the network is. Name the folder that the model was saved to."
        )
    for path in (folder / config, *(file for file in folder.iterdir() if file.suffix in WEIGHTS)):
        require_regular(path)
    if (folder / config).stat().st_size > MOST:
        raise WrongInputError(f"{folder / config} is larger than a configuration (1 MB). Name the folder of a model.")
    return folder


def remedy(kind: str) -> str:
    """What to do where weights cannot be had."""
    other = "copy the folder of the model here and name it local-dir:PATH" if kind else "pass weights=PATH"
    return f"Fetch them where there is a network and {other}, or choose an extractor that is here, such as 'wavelet'."


def require_answer(repository: str, files: Iterable[str]) -> None:
    """Raise ConnectionError where none of the files is on this machine and the Hub does not answer.

    repository: OWNER/NAME or OWNER/NAME@REVISION. That a file is not there is an answer, too.
    """
    hub = needed("huggingface_hub", "huggingface")
    errors = needed("huggingface_hub.errors", "huggingface")
    name, _, said = repository.partition("@")
    revision, files = said or None, list(files)
    if any(isinstance(hub.try_to_load_from_cache(name, file, revision=revision), str) for file in files):
        return
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(name, files[0], revision=revision), timeout=SECONDS)
    except errors.HfHubHTTPError:
        return
    except Exception as error:
        raise ConnectionError(f"the Hub does not answer: {error}") from error
