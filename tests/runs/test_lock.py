"""One writer of a run at a time, and a lock that dies with its owner."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganeval.errors import BusyRunError
from ganeval.runs import lock
from ganeval.runs.lock import sole_writer

HOLD = (
    "import sys, time; from pathlib import Path; from ganeval.runs.lock import sole_writer\nwith "
    "sole_writer(Path(sys.argv[1])): print('in', flush=True); time.sleep(600)"
)


@pytest.fixture
def holder(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(params=["locks", "no locks"])
def file_system(request, monkeypatch):
    """One whose files can be locked, and one where what the file says must do."""
    if request.param == "no locks":
        monkeypatch.setattr(lock, "fcntl", None)


def write_owner(run: Path, **owner) -> None:
    (run / "lock.json").write_text(json.dumps(owner))


@pytest.mark.usefixtures("file_system")
def test_a_second_process_is_refused_by_name_until_the_first_is_dead(tmp_path, holder):
    with pytest.raises(BusyRunError, match=f"process {holder.pid} on {socket.gethostname()}"), sole_writer(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with sole_writer(tmp_path):
        assert json.loads((tmp_path / "lock.json").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("file_system")
def test_one_process_cannot_hold_a_run_twice(tmp_path):
    with sole_writer(tmp_path), pytest.raises(BusyRunError), sole_writer(tmp_path):
        pass


@pytest.mark.usefixtures("file_system")
def test_a_number_that_was_given_to_another_process_holds_nothing(tmp_path):
    write_owner(tmp_path, host=socket.gethostname(), pid=os.getppid(), started="long ago")
    with sole_writer(tmp_path):
        pass


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"host": 3, "pid": -1}', "\udcff"])
def test_a_lock_that_says_nothing_holds_nothing(tmp_path, text):
    path = tmp_path / "lock.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    os.utime(path, (0, 0))
    with sole_writer(tmp_path):
        pass


@pytest.mark.usefixtures("file_system")
def test_another_machine_holds_a_run_while_its_log_grows(tmp_path):
    write_owner(tmp_path, host="elsewhere", pid=1, started="1")
    os.utime(tmp_path / "lock.json", (0, 0))
    events = tmp_path / "events.jsonl"
    events.write_text("")
    with pytest.raises(BusyRunError, match="process 1 on elsewhere"), sole_writer(tmp_path):
        pass
    past = time.time() - 2 * lock.SILENCE
    os.utime(events, (past, past))
    with sole_writer(tmp_path):
        pass


def test_an_error_inside_gives_the_lock_back(tmp_path):
    with pytest.raises(ZeroDivisionError), sole_writer(tmp_path):
        raise ZeroDivisionError
    assert not (tmp_path / "lock.json").exists()
