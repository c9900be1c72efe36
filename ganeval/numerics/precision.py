"""Full float32 where a device would round more coarsely by default."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def exact_convolutions(device: torch.device) -> AbstractContextManager[None]:
    """A block in which convolutions keep float32: CUDA's round to TF32 by default, a thousand times coarser."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False)
