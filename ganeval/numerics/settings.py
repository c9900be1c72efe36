"""Torch's settings: its own while we measure, the caller's while a generator draws.

A training loop sets autocast, a default dtype or device, coarse products of float32, inference mode. Each of them moves
a number or ends a measurement, and none is in a signature; but a generator draws as its owner lets it draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch

KINDS = tuple(kind for kind in ("cpu", "cuda", "mps", "xpu") if torch.amp.is_autocast_available(kind))  # of devices


@dataclass(frozen=True)
class Settings:
    """As torch has them when it is loaded, unless said otherwise."""

    autocast: tuple[torch.dtype | None, ...] = (None,) * len(KINDS)  # by kind of device; None: off
    dtype: torch.dtype = torch.float32
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    products: str = "highest"  # of float32 matrices
    inference: bool = False
    gradients: bool = True

    @classmethod
    def now(cls) -> Settings:
        """Those that are in force."""
        return cls(
            tuple(torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None for kind in KINDS),
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.get_float32_matmul_precision(),
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block with these settings; after it those of before are in force again."""
        before = Settings.now()
        with ExitStack() as stack:
            for kind, wanted, found in zip(KINDS, self.autocast, before.autocast, strict=True):
                if wanted != found:
                    stack.enter_context(torch.autocast(kind, wanted or found, enabled=wanted is not None))
            if self.device != before.device:
                stack.enter_context(self.device)
            if self.inference != before.inference:
                stack.enter_context(torch.inference_mode(self.inference))
            stack.enter_context(torch.set_grad_enabled(self.gradients))
            if self.dtype != before.dtype:
                stack.callback(torch.set_default_dtype, before.dtype)
                torch.set_default_dtype(self.dtype)
            if self.products != before.products:
                stack.callback(torch.set_float32_matmul_precision, before.products)
                torch.set_float32_matmul_precision(self.products)
            yield


_OWN = Settings()
_CALLERS: ContextVar[Settings | None] = ContextVar("_CALLERS", default=None)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block, or a function, that computes with torch's own settings, whatever the caller has set."""
    mark = _CALLERS.set(_CALLERS.get() or Settings.now())
    try:
        with _OWN.held():
            yield
    finally:
        _CALLERS.reset(mark)


@contextmanager
def as_called() -> Iterator[None]:
    """A block within an undisturbed one that has the settings of its caller; elsewhere nothing changes."""
    callers = _CALLERS.get()
    with ExitStack() as stack:
        if callers is not None:
            stack.enter_context(callers.held())
        yield
