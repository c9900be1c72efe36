"""Processes that begin with torch already loaded: one process loads it once and forks for each command.

A test that needs a process of its own (to kill it, or to be a rank) would else wait three to five seconds for the
imports. The forked process is a real one: its own process number, memory, environment, exit code.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

LOADED = (
    "scipy.linalg",
    "sklearn.cluster",
    "sklearn.datasets",
    "torch.distributed",
    "torch._dynamo",
    "ganeval.measure.measure",
    "reference_models.__main__",
)


@dataclass(frozen=True)
class Child:
    """A process that was forked."""

    pid: int
    forks: Forks

    def wait(self, timeout: float = 120) -> int:
        """Its exit code, or minus the signal that ended it; it is killed when the time is over."""
        code = self.forks.ask(wait=self.pid, timeout=timeout)
        if code is None:
            raise TimeoutError(f"process {self.pid} did not end within {timeout} s")
        return code


class Forks:
    """Starts commands: forks.start([sys.executable, "-c", code, *arguments])."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, **request: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def start(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | str = ".", said: Path | str = ""
    ) -> Child:
        """Begin what `subprocess.Popen` would: the interpreter with a script, `-c code` or `-m module`, and arguments.

        What it prints goes to the file `said`; without one, to where its errors go.
        """
        assert command[0] == sys.executable
        given = dict(os.environ if env is None else env)
        request = {"command": list(command[1:]), "env": given, "cwd": str(Path(cwd).resolve()), "said": str(said)}
        return Child(self.ask(**request), self)

    def ranks(self, commands: Sequence[Sequence[str]], said: Sequence[Path] = (), **environment: str) -> list[int]:
        """The exit codes of as many ranks as there are commands, with the environment that torchrun would give them."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = str(s.getsockname()[1])
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(len(commands))}
        shared |= {"GANEVAL_TIMEOUT": "120", "CUDA_VISIBLE_DEVICES": "", **environment}
        started = [
            self.start(
                command, {**os.environ, **shared, "RANK": str(r), "LOCAL_RANK": str(r)}, said=said[r] if said else ""
            )
            for r, command in enumerate(commands)
        ]
        return [child.wait(200) for child in started]

    def close(self) -> None:
        self.process.communicate()


def run(command: Sequence[str]) -> None:
    """What the interpreter does with its command line."""
    first, *rest = command
    if first == "-c":
        sys.argv, sys.path[:0] = ["-c", *rest[1:]], [""]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    elif first == "-m":
        sys.argv, sys.path[:0] = rest, [str(Path.cwd())]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[:0] = list(command), [str(Path(first).parent)]
        runpy.run_path(first, run_name="__main__")


def become(request: dict[str, Any]) -> None:
    """Be the process that was asked for."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    said = request["said"]  # the pipe of replies is not its own
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if said else 2, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    run(request["command"])


def leave(request: dict[str, Any]) -> NoReturn:
    """Be the process, and end with its exit code; but leave to the system what it would take torch a second to free."""
    try:
        become(request)
        code: object = 0
    except SystemExit as asked:
        code = asked.code
    except BaseException:  # noqa: BLE001 - what the interpreter does with it
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def ended(pid: int, timeout: float) -> int | None:
    """The exit code; None after the time is over, with the process killed."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Answer one request a line until there are no more."""
    for module in LOADED:
        __import__(module)
    for line in requests:
        request = json.loads(line)
        if "wait" in request:
            answer = ended(request["wait"], request["timeout"])
        else:
            answer = os.fork()
            if answer == 0:
                leave(request)
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
