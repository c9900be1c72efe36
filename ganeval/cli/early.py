"""Ctrl-C while a program is still importing torch: one line and exit code 130, where Python shows what it was reading.

Nothing has been begun by then, so that the process can be left at once.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


class _Leaving:
    """A handler that ends the process with a line of the program's."""

    def __init__(self, program: str) -> None:
        self.line = f"{program}: interrupted before anything was begun.\n".encode()

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        os.write(2, self.line)
        os._exit(130)


def leave_at_ctrl_c(program: str) -> None:
    """Until `heed_ctrl_c`, Ctrl-C ends the process with a line; a parent that has it ignored (nohup) is obeyed."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _Leaving(program))


def heed_ctrl_c() -> None:
    """From here on Ctrl-C is KeyboardInterrupt again, which the program answers itself."""
    if isinstance(signal.getsignal(signal.SIGINT), _Leaving):
        signal.signal(signal.SIGINT, signal.default_int_handler)
