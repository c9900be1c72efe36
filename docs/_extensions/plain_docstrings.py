"""Our docstrings are plain text with `code` in single backticks: made safe for Sphinx,
with their examples kept as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STATEMENT = re.compile(
    r"(Args|Returns|Raises|Bias|Standard error|Interval|Differs from [\w ,.-]+|Needs|Source|Example)(:)(?=\s|$)"
)
SIGNS = re.compile(r"([*|\\_])")


def convert(lines: list[str]) -> list[str]:
    """
    >>> convert(["|a| of `x_`.", "", ">>> 1 * 1", "1"])
    ['\\\\|a\\\\| of ``x_``.', '', '>>> 1 * 1', '1']
    """
    out: list[str] = []
    example = False
    for line in lines:
        if line.lstrip().startswith(">>>") and not example:
            example = True
            if out and out[-1].strip():
                out.append("")
        elif not line.strip():
            example = False
        out.append(line if example else prose(line))
    return out


def prose(line: str) -> str:
    """One line outside of an example: code as code, every other sign as itself, a statement's name in bold."""
    parts = re.split(r"(`+[^`]+`+)", line)
    safe = [f"``{part.strip('`')}``" if part.startswith("`") else SIGNS.sub(r"\\\1", part) for part in parts]
    return STATEMENT.sub(r"**\1**\2", "".join(safe), count=1) if STATEMENT.match(line.strip()) else "".join(safe)


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    del app, what, name, obj, options
    lines[:] = convert(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
