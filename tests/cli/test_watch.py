"""`--watch` measures again when the images have changed and are at rest, and waits for what cannot be measured yet."""

from __future__ import annotations

import _thread
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from ganeval.cli.main import main
from ganeval.cli.watch import changes, watching
from ganeval.errors import WrongInputError
from ganeval.images import image_set


def add_digits(folder: Path, start: int, stop: int) -> None:
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(image_set("digits:train").array()[start:stop], start):
        Image.fromarray(image[0]).save(folder / f"{i}.png")


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_folder_that_grows_is_measured_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "samples", tmp_path / "out.json"
    add_digits(folder, 0, 60)

    def n() -> int:
        return json.loads(out.read_text())["fake"]["n"] if out.exists() else 0

    def grow_and_stop() -> None:
        until(lambda: n() == 60)
        add_digits(folder, 60, 70)
        until(lambda: n() == 70)
        _thread.interrupt_main()

    helper = Thread(target=grow_and_stop)
    helper.start()
    words = ["evaluate", "--real", "digits:test", "--fake", str(folder), "--metrics", "fid", "--classifier", "digits"]
    assert main([*words, "--json", str(out), "--watch", "0.05"]) == 130
    helper.join()
    assert "samples: 60 images" in capsys.readouterr().out
    assert n() == 70


def test_what_cannot_be_measured_yet_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    def act() -> int:
        calls.append(1)
        (tmp_path / f"{len(calls)}.png").write_bytes(b"")
        if len(calls) == 1:
            raise WrongInputError("1.png is truncated.")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watching(0.01, str(tmp_path), act)
    assert len(calls) == 2
    assert capsys.readouterr().err == "ganeval: 1.png is truncated. Waiting for more.\n"


def test_a_folder_that_is_still_written_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def written_for_three_looks(_: float) -> None:
        looks.append(1)
        if len(looks) <= 3:
            (tmp_path / f"{len(looks)}.png").write_bytes(b"x")

    monkeypatch.setattr("ganeval.cli.watch.time.sleep", written_for_three_looks)
    changed = changes(tmp_path, 1.0)
    next(changed)
    next(changed)
    assert len(looks) == 4


@pytest.mark.parametrize("words", [["--generator", "os:getcwd"], ["--fake", "nowhere"]])
def test_only_what_can_grow_is_watched(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--classifier", "digits", "--watch", "1", *words]) == 2
    assert "--watch looks at a folder or a file that grows" in capsys.readouterr().err
