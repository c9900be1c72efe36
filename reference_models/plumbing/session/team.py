"""One training on many processes: `torchrun --nproc-per-node=2 -m reference_models NAME ...`; no trainer knows of it.

Every rank holds the whole batch, latents and losses, which are cheap, drawn from equal seeds and so the same
everywhere; what is shared out is the work of the networks. A network that was prepared gives each rank its part of the
rows (`_Part`), and joins what comes out (`_Whole`); its gradients are averaged over ranks before every optimiser step.
So a batch of 64 means 64 images whatever the number of processes, losses and alarms are those of the whole batch, and
the numbers are those of one process up to rounding: batch normalisation takes its statistics over all ranks (as torch's
SyncBatchNorm does, which needs a GPU), weights start from equal seeds and receive the same bits of gradient. Unlike
torch's DistributedDataParallel this also holds for penalties that differentiate gradients, at any order.

What differs from one process: dropout masks (each rank draws its own), and layers of other kinds that mix rows see the
rows of one rank. A network must give one row, or one for every m rows, of output for its rows of input. Called by
another method than `forward`, a network is not shared out but computed by every rank, with the same result.

Rank 0 alone keeps the books. Ranks whose weights differ by a bit at a checkpoint end with an error, and so do all when
one dies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Self, cast

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganeval.errors import GanevalError, WrongInputError
from ganeval.features.ranks import Ranks
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.seeds import derive


class Team:
    """The processes of one training; a single one by default, for which nothing here does anything."""

    def __init__(self, ranks: Ranks | None = None) -> None:
        self.ranks = ranks or Ranks()
        self.working = False  # inside a training step, where all ranks call every network
        self._depth = 0  # of prepared networks that call each other
        self._calls = 0
        self._rows = 0  # that the network at work was given
        self._place: tuple[int, int] = (0, 0)  # seed, step
        self._before: list[torch.Tensor] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # the copy of a network belongs to the same team

    @property
    def leads(self) -> bool:
        """True on the one rank that keeps the books."""
        return self.ranks.rank == 0

    @property
    def alone(self) -> bool:
        return self.ranks.size == 1

    def begin(self, seed: int, step: int) -> None:
        """A training step begins: from here to `rest` networks are shared out."""
        self.working, self._place, self._calls = not self.alone, (seed, step), 0

    def rest(self, *, stop: bool = False) -> bool:
        """The step is over; whether any rank was asked to stop, so that all end after the same one."""
        self.working = False
        return stop if self.alone else bool(self.ranks.sum(torch.tensor(int(stop))))

    def wait(self) -> None:
        """Go on when all ranks are here."""
        self.rest()

    # Networks

    def share(self, net: nn.Module) -> None:
        """Let `net` see this rank's rows only while a step is on, and give the rows of all."""
        if self.alone:
            return
        for module in net.modules():
            if isinstance(module, _BatchNorm):
                module.__class__ = _synchronised(type(module))
                cast("Any", module).team = self
        net.register_forward_pre_hook(self._enter, with_kwargs=True)
        net.register_forward_hook(self._leave)

    def average_gradients(self, optimiser: torch.optim.Optimizer) -> None:
        """Replace the gradients by their mean over ranks before each step of `optimiser`."""
        if not self.alone:
            optimiser.register_step_pre_hook(lambda stepped, *_: self._average(stepped))

    def _enter(self, _net: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.working:
            return None
        self._depth += 1
        if self._depth > 1:
            return None
        self._fork()
        self._rows = next(len(x) for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor) and x.ndim)
        return tuple(map(self._cut, args)), {name: self._cut(value) for name, value in kwargs.items()}

    def _leave(self, _net: nn.Module, _args: Any, output: Any) -> Any:
        if not self.working:
            return None
        self._depth -= 1
        if self._depth:
            return None
        self._join_back()
        return _each(output, self._join)

    def _cut(self, value: Any) -> Any:
        whole = isinstance(value, torch.Tensor) and value.ndim and len(value) == self._rows
        return _Part.apply(value, self.ranks) if whole else value

    def _join(self, part: torch.Tensor) -> torch.Tensor:
        mine = _share(self.ranks, self._rows)
        rows = self._rows * len(part) // mine if mine else self._rows
        if part.ndim == 0 or _share(self.ranks, rows) != len(part):
            raise WrongInputError(
                f"A network that is shared out must give one row, or one for every m rows, for those it sees; rank "
                f"{self.ranks.rank} of {self.ranks.size} got {mine} of {self._rows} and gave {tuple(part.shape)}. "
                f"Make the batch a multiple of {self.ranks.size}, and take means outside the network."
            )
        return cast("torch.Tensor", _Whole.apply(part, self.ranks, rows))

    def _fork(self) -> None:
        """Inside a network each rank has random numbers of its own, a function of (seed, rank, step, call)."""
        self._before = [torch.get_rng_state()]
        if torch.cuda.is_available():
            self._before.append(torch.cuda.get_rng_state())
        self._calls += 1
        seed, step = self._place
        torch.manual_seed(derive(seed, "rank", self.ranks.rank, step, self._calls))

    def _join_back(self) -> None:
        torch.set_rng_state(self._before[0])
        for state in self._before[1:]:
            torch.cuda.set_rng_state(state)

    @torch.no_grad()
    def _average(self, optimiser: torch.optim.Optimizer) -> None:
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
        if not gradients:
            return
        mean = self.ranks.sum(torch.cat([g.flatten() for g in gradients])) / self.ranks.size
        for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    # Words between ranks

    def first(self, text: str) -> str:
        """What rank 0 said, on every rank."""
        if self.alone:
            return text
        said = torch.tensor(list(text.encode()) if self.leads else [], dtype=torch.uint8)
        return bytes(self.ranks.gather(said).tolist()).decode()

    def require_alike(self, nets: Iterable[nn.Module]) -> None:
        """End the training when parameters differ between ranks by a bit."""
        if self.alone:
            return
        digest = hashlib.sha256()
        for weight in (p for net in nets for p in net.parameters()):
            digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        digests = self.ranks.gather(torch.tensor([int.from_bytes(digest.digest()[:7], "big")])).tolist()
        if len(set(digests)) > 1:
            raise GanevalError(
                f"All {self.ranks.size} ranks must hold the same weights; they have drifted apart. Draw every random "
                "number outside the networks from the session, and look for code that only one rank runs."
            )


class Bystander(RunDirectory):
    """The run as a rank sees it that does not lead: read like any other, never written."""

    def update(self, **fields: Any) -> None:
        pass

    def log(self, step: int, values: Any) -> None:
        pass

    def event(self, step: int, event: str, **details: Any) -> None:
        pass

    def resume(self, step: int, *, best: int | None = None, keep_last: int = 0, **fields: Any) -> None:
        pass


class _Part(torch.autograd.Function):
    """The rows of this rank out of all. Backwards: those of all ranks, over their number (the mean comes later)."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, ranks: Ranks) -> torch.Tensor:
        ctx.ranks, ctx.rows = ranks, len(rows)
        start, stop = ranks.span(len(rows))
        return rows[start:stop].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return cast("torch.Tensor", _Whole.apply(gradients[0], ctx.ranks, ctx.rows)) / ctx.ranks.size, None


class _Whole(torch.autograd.Function):
    """The rows of all ranks, from those of each. Backwards: those of this rank, times the number of ranks."""

    @staticmethod
    def forward(ctx: Any, part: torch.Tensor, ranks: Ranks, rows: int) -> torch.Tensor:
        ctx.ranks = ranks
        return ranks.gather(part, [_share(Ranks(r, ranks.size), rows) for r in range(ranks.size)])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return cast("torch.Tensor", _Part.apply(gradients[0], ctx.ranks)) * ctx.ranks.size, None, None


def _share(ranks: Ranks, rows: int) -> int:
    start, stop = ranks.span(rows)
    return stop - start


class _Sum(torch.autograd.Function):
    """The sum over ranks; backwards the same."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, ranks: Ranks) -> torch.Tensor:
        ctx.ranks = ranks
        return ranks.sum(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return _Sum.apply(gradients[0], ctx.ranks), None


class _SynchronisedNorm(_BatchNorm):
    """Batch normalisation whose statistics in training are those of the rows of all ranks."""

    team: Team

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 -- torch's name
        if not (self.training and self.team.working):
            return super().forward(input)
        x = input.float()
        shape, dims = (1, -1, *[1] * (x.ndim - 2)), [0, *range(2, x.ndim)]
        n = float(self.team.ranks.sum(torch.tensor(float(x.numel() // x.shape[1]))))
        mean = self._sum(x.sum(dims)) / n
        centred = x - mean.view(shape)
        variance = self._sum(centred.square().sum(dims)) / n
        self._remember(mean.detach(), variance.detach() * n / max(n - 1, 1))
        y = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(input.dtype)

    def _sum(self, values: torch.Tensor) -> torch.Tensor:
        return cast("torch.Tensor", _Sum.apply(values, self.team.ranks))

    @torch.no_grad()
    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


_KINDS: dict[type, type] = {}


def _synchronised(kind: type) -> type:
    """`kind` of batch normalisation (1-, 2-, 3-d) with the statistics of all ranks; made once,
    so that copies share it.
    """
    if issubclass(kind, _SynchronisedNorm):
        return kind
    return _KINDS.setdefault(kind, type(f"Synchronised{kind.__name__}", (_SynchronisedNorm, kind), {}))


def _each(output: Any, join: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Every tensor of an output: a tensor, or a tuple, list or dictionary of outputs."""
    if isinstance(output, torch.Tensor):
        return join(output)
    if isinstance(output, (tuple, list)):
        return type(output)(_each(item, join) for item in output)
    if isinstance(output, dict):
        return {name: _each(item, join) for name, item in output.items()}
    return output
