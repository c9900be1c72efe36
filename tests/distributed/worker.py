"""One rank of the tests in test_ranks.py: python worker.py TASK RANK SIZE PORT N OUT."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from ganeval.errors import GanevalError
from ganeval.features.ranks import Ranks, current
from ganeval.numerics.moments import Moments
from ganeval.numerics.nearest import nearest_within


def rows(n: int) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(n))


def gather_and_merge(ranks: Ranks, n: int, out: Path) -> None:
    start, stop = ranks.span(n)
    mine = Moments.of(rows(n)[start:stop]) if stop > start else Moments.empty(5)
    sweep = nearest_within(rows(n), 2, tile=4, part=(ranks.rank, ranks.size))
    save_file(
        {
            "rows": ranks.gather(rows(n)[start:stop]),
            "n": torch.tensor(mine.n),
            "mean": mine.mean,
            "scatter": mine.scatter.contiguous(),
            "squared": torch.from_numpy(sweep.squared),
            "index": torch.from_numpy(sweep.index),
        },
        out / f"{ranks.rank}.safetensors",
    )
    dist.destroy_process_group()


def die(ranks: Ranks, n: int, out: Path) -> None:
    if ranks.rank == ranks.size - 1:
        os._exit(0)
    started = time.monotonic()
    try:
        ranks.gather(rows(n))
    except GanevalError as error:
        (out / str(ranks.rank)).write_text(f"{time.monotonic() - started:.0f} {error}")
    os._exit(0)  # what is left of the group would wait for the dead rank


if __name__ == "__main__":
    task, n, out = sys.argv[1:]
    torch.set_num_threads(1)
    seconds = timedelta(seconds=5 if task == "die" else 60)
    dist.init_process_group("gloo", timeout=seconds)
    {"gather": gather_and_merge, "die": die}[task](current(), int(n), Path(out))
