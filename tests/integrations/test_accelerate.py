"""In loops of Hugging Face accelerate, of one process and of two: the numbers of `measure`, and nobody waits."""

from __future__ import annotations

import sys
from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from ganeval import Compute, Protocol, image_set, measure
from ganeval.errors import WrongInputError
from ganeval.integrations.watch import Watch

if TYPE_CHECKING:
    from tests.forks import Forks

pytest.importorskip("accelerate", reason="these are its loops")
pytestmark = pytest.mark.filterwarnings("ignore")

PROTOCOL = Protocol(real="digits:test", classifier="digits", labels="none", n=150, metrics=("fid", "kid"), floor=False)
ALONE = Compute(cache=False)


class Drawing(nn.Module):
    """A generator whose BatchNorm moves, and whose dropout draws, in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.Dropout(0.2), nn.Sigmoid())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(z)


def sampler(network: Any) -> Any:
    def sample(n: int, labels: object, rng: torch.Generator) -> torch.Tensor:
        return (network(torch.randn(n, 8, generator=rng)).float() * 255).round().to(torch.uint8).view(n, 1, 8, 8)

    return sample


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("kind", ["plain", "compiled", "averaged"])
def test_a_prepared_generator_is_measured_as_it_is_used_and_stays_as_it_was(kind: str, precision: str) -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # one for each process, unless it is told
    accelerator = Accelerator(cpu=True, mixed_precision=precision)
    torch.manual_seed(0)
    network: Any = accelerator.prepare(Drawing())
    network(torch.randn(50, 8))
    if kind == "compiled":
        network = torch.compile(network, backend="eager")
    if kind == "averaged":
        network = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn()
        )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with accelerator.autocast():
        found = Watch(PROTOCOL, ALONE)(1, sampler(network))
    assert found is not None
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.eval()
    with torch.no_grad(), accelerator.autocast():
        own = sampler(network)(150, None, torch.Generator().manual_seed(_seed()))
    expected = measure(own, PROTOCOL.with_(n=None), ALONE)
    assert [found[name].value for name in PROTOCOL.metrics] == [expected[name].value for name in PROTOCOL.metrics]


def _seed() -> int:
    from ganeval.images.latents import seed_of

    return seed_of(PROTOCOL.seed, 0)


def test_a_watch_is_kept_in_the_checkpoints_of_accelerate(tmp_path: Path) -> None:
    from accelerate import Accelerator

    torch.manual_seed(0)
    accelerator, network, watch = Accelerator(cpu=True), Drawing().eval(), Watch(PROTOCOL, ALONE)
    watch(1, sampler(network))
    accelerator.register_for_checkpointing(watch)
    accelerator.save_state(str(tmp_path))
    assert watch.best is not None
    before, watch.best = watch.best, None
    accelerator.load_state(str(tmp_path))
    assert watch.best is not None
    assert watch.best["fid"].value == before["fid"].value
    watch(2, sampler(network))
    assert not watch.improved


TWO = """
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from ganeval import image_set, measure
from ganeval.core.compute import Compute
from ganeval.errors import GanevalError
from ganeval.features.ranks import current
from ganeval.integrations.watch import Watch

folder, here, library = sys.argv[1:]
sys.path.insert(0, here)
from test_accelerate import ALONE, PROTOCOL, Drawing, sampler

torch.set_num_threads(1)
torch.manual_seed(0)
pixels = torch.from_numpy(image_set("digits:test").array())[:101]
said = {}
if library == "accelerate":
    from accelerate import Accelerator
    accelerator = Accelerator(cpu=True)
    network, loader = accelerator.prepare(Drawing(), torch.utils.data.DataLoader(pixels, batch_size=10))
    try:
        image_set(loader)
    except GanevalError as error:
        said["loader"] = str(error)
else:
    dist.init_process_group("gloo")
    network = torch.nn.parallel.DistributedDataParallel(Drawing())
rank = dist.get_rank()
torch.manual_seed(rank)
network(torch.randn(50, 8))  # each process has statistics of its own
if rank == 0:
    said["wrapped"] = Watch(PROTOCOL, ALONE)(1, sampler(network))["fid"].value
    said["unwrapped"] = measure(sampler(network.module), PROTOCOL, ALONE)["fid"].value
dist.barrier()
said["trained"] = network.require_forward_param_sync
together = PROTOCOL.with_(n=1100)  # three blocks: one process draws two of them
said["together"] = measure(sampler(network), together, Compute(cache=False, ranks=current()))["fid"].value
if rank == 0:
    said["alone"] = measure(sampler(network), together, ALONE)["fid"].value
dist.barrier()
Path(folder, str(rank)).write_text(repr(said))
dist.destroy_process_group()
"""


@pytest.mark.parametrize("library", ["torch", pytest.param("accelerate", marks=pytest.mark.study)])
def test_of_two_processes_one_may_measure_alone_and_both_together(library: str, tmp_path: Path, forks: Forks) -> None:
    command = [sys.executable, "-c", TWO, str(tmp_path), str(Path(__file__).parent), library]
    assert forks.ranks([command] * 2) == [0, 0]
    first, second = (literal_eval((tmp_path / str(rank)).read_text()) for rank in (0, 1))
    assert first["wrapped"] == first["unwrapped"]
    assert first["trained"] is second["trained"] is True
    assert first["together"] == second["together"] == pytest.approx(first["alone"], rel=1e-9)
    if library == "accelerate":
        assert "1 of 2 shares" in first["loader"]
        assert "1 of 2 shares" in second["loader"]


def test_a_loader_that_was_prepared_for_one_process_gives_all_images() -> None:
    from accelerate import Accelerator

    pixels = torch.from_numpy(image_set("digits:test").array())[:101]
    loader = Accelerator(cpu=True).prepare(torch.utils.data.DataLoader(pixels, batch_size=10))
    assert len(image_set(loader)) == 101


def test_the_share_of_a_distributed_sampler_is_not_taken_for_the_whole() -> None:
    pixels = torch.from_numpy(image_set("digits:test").array())[:101]
    sampler = torch.utils.data.DistributedSampler(range(101), num_replicas=2, rank=0)
    loader = torch.utils.data.DataLoader(pixels, batch_size=10, sampler=sampler)
    with pytest.raises(WrongInputError, match=r"1 of 2 shares of them, some twice\. Pass the data set itself"):
        image_set(loader)
