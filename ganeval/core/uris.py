"""Addresses of things that lie elsewhere (`s3://bucket/images`): what one looks like, and that it holds no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote_plus, urlsplit

from ganeval.errors import WrongInputError

# A Windows drive has a single letter before its colon.
_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]+://", re.IGNORECASE | re.ASCII)
_SECRET = re.compile(r"sig|token|secret|key|pass|pwd|cred|auth|session|jwt|code", re.IGNORECASE)
_NAMES_ONLY = ("sftp", "ssh", "ftp")  # a user's name alone opens nothing there
_LONGEST_WORD = 16  # a query without "=" that is longer is taken for a token


def is_uri(source: Any) -> bool:
    """Whether `source` is a text that begins with `scheme://`.

    >>> is_uri("s3://bucket/images"), is_uri("hoda:test"), is_uri("C:/images")
    (True, False, False)
    """
    return isinstance(source, str) and _SCHEME.match(source) is not None


def local_path(address: str) -> Path | None:
    """Where a `file://` address lies on this machine; None for any other."""
    if not address.strip().lower().startswith("file://"):
        return None
    from urllib.request import url2pathname  # loads much, for one kind of address

    return Path(url2pathname(urlsplit(address.strip()).path))


def require_no_secret(source: Any) -> None:
    """Raise where an address holds a password, a key or a token: what is measured is written into results.

    The message repeats nothing but the scheme.
    """
    if not is_uri(source):
        return
    scheme = source.strip().partition("://")[0].lower()
    try:
        secret = _holds_secret(urlsplit(source.strip()))
    except ValueError as error:
        raise WrongInputError(f"This {scheme}:// address cannot be read. Write it as {scheme}://host/path.") from error
    if secret:
        raise WrongInputError(
            f"An address must hold no password, key or token, because it is written into results; this {scheme}:// "
            "address does. Give them to fsspec by its configuration or by environment variables, such as "
            "AWS_SECRET_ACCESS_KEY or HF_TOKEN, or download the files first."
        )


def _holds_secret(address: SplitResult) -> bool:
    by_name = address.username is not None and address.scheme.lower() not in _NAMES_ONLY
    words = [word for text in (address.query, address.fragment) for word in re.split("[&;]", text)]
    return (
        by_name
        or address.password is not None
        or any(len(word) > _LONGEST_WORD for word in words if "=" not in word)
        or any(_SECRET.search(unquote_plus(word.partition("=")[0])) for word in words if "=" in word)
    )
