"""The commands behind docs/reliability.md, with few examples: what they promise holds, and what is broken they find."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.reliability.corruptions import FILES, Kept, corrupted
from benchmarks.reliability.inputs import inputs
from benchmarks.reliability.kills import WRITERS, Writer, killed
from benchmarks.reliability.outcomes import attempt, table
from benchmarks.reliability.sharing import alarms


@pytest.mark.parametrize(
    "writer", WRITERS, ids=lambda writer: writer.name.split("`")[-2] if "`" in writer.name else "run"
)
def test_no_kill_breaks_what_is_written(writer: Writer, tmp_path: Path) -> None:
    found = killed(writer, tmp_path, 5)
    assert found.total() >= 3
    assert set(found) <= {"the old one, whole", "the new one, whole"}


def test_a_writer_that_is_not_atomic_is_found(tmp_path: Path) -> None:
    def torn(place: Path) -> None:
        handle = os.open(place / "x", os.O_WRONLY | os.O_TRUNC)
        for part in ("ne", "w"):
            os.write(handle, part.encode())
        os.close(handle)

    writer = Writer(
        "torn", lambda place: (place / "x").write_text("old"), torn, lambda place: (place / "x").read_text()
    )
    assert killed(writer, tmp_path, 1) == Counter({"the old one, whole": 1, "broken": 2})


@pytest.mark.parametrize("kept", [kept for kept in FILES if kept.name != "checkpoint"], ids=lambda kept: kept.name)
def test_no_damage_is_a_traceback(kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = corrupted(kept, tmp_path / "files", 12, 0)
    assert found.total() == 12
    assert not {"traceback", "hang", "last guard"} & set(found)
    assert not found["another answer"] or ".jsonl" in kept.name or "JSON" in kept.name


def test_a_reader_without_a_guard_is_found(tmp_path: Path) -> None:
    def make(folder: Path) -> Path:
        (folder / "x.json").write_text(json.dumps({"a": [1, 2, 3], "b": "c"}))
        return folder / "x.json"

    kept = Kept("x", make, lambda folder: sum(json.loads((folder / "x.json").read_text())["a"]))
    assert corrupted(kept, tmp_path / "files", 40, 0)["traceback"] > 5


def test_results_say_the_same_in_one_folder_as_apart(tmp_path: Path) -> None:
    apart, shared = alarms(tmp_path, 12, 0).splitlines()[2:]
    assert apart.split("|")[2:] == shared.split("|")[2:]
    assert shared.endswith("| 0 |")


def test_hostile_inputs_end_in_an_answer_or_a_sentence() -> None:
    for line in inputs(60, 0).splitlines()[2:]:
        assert line.split("|")[2].strip() == "30"
        assert line.endswith("| 0 |")


def test_an_end_that_has_no_column_is_no_silent_row() -> None:
    with pytest.raises(ValueError, match="no column"):
        table("x", ["a"], {"y": Counter(b=1)})
    assert attempt(lambda: 1 / 0) == ("traceback", "ZeroDivisionError: division by zero")
