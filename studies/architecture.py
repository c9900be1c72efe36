"""The list of modules in docs/architecture.md: each with the first sentence that it says of itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ganeval.core.files import write_atomic
from studies.page import DOCS

ROOT = DOCS.parent
PACKAGES = ("ganeval", "reference_models", "studies", "benchmarks")
MARK = "\n## Every module\n"


def main(*, out: Path = DOCS) -> Path:
    """Write the last part of `out/architecture.md`; what stands above it is prose."""
    page = out / "architecture.md"
    prose = page.read_text(encoding="utf-8").partition(MARK)[0]
    return write_atomic(page, prose + MARK + "\n".join(lines()) + "\n")


def lines() -> Iterator[str]:
    """Folder by folder: what the folder is, then its modules."""
    yield "\nWritten by `python -m studies architecture`."
    for package in PACKAGES:
        folders = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
        for folder in folders:
            yield f"\n### `{folder.relative_to(ROOT)}/`\n"
            if said := first_sentence(folder / "__init__.py"):
                yield f"{said}\n"
            modules = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
            yield from (f"- `{path.name}`: {first_sentence(path)}" for path in modules)


def first_sentence(path: Path) -> str:
    """Of a module's docstring; "" where there is none."""
    if not path.is_file():
        return ""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(said.partition("\n\n")[0].split())
    found = re.match(r".+?(?<!et al)\.(?=\s|$)", paragraph)
    return found[0] if found else paragraph
