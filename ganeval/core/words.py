"""Words of a command line that cannot be meant as they stand, found before anybody parses them."""

from __future__ import annotations

from collections.abc import Sequence

from ganeval.errors import WrongInputError

LISTS = ("--metrics", "--options", "--extractors")  # flags that take any number of words, and mean nothing without one


def require_meant(words: Sequence[str]) -> None:
    """Refuse a flag that is typed twice, of which only the last would count, and a list that names nothing.

    >>> require_meant(["--fake", "a", "--no-floor", "--fake=b"])
    Traceback (most recent call last):
    ...
    ganeval.errors.WrongInputError: --fake was typed twice, and only one can count. Type it once.
    """
    seen: set[str] = set()
    for word, following in zip(words, [*words, "--"][1:], strict=True):
        if word == "--":
            return
        if not word.startswith("--"):
            continue
        flag, equals, _ = word.replace("_", "-").partition("=")
        name = flag.replace("--no-", "--", 1)
        if name in seen:
            more = " with all of its words" if flag in LISTS else ""
            raise WrongInputError(f"{flag} was typed twice, and only one can count. Type it once{more}.")
        seen.add(name)
        if flag in LISTS and not equals and following.startswith("--"):
            raise WrongInputError(f"{flag} names nothing. Name at least one, or leave it out.")
