"""Files: whole or not at all, nothing left behind that git would want, lines that swallow nothing, no waiting."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ganeval.core.files import (
    append_jsonl,
    append_text,
    read_json,
    read_jsonl,
    require_writable,
    write_atomic,
    write_json,
)
from ganeval.errors import BrokenRunError, GanevalError

WRITING = """
import sys
from ganeval.core.files import write_atomic
print("ready", flush=True)
for i in range(10**6):
    write_atomic(sys.argv[1], bytes([i % 250]) * 400_000)
"""


def killed(path: Path, after: float) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(path)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_the_file_that_hides_a_part_from_git_is_never_there_without_its_line(tmp_path, monkeypatch) -> None:
    seen, write = [], os.write

    def watched(handle: int, data: bytes) -> int:
        seen.append([path.name for part in tmp_path.glob(".ganeval-*") for path in part.iterdir()])
        return write(handle, data)

    monkeypatch.setattr(os, "write", watched)
    write_atomic(tmp_path / "r.bin", b"new")
    assert seen[0] == []
    assert (tmp_path / "r.bin").read_bytes() == b"new"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_a_kill_leaves_is_nothing_to_git_and_is_gone_after_the_next_write(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    path = tmp_path / "out" / "r.bin"
    write_atomic(path, b"old")
    left = 0
    for kill in range(8):
        killed(path, 0.01 + 0.003 * kill)
        left += len(list(path.parent.iterdir())) - 1
        assert len(set(path.read_bytes())) <= 3
        said = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert said in ("?? out/r.bin\n", "")
    write_atomic(path.with_name("other"), b"new")
    assert sorted(file.name for file in path.parent.iterdir()) == ["other", "r.bin"]


def test_a_folder_that_a_living_process_writes_in_is_left_alone(tmp_path: Path) -> None:
    """Many at once: none loses its write, and none is left over."""

    def many(name: str) -> None:
        for i in range(40):
            write_atomic(tmp_path / name, f"{name}{i}" * 100)

    threads = [threading.Thread(target=many, args=(name,)) for name in ("a", "b", "c", "a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.name: path.read_text()[:3] for path in tmp_path.iterdir()} == {"a": "a39", "b": "b39", "c": "c39"}


def test_a_folder_of_that_name_with_a_stopped_owner_goes(tmp_path: Path) -> None:
    (tmp_path / ".ganeval-0123abcd.part").mkdir()
    (tmp_path / ".ganeval-0123abcd.part" / "content").write_text("half")
    write_atomic(tmp_path / "x", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_file_has_the_permissions_that_the_user_asked_for(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        assert write_atomic(tmp_path / "x", "y").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(old)


def test_a_device_or_a_pipe_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    write_atomic("/dev/null", "x")
    assert Path("/dev/null").is_char_device()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        write_atomic(tmp_path / "pipe", "nobody reads")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_json(tmp_path / "pipe", {"a": 1})
    append_jsonl(tmp_path / "pipe", {"a": 2})
    assert os.read(reader, 100) == b'{\n  "a": 1\n}\n{"a": 2}\n'
    os.close(reader)


def test_a_torn_line_swallows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    append_jsonl(path, {"i": 0})
    with path.open("ab") as file:
        file.write(b'{"i": 1, "torn": "ye')
    append_jsonl(path, {"i": 2}, {"i": 3})
    assert [record["i"] for record in read_jsonl(path)] == [0, 2, 3]
    append_text(path, '{"i": 4}')
    append_jsonl(path, {"i": 5})
    assert [record["i"] for record in read_jsonl(path)] == [0, 2, 3, 4, 5]


def test_lines_of_many_writers_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"

    def many(who: int) -> None:
        for i in range(30):
            append_jsonl(path, {"who": who, "i": i, "text": "x" * 3000})

    threads = [threading.Thread(target=many, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(path.read_text().splitlines()) == len(list(read_jsonl(path))) == 120


def test_lines_that_no_reader_can_take_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text("\n".join(['{"a": 1}', "9" * 6000, "[" * 100_000, "{", '"text"', "\x00", '{"a": 2}']))
    assert [record["a"] for record in read_jsonl(path)] == [1, 2]


@pytest.mark.parametrize(
    "content", ["9" * 6000, "[" * 100_000, "", "{", '{"a": \udcff}'.encode("utf-8", "surrogateescape")]
)
def test_a_broken_document_is_a_sentence(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BrokenRunError, match=r"x\.json"):
        read_json(path)


def test_a_pipe_in_the_place_of_a_document_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(BrokenRunError, match="pipe"):
        read_json(tmp_path / "x.json")


def test_names_that_are_no_utf8_are_written_as_escapes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    path = write_json(tmp_path / "x.json", {"a": name})
    append_jsonl(tmp_path / "x.jsonl", {"a": name})
    write_atomic(tmp_path / "x.md", name)
    append_text(tmp_path / "x.md", name)
    assert path.read_bytes() == b'{\n  "a": "caf\\udce9"\n}\n'
    assert read_json(path) == json.loads(path.read_text(encoding="utf-8")) == {"a": name}
    assert list(read_jsonl(tmp_path / "x.jsonl")) == [{"a": name}]


def test_where_nothing_can_be_written_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for path, why in (
        (tmp_path, "Is a directory"),
        (tmp_path / "file" / "x.json", "Not a directory"),
        ("/proc/nowhere/x.json", ""),
        (tmp_path / ("x" * 300) / "y", "too long"),
        ("/proc/x.json", ""),
        (tmp_path / ("x" * 300), "too long"),
        ("a\0b", "null"),
    ):
        with pytest.raises(GanevalError, match="could not be written") as caught:
            require_writable(path)
        assert why in str(caught.value)
    for path in (tmp_path / "file", tmp_path / "a" / "b" / "c.json", Path("/dev/null"), "relative.json"):
        monkeypatch.chdir(tmp_path)
        require_writable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_working_folder_that_was_deleted_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(GanevalError, match="could not be written"):
        require_writable("x.json")


@pytest.mark.parametrize("write", [write_atomic, append_text])
def test_a_disk_that_takes_no_more_is_an_error_that_names_the_file(write, tmp_path: Path) -> None:
    limits, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    write_atomic(tmp_path / "old", "old")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(OSError, match=re.escape(repr(str(tmp_path / "old")))):
            write(tmp_path / "old", "x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "old").read_text().startswith("old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
