"""python -m studies NAME [...]: measure what a page of the docs claims, and write that page.

A study is a file of this folder with a function `main`, or a folder with a `__main__.py` that has one. Its name is
that of the file or folder; the list shows the first line of its docstring. NAME --help shows its options.
"""

from __future__ import annotations

from ganeval.cli.early import heed_ctrl_c, leave_at_ctrl_c

if __name__ == "__main__":
    leave_at_ctrl_c("studies")

import ast
import importlib
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import tyro

from ganeval.core.registry import unknown_name
from ganeval.errors import GanevalError, UnknownNameError

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 2 wrong input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(listing())
        return 0
    try:
        sys.stdout.write(f"{run(arguments[0], arguments[1:])}\n")
    except GanevalError as error:
        sys.stderr.write(f"studies: {error}\n")
        return 2
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"studies: interrupted, no page is written. {stopped}\n")
        return 130
    return 0


def run(name: str, flags: Sequence[str]) -> Path:
    """The page (or what else the study answers with) that was written."""
    found = studies()
    if name not in found:
        raise UnknownNameError(unknown_name("study", name, found))
    file = found[name].relative_to(HERE).with_suffix("")
    module = importlib.import_module(".".join(["studies", *file.parts]))
    heed_ctrl_c()
    return tyro.cli(module.main, args=flags, prog=f"python -m studies {name}")


def studies(folder: Path = HERE) -> dict[str, Path]:
    """The file of each study by its name; files are read and not imported, so that a list takes no time."""
    files = {path.stem: path for path in folder.glob("*.py") if path.name != "__main__.py"}
    files |= {path.parent.name: path for path in folder.glob("*/__main__.py")}
    return {name: path for name, path in sorted(files.items()) if _has_main(_parsed(path))}


def listing(folder: Path = HERE) -> str:
    """All studies, each with the first line of what it says of itself."""
    found = {name: ast.get_docstring(_parsed(path)) or "" for name, path in studies(folder).items()}
    width = max(map(len, found), default=0)
    lines = [f"  {name:<{width}}  {said.partition(chr(10))[0]}" for name, said in found.items()]
    return "\n".join([(__doc__ or "").strip(), "", *lines]) + "\n"


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _has_main(module: ast.Module) -> bool:
    return any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in module.body)


if __name__ == "__main__":
    sys.exit(main())
