"""The shape of a package is read from its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.house import floors, in_circles, shape

FILES = {
    "__init__.py": "from ganeval.top.a import f\n",
    "errors.py": "",
    "top/__init__.py": "",
    "top/a.py": "from ganeval.low import b\ndef f(n, seed, train, metrics): ...\ndef g(n, seed): ...\n",
    "low/__init__.py": "",
    "low/b.py": "import ganeval.errors\ndef late():\n    from ganeval.low.c import x\n",
    "low/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ganeval.low.b import late\nx = 1\n",
}


def written(root: Path, **changed: str) -> Path:
    for name, text in {**FILES, **changed}.items():
        file = root / "ganeval" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "pyproject.toml").write_text("[[tool.importlinter.contracts]]\n" * 3)
    return root


def test_rooms_floors_arrows_and_signatures_are_counted(tmp_path: Path) -> None:
    count, lone, rooms, height, arrows, circles, many, contracts = shape(written(tmp_path))
    assert (count, lone, rooms, height) == ("7", "1", "2", "3")
    assert (arrows, circles, many, contracts) == ("4", "0", "1", "3")


def test_a_circle_that_a_late_import_hides_is_found(tmp_path: Path) -> None:
    closed = written(tmp_path, **{"low/c.py": "def later():\n    from ganeval.low.b import late\n"})
    assert shape(closed)[5] == "2"


@pytest.mark.parametrize(("between", "height"), [({"a": {"b"}, "b": set()}, "2"), ({"a": {"b"}, "b": {"a"}}, "none")])
def test_rooms_in_a_circle_have_no_floors(between: dict[str, set[str]], height: str) -> None:
    assert floors(between) == height
    assert in_circles(between) == (set() if height == "2" else {"a", "b"})
