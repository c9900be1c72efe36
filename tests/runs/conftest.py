"""The layouts of foreign trainers, written by the scripts in fixtures/ as those trainers write them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def write_layout(tmp_path: Path) -> Callable[..., Path]:
    """`write_layout("stylegan")` runs fixtures/stylegan.py's `write(folder)` in a fresh folder `runs`; returns it."""

    def write(name: str, folder: Path | None = None) -> Path:
        spec = importlib.util.spec_from_file_location(f"layout_{name}", FIXTURES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        root = folder or tmp_path / "runs"
        root.mkdir(parents=True, exist_ok=True)
        module.write(root)
        return root

    return write
