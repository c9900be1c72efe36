"""How options that may be left out are shown in a command's help: by what to type, not by Python's None."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

MaybePath = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
MaybeText = Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")]
MaybeCount = Annotated[int | None, arg(metavar="INT", help_behavior_hint="")]
MaybeNumber = Annotated[float | None, arg(metavar="NUMBER", help_behavior_hint="")]
Names = Annotated[tuple[str, ...], arg(metavar="NAME ...", help_behavior_hint="")]
Paths = Annotated[tuple[Path, ...], arg(metavar="PATH ...", help_behavior_hint="")]
Files = Annotated[tuple[str, ...], arg(metavar="FILE ...", help_behavior_hint="")]
OptionalPath = Annotated[Path | None, arg(metavar="[PATH]", help_behavior_hint="")]  # in its place, without a flag
OptionalText = Annotated[str | None, arg(metavar="[TEXT]", help_behavior_hint="")]
OptionalPaths = Annotated[tuple[Path, ...], arg(metavar="[PATH ...]", help_behavior_hint="")]
