"""Two processes train what one would: networks shared out, statistics and gradients joined, one set of books."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reference_models.plumbing.parallel import Team

sys.path.insert(0, str(Path(__file__).parent))
import parallel_worker

SIZE = 2


def start(out: Path) -> None:
    """Run the worker on two ranks, with the environment that torchrun would give them."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(SIZE), "GANEVAL_TIMEOUT": "60"}
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, parallel_worker.__file__, str(out)]
    ranks = [subprocess.Popen(command, env={**os.environ, **shared, **path, "RANK": str(r)}) for r in range(SIZE)]
    assert [rank.wait(timeout=200) for rank in ranks] == [0] * SIZE


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    start(folder)
    return folder


def test_networks_shared_out_learn_what_one_process_learns(out):
    alone = parallel_worker.train(Team())
    ranks = [load_file(out / f"networks-{r}.safetensors") for r in range(SIZE)]
    for name, value in alone.items():
        assert torch.equal(ranks[0][name], ranks[1][name]), name
        torch.testing.assert_close(
            ranks[0][name], value, rtol=0, atol=2e-6, msg=lambda text, name=name: f"{name}: {text}"
        )
