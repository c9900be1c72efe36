"""Shared fixtures: the real data sets, which live outside the project."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forks import Forks

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores; threads of their own would fight for them
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process that a test starts compiles the project anew
sys.dont_write_bytecode = False
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # begun in the background of a script; tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Workers take the files in order, and the last ones are small; by number of tests the longest would be last."""
    if hasattr(config.option, "loadscopereorder"):  # xdist is here
        config.option.loadscopereorder = False


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets; skips where there is none, fails in CI."""
    folder = os.environ.get("GANEVAL_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    message = "GANEVAL_DATA does not name a folder of data sets"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without published weights and without a network, which most of them are."""

    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GANEVAL_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.retrieve", no_network)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts Python processes that need not load torch first."""
    started = Forks()
    yield started
    started.close()
