"""Many processes, one answer: under `torchrun` each rank embeds its share of the images, and every rank gets all rows.

The network is what takes the time, so it is what is shared out; rows are a few hundred bytes an image and are gathered
whole, in the order of the images. What follows sees exactly the rows that one process would have seen, and gives its
numbers. Memory on each rank: n (d + k) 4 bytes. Where that is too much, rows stay: `ganeval.features.held`.

Ranks that die or hang end the others with an error within `GANEVAL_TIMEOUT` seconds (default 1800), never a hang.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, TypeVar

import torch
import torch.distributed as dist

from ganeval.errors import GanevalError, IncomparableError, WrongInputError, printable

T = TypeVar("T")

TIMEOUT = 1800.0  # seconds that a rank waits for the others
MOST_SECONDS = 10**7
SAME = (
    "Give every process the same images and options; a generator must draw from the torch.Generator that it is given. "
    "To measure what each process made for itself, gather the images first, or leave ranks= out."
)


@dataclass(frozen=True)
class Ranks:
    """This process among `size`; a single process is rank 0 of 1."""

    rank: int = 0
    size: int = 1

    def span(self, n: int) -> tuple[int, int]:
        """The rows start..stop that this rank embeds: contiguous, in rank order, empty when there are fewer rows than
        ranks.

        >>> [Ranks(r, 3).span(2) for r in range(3)]
        [(0, 1), (1, 2), (2, 2)]
        """
        share, extra = divmod(n, self.size)
        start = self.rank * share + min(self.rank, extra)
        return start, start + share + (self.rank < extra)

    def gather(self, rows: torch.Tensor, counts: Sequence[int] | None = None) -> torch.Tensor:
        """The rows (m_r, ...) of all ranks joined in rank order, on every rank; shards may be unequal or empty.

        All ranks must agree on the dtype and the trailing shape; a rank without rows gives an empty tensor of them.
        `counts` has the m_r where they are known, which saves one message.
        """
        if self.size == 1:
            return rows
        if counts is None:
            counts = [int(c) for c in self._all(torch.tensor([len(rows)], device=_wire(rows)))]
        padded = torch.zeros(max(counts), *rows.shape[1:], dtype=rows.dtype, device=_wire(rows))
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        _guarded(lambda: dist.all_gather(parts, padded), self)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)]).to(rows.device)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of `values` over all ranks, element by element, to the same bits on every rank."""
        if self.size == 1:
            return values
        total = values.detach().to(_wire(values), copy=True)
        _guarded(lambda: dist.all_reduce(total), self)
        return total.to(values.device)

    def broadcast(self, rows: torch.Tensor, rank: int) -> torch.Tensor:
        """The rows that `rank` has, on every rank; the others bring memory of their shape and dtype."""
        if self.size == 1:
            return rows
        sent = rows.to(_wire(rows))
        _guarded(lambda: dist.broadcast(sent, rank), self)
        return sent.to(rows.device)

    def agree(self, *, yes: bool) -> bool:
        """Whether every rank says yes."""
        return yes if self.size == 1 else all(bool(vote) for vote in self._all(_vote(yes=yes)))

    def require_same(self, facts: Mapping[str, object], remedy: str = SAME) -> None:
        """Every rank must bring the same facts (what is measured, and how); raises on all of them where one does not.

        Facts are compared by the SHA-256 of their text, in the order of their names, which all ranks must share.
        """
        if self.size == 1:
            return
        mine = b"".join(hashlib.sha256(f"{name}={facts[name]}".encode()).digest() for name in sorted(facts))
        sent = torch.frombuffer(bytearray(mine), dtype=torch.uint8).to(_device())
        theirs = [bytes(part.cpu().numpy()) for part in self._all(sent)]
        differ = [
            f"{name} (ranks {', '.join(str(r) for r, said in enumerate(theirs) if said[at] != theirs[0][at])} differ "
            "from rank 0)"
            for name, at in zip(sorted(facts), (slice(i, i + 32) for i in range(0, len(mine), 32)), strict=True)
            if any(said[at] != theirs[0][at] for said in theirs)
        ]
        if differ:
            raise IncomparableError(
                f"All {self.size} processes must bring the same; they differ in {'; '.join(differ)}. {remedy}"
            )

    def require_close(self, name: str, values: torch.Tensor, tolerance: float) -> None:
        """The same for numbers (m,) that differ a little between devices: by up to `tolerance` of the largest."""
        if self.size == 1:
            return
        theirs = self._all(values.detach().float().to(_device()))
        room = tolerance * float(theirs[0].abs().max())
        others = [str(r) for r, said in enumerate(theirs) if not bool(((said - theirs[0]).abs() <= room).all())]
        if others:
            raise IncomparableError(
                f"All {self.size} processes must bring the same network; in {name} ranks {', '.join(others)} differ "
                "from rank 0. Give every process the same weights, layer and preprocessing."
            )

    def together(self, make: Callable[[], T]) -> T:
        """What `make` gives; where it raises on one rank it raises on all, so that none waits for one that has left."""
        if self.size == 1:
            return make()
        try:
            made = make()
        except Exception:
            self.agree(yes=False)
            raise
        if not self.agree(yes=True):
            raise GanevalError(f"Rank {self.rank} of {self.size} could go on, but another could not; see its message.")
        return made

    def _all(self, value: torch.Tensor) -> list[torch.Tensor]:
        parts = [torch.empty_like(value) for _ in range(self.size)]
        _guarded(lambda: dist.all_gather(parts, value), self)
        return parts


ALONE = Ranks()


def current() -> Ranks:
    """The ranks of this run: those of an initialised process group, else those that torchrun announces, else one."""
    if not dist.is_available():
        return Ranks()
    if not dist.is_initialized():
        if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "MASTER_ADDR" not in os.environ:
            return Ranks()
        _join()
    return Ranks(dist.get_rank(), dist.get_world_size())


def leave(code: int) -> NoReturn:
    """End this process: in order after success, at once after a failure, when the others may be dead or waiting."""
    if dist.is_available() and dist.is_initialized():
        if code != 0:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        dist.destroy_process_group()
    sys.exit(code)


def local_rank() -> int:
    """The number of this process on its machine, as torchrun says; 0 for the one that keeps the cache."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def _vote(*, yes: bool) -> torch.Tensor:
    return torch.tensor([int(yes)], device=_device())


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def _join() -> None:
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if backend == "nccl":
        torch.cuda.set_device(local_rank())
    seconds = _patience()
    try:
        dist.init_process_group(backend, timeout=timedelta(seconds=seconds))
    except (RuntimeError, ValueError) as error:
        raise GanevalError(
            f"The other processes could not be reached: {_first(error)}. Start them with torchrun."
        ) from error


def _patience() -> float:
    """Seconds that a process waits for the others."""
    said = os.environ.get("GANEVAL_TIMEOUT") or str(TIMEOUT)
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MOST_SECONDS:
        raise WrongInputError(
            f"GANEVAL_TIMEOUT must be seconds, above 0 and at most {MOST_SECONDS:,}; it is {printable(said)!r}."
        )
    return seconds


def _guarded(call: Callable[[], object], ranks: Ranks) -> None:
    try:
        call()
    except RuntimeError as error:
        raise GanevalError(
            f"Rank {ranks.rank} of {ranks.size} lost the others: {_first(error)}. "
            "One of them has ended or hangs; look at its output, then start all of them again."
        ) from error


def _wire(rows: torch.Tensor) -> torch.device:
    """Where tensors must lie to be sent: NCCL sends from the GPU, digests and lists too; gloo from the CPU."""
    if dist.get_backend() != "nccl":
        return torch.device("cpu")
    return rows.device if rows.is_cuda else torch.device("cuda", torch.cuda.current_device())


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
