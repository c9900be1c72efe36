"""Arrays beside a document: what another document still names is not removed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ganeval.core.vectors import read_arrays, write_document

KIND = "per_sample"


def test_a_renamed_document_keeps_its_arrays_when_the_old_name_is_written_again(tmp_path: Path) -> None:
    path = write_document(tmp_path / "e.json", {}, {KIND: {"a": np.arange(3.0)}})
    kept = path.rename(tmp_path / "last_week.json")
    write_document(path, {}, {KIND: {"a": np.arange(4.0)}})
    assert {p: len((read_arrays(p, KIND) or {})["a"]) for p in (kept, path)} == {kept: 3, path: 4}


@pytest.mark.parametrize("backup", ["e.json.bak", "e.old", "E.JSON", "e"])
def test_a_backup_of_any_name_keeps_its_arrays(backup: str, tmp_path: Path) -> None:
    path = write_document(tmp_path / "e.json", {}, {KIND: {"a": np.arange(3.0)}})
    kept = path.rename(tmp_path / backup)
    (tmp_path / "log.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    os.mkfifo(tmp_path / "pipe")
    write_document(path, {}, {KIND: {"a": np.arange(4.0)}})
    assert [len((read_arrays(p, KIND) or {})["a"]) for p in (kept, path)] == [3, 4]


@pytest.mark.parametrize("names", [("a.result", "a.result.json"), ("a", "a.json"), (".json", "b.json")])
def test_two_documents_of_nearly_one_name_keep_their_arrays(names: tuple[str, str], tmp_path: Path) -> None:
    for n, name in enumerate(names, 3):
        write_document(tmp_path / name, {}, {KIND: {"a": np.arange(float(n))}})
    assert [len((read_arrays(tmp_path / name, KIND) or {})["a"]) for name in names] == [3, 4]


def test_what_no_document_names_any_more_is_removed(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for n in (3, 4):
        write_document(tmp_path / "e.json", {}, {KIND: {"a": np.arange(float(n))}})
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
