"""Libraries that only a bridge needs: loaded when it is used, and named in a sentence where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from ganeval.errors import MissingExtraError


class MissingLibraryError(MissingExtraError):
    """A library that a bridge leads to is not installed, or cannot be loaded."""


def needed(module: str, extra: str) -> Any:
    """The module; where it cannot be loaded, a sentence says which extra of ours brings it.

    >>> needed("gone", "loggers")
    Traceback (most recent call last):
    ...
    ganeval.integrations.needed.MissingLibraryError: gone is not installed. Install it: pip install "ganeval[loggers]".
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        absent = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == top
        why = "is not installed" if absent else f"cannot be loaded ({error})"
        raise MissingLibraryError(f'{top} {why}. Install it: pip install "ganeval[{extra}]".') from error
