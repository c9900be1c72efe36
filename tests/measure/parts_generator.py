"""A generator for jobs that are killed: dies once at the block that KILL_AT names."""

import os
import signal

import torch


def draw(n: int, labels: torch.Tensor | None, rng: torch.Generator) -> torch.Tensor:
    images = torch.randint(0, 256, (n, 1, 6, 6), generator=rng, dtype=torch.uint8)
    mark = os.environ.get("KILL_AT")
    if mark and int(images[0, 0, 0, 0]) == int(mark):
        os.kill(os.getpid(), signal.SIGKILL)
    return images
