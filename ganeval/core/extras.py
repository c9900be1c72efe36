"""Libraries that a job which only reads records does without, and the extra of ganeval that installs each."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from ganeval.errors import MissingExtraError

EXTRA = {
    **dict.fromkeys(("torch", "scipy", "sklearn", "pooch"), "torch"),
    **dict.fromkeys(("fsspec", "braceexpand", "pyarrow"), "remote"),
    "matplotlib": "plot",
    "pandas": "frame",
}
SOLD_AS = {"sklearn": "scikit-learn"}  # where a library is installed under another name than it is imported by
MEASURING = ("torch", "scipy", "sklearn")  # what every room needs in which images are measured


def require(*libraries: str, what: str) -> None:
    """Raise `MissingExtraError`, which names the extra, where one of the libraries is not installed. Imports none.

    `what` is the beginning of the sentence: who needs them.

    >>> require("matplotlib", what="A chart")
    """
    missing = [name for name in libraries if not is_installed(name)]
    if missing:
        raise MissingExtraError(sentence_of(missing, what))


def sentence_of(missing: list[str], what: str) -> str:
    """
    >>> sentence_of(["torch", "sklearn"], "Measuring images")
    'Measuring images needs torch and scikit-learn, not installed here: pip install "ganeval[torch]".'
    """
    *first, last = (SOLD_AS.get(name, name) for name in missing)
    extras = ",".join(sorted({EXTRA[name] for name in missing}))
    return (
        f"{what} needs {' and '.join([*([', '.join(first)] if first else []), last])}, not installed here: "
        f"{pip(extras)}."
    )


def translated(error: Exception) -> Exception:
    """The sentence that names the extra, in place of an import that failed where nobody had asked before;
    else `error`.
    """
    library = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return MissingExtraError(sentence_of([library], "This")) if library in EXTRA else error


def pip(extra: str) -> str:
    """The command that installs an extra."""
    return f'pip install "ganeval[{extra}]"'


def is_installed(library: str) -> bool:
    return sys.modules.get(library) is not None or find_spec(library) is not None
