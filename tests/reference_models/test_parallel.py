"""Two processes train what one would: networks shared out, statistics and gradients joined, one set of books."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ganeval.runs.directory import RunDirectory
from ganeval.runs.readers.native import read_run
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.session.team import Team
from reference_models.plumbing.system import SYSTEMS

sys.path.insert(0, str(Path(__file__).parent))
import parallel_worker

from tests.forks import Forks

SIZE = 2
NAMES = SYSTEMS.names()


def start(forks: Forks, out: Path) -> None:
    """Run the worker on two ranks, with the environment that torchrun would give them."""
    commands = [[sys.executable, parallel_worker.__file__, str(out)]] * SIZE
    assert forks.ranks(commands, GANEVAL_TIMEOUT="60") == [0] * SIZE


@pytest.fixture(scope="module")
def out(tmp_path_factory, forks):
    folder = tmp_path_factory.mktemp("ranks")
    start(forks, folder)
    return folder


def test_networks_shared_out_learn_what_one_process_learns(out):
    alone = parallel_worker.train(Team())
    ranks = [load_file(out / f"networks-{r}.safetensors") for r in range(SIZE)]
    for name, value in alone.items():
        assert torch.equal(ranks[0][name], ranks[1][name]), name
        torch.testing.assert_close(
            ranks[0][name], value, rtol=0, atol=2e-6, msg=lambda text, name=name: f"{name}: {text}"
        )


def held(path: Path) -> dict:
    return decode_state(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_ranks_end_with_the_same_bits(name, out):
    first, second = (held(out / f"{name}-{rank}") for rank in range(SIZE))
    weights, others = tensors(first["weights"]), tensors(second["weights"])
    assert weights
    assert all(torch.equal(weights[key], others[key]) for key in weights)
    torch.testing.assert_close(tensors(first["buffers"]), tensors(second["buffers"]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_log_the_losses_of_one(name, out, tmp_path):
    """But for dropout, of which each rank draws its own."""
    if held(out / f"{name}-0")["drops"]:
        pytest.skip("dropout differs between ranks by design")
    (path,) = (out / "runs").glob(f"*-{name.replace('_', '?')}")
    with parallel_worker.plain_steps():
        together, alone = read_run(path), read_run(parallel_worker.smoke(name, tmp_path, steps=2).path)
    assert together.status == "done"
    assert set(together.curves) == set(alone.curves)
    for tag, curve in alone.curves.items():
        if tag != "cpu_seconds":
            assert together.curves[tag].values == pytest.approx(curve.values, abs=1e-5, rel=1e-5), tag


def test_one_rank_alone_keeps_the_books(out):
    assert len(list((out / "runs").iterdir())) == len(NAMES)
    info = RunDirectory(next((out / "runs").iterdir())).info
    assert info["environment"]["processes"] == SIZE


def test_a_stop_on_one_rank_stops_all_and_they_resume_bit_for_bit(out):
    assert [(out / f"stopped-{rank}").read_text() for rank in range(SIZE)] == ["stopped 1"] * SIZE
    (whole,), (resumed,) = (list((out / part).glob("*-projection_cgan")) for part in ("whole", "stopped"))
    states = [decode_state((RunDirectory(p).checkpoint() or p).read_bytes()) for p in (whole, resumed)]
    first, second = ({**tensors(state["held"]), "random": state["random"]} for state in states)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_ranks_that_drift_apart_end_with_an_error(out):
    for rank in range(SIZE):
        assert "have drifted apart" in (out / f"drifted-{rank}").read_text()


def test_a_rank_that_dies_ends_the_other_with_a_clear_error(out):
    seconds, _, message = (out / "deserted-0").read_text().partition(" ")
    assert int(seconds) < 60
    assert "Rank 0 of 2 lost the others" in message
    (path,) = (out / "deserted").iterdir()
    assert RunDirectory(path).info["status"] == "failed"


def test_torchrun_trains_from_the_command_line_and_says_so_once(tmp_path, forks):
    flags = ["--profile", "smoke", "--steps", "2", "--device", "cpu", "--out", str(tmp_path / "runs")]
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(SIZE), "-m", "reference_models"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    said = tmp_path / "said.txt"
    started = forks.start([sys.executable, "-m", *command, "projection_cgan", *flags], env=environment, said=said)
    assert started.wait(280) == 0
    (path,) = (tmp_path / "runs").iterdir()
    assert said.read_text().count("done: ") == 1
    assert read_run(path).status == "done"


def tensors(state: object, path: str = "") -> dict[str, torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return {path: state}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, (list, tuple)) else ()
    return {key: value for name, item in items for key, value in tensors(item, f"{path}.{name}").items()}
