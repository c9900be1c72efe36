"""The functions and files that three calls run through, for docs/architecture.md.

Measured in this process after a first call, so that what is loaded once (registries, modules) is not counted.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ganeval
from ganeval.cli.main import main as command

PACKAGE = str(Path(ganeval.__file__).parent)


def touched(call: Callable[[], Any]) -> tuple[int, int]:
    """How many different functions of the package run during `call`, and in how many files."""
    seen: set[tuple[str, int]] = set()

    def look(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            seen.add((code.co_filename, code.co_firstlineno))

    call()
    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(seen), len({file for file, _ in seen})


def calls(folder: Path) -> dict[str, Callable[[], Any]]:
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    np.savez(folder / "a.npz", arr_0=images.transpose(0, 2, 3, 1))
    np.savez(folder / "b.npz", arr_0=images[::-1].transpose(0, 2, 3, 1) // 2)
    (folder / "ganeval.toml").write_text(
        f'[gate]\nbaseline = "{folder}/base.json"\n[[gate.rule]]\nmetric = "fid"\nmargin_rel = 0.1\n'
    )
    result, config = str(folder / "result.json"), ["--config", str(folder / "ganeval.toml")]
    evaluate = ["evaluate", "--fake", str(folder / "b.npz"), "--real", str(folder / "a.npz"), "--extractor", "pixels"]
    quietly([*evaluate, "--json", result])
    quietly(["gate", result, *config, "--update-baseline", "--reason", "first", "--force", "--allow-ci-update"])
    return {
        'fid(a, b, extractor="pixels")': lambda: ganeval.fid(images, images[::-1] // 2, extractor="pixels"),
        "ganeval evaluate": lambda: quietly(evaluate),
        "ganeval gate result.json": lambda: quietly(["gate", result, *config]),
    }


def quietly(arguments: list[str]) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return command(arguments)


def main() -> None:
    """Print the number of functions and files that each call touches."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: touched(call) for name, call in calls(Path(folder)).items()}
    json.dump({name: {"functions": f, "files": n} for name, (f, n) in found.items()}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
