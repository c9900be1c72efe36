"""What this machine is: its processor, the packages on it, and whether a person or a CI job is waiting."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TextIO


def processor() -> str:
    """The processor's name, which Linux keeps from `platform`; where none is told, the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def versions(packages: Iterable[str]) -> str:
    """Those of the packages that are installed, for the head of a page of measurements.

    >>> versions(["no-such-package"])
    ''
    """
    return ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a CI job runs this; CI=false says no.

    >>> in_ci({"CI": "true"}), in_ci({"CI": "false"}), in_ci({})
    (True, False, False)
    """
    return environ.get("CI", "").lower() not in ("", "0", "false", "no")


def at_terminal(*streams: TextIO | None) -> bool:
    """Whether every one of the streams is a terminal."""
    return all(stream is not None and not stream.closed and stream.isatty() for stream in streams)


def quiet() -> bool:
    """Whether a bar of progress would only litter a log: nobody looks at a terminal, or it is a CI job's."""
    return not at_terminal(sys.stderr) or in_ci()
