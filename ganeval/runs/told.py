"""What the caller knows of folders of pictures: what they are, and what the real images look like and are called."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Size = tuple[int, int]  # height, width
Pictures = Literal["auto", "samples", "steps", "sheets"]


@dataclass(frozen=True)
class Told:
    """`size` and `classes` are those of the real images; `flags` what was typed to measure, to be repeated in
    advice.
    """

    pictures: Pictures = "auto"
    size: Size | None = None
    classes: tuple[str, ...] = ()
    flags: str = ""


NOTHING = Told()
told: ContextVar[Told] = ContextVar("told", default=NOTHING)
