"""Files are opened without waiting for them, and named without letting a terminal obey them."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability.records import evaluation
from ganeval.cli.init import _content
from ganeval.core import files
from ganeval.core.files import open_regular, read_jsonl, require_regular
from ganeval.errors import GanevalError, MissingFileError, WrongInputError, printable
from ganeval.gate.contenders import _results
from ganeval.gate.trend import read_history
from ganeval.images import image_set
from ganeval.measure.run_samples import _picture_shape
from ganeval.runs.directory import create_run
from ganeval.runs.lock import sole_writer


def test_a_regular_file_and_a_link_to_one_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"bytes"


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "9.png")
    for door in (open_regular, require_regular):
        with pytest.raises(WrongInputError, match="it is a pipe"):
            door(tmp_path / "9.png")


def test_folders_sockets_and_devices_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path, kind in ((tmp_path, "a folder"), (tmp_path / "socket", "a socket"), (Path("/dev/zero"), "a device")):
            with pytest.raises(WrongInputError, match=kind):
                open_regular(path)


def test_a_dangling_link_says_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "9.png").symlink_to("gone.png")
    with pytest.raises(MissingFileError, match=r"is a link to gone\.png, where nothing is"):
        open_regular(tmp_path / "9.png")


def test_a_loop_of_links_and_a_zero_byte_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    for path in (tmp_path / "round", "a\0b"):
        with pytest.raises(WrongInputError, match="cannot be read"):
            open_regular(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="There is no file"):
        open_regular(tmp_path / "nothing")


@contextmanager
def nobody() -> Iterator[None]:
    """Root, who may read everything, becomes somebody who may not."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("name", ["locked", "locked/9.png", "locked/a.npz", "locked/a.zip", "secret.npz"])
def test_what_may_not_be_read_says_why(name: str, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "secret.npz").touch(mode=0)
    (tmp_path / "locked").chmod(0)
    tmp_path.chmod(0o755)
    doors = (image_set,) if name == "locked" else (image_set, open_regular)
    with contextlib.chdir(tmp_path), nobody():
        for door in doors:
            with pytest.raises(WrongInputError, match="Permission denied"):
                door(name)
    (tmp_path / "locked").chmod(0o755)


def test_a_printed_name_is_one_line_that_no_terminal_obeys() -> None:
    assert printable("a\nb\x1b[31m\udcff\u202e") == r"a\nb\x1b[31m\udcff\u202e"
    assert printable("رقم ۵.png") == "رقم ۵.png"
    assert len(printable("x" * 100_000)) < 310


@pytest.mark.parametrize("doors", [read_jsonl, read_history])
def test_a_log_that_is_a_hole_or_too_long_is_refused_by_name(doors: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """A hole of a terabyte takes no place on the disk."""
    path = tmp_path / "history.jsonl"
    path.write_text('{"metrics": {"kid": {"value": 1.0, "se": 0.1, "n": 9}}}\n')
    os.truncate(path, 2**40)
    with pytest.raises(WrongInputError, match=r"history\.jsonl claims 1,099,511,627,776 bytes.*is a hole"):
        list(doors(path))
    monkeypatch.setattr(files, "MAX_LOG", 4)
    path.write_text('{"metrics": {}}\n')
    with pytest.raises(WrongInputError, match=r"has 16 bytes; of a log at most 4 are read"):
        list(doors(path))


def test_pipes_in_the_places_of_our_own_files_are_waited_for_by_nobody(tmp_path: Path) -> None:
    evaluation(0, 3.0).write(tmp_path / "runs" / "good.json")
    os.mkfifo(tmp_path / "runs" / "a.json")
    assert len(_results(tmp_path / "runs")) == 1
    run = create_run(tmp_path / "more", "a", config={}, seeds={}, protocol={})
    os.mkfifo(run.path / "lock.json")
    with contextlib.suppress(OSError), sole_writer(run.path):
        run.update(status="done")
    os.mkfifo(run.path / "log.txt")
    with pytest.raises(GanevalError, match=r"log\.txt could not be written"):
        run.say("nobody listens")
    os.mkfifo(tmp_path / "0.png")
    with pytest.raises(WrongInputError, match="it is a pipe"):
        _picture_shape(tmp_path / "0.png")
    os.mkfifo(tmp_path / "ganeval.toml")
    with pytest.raises(WrongInputError, match="it is a pipe"):
        _content(tmp_path / "ganeval.toml")
