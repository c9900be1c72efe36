"""One trained generator in other arithmetic, and with the faults that exports have:
changes that are undone after a draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

Modules = list[nn.Module]
Change = Callable[[], AbstractContextManager[object]]
LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
LEVELS = 127  # of a signed byte


@dataclass(frozen=True)
class Variant:
    """What is done to the generator, and whether the gate must let it pass."""

    name: str
    healthy: bool
    change: Change
    batch: int = 100  # rows that the network sees at once


def healthy(modules: Modules) -> list[Variant]:
    """The same generator: as it is in other batches (A/A), in half precision, with weights in bytes, compiled."""
    return [
        Variant("A/A: batches of 25", True, nullcontext, batch=25),
        Variant("fp16 (autocast)", True, partial(torch.autocast, "cpu", dtype=torch.float16)),
        Variant("bf16 (autocast)", True, partial(torch.autocast, "cpu", dtype=torch.bfloat16)),
        Variant("int8 weights, one scale a channel", True, partial(quantised, modules)),
        Variant("torch.compile (inductor)", True, partial(compiled, modules)),
    ]


def faults(modules: Modules, *, step: float | None = None) -> list[Variant]:
    """Every layer in turn left as codes, two scales exchanged, biases lost, and what only some networks can have."""
    names = layer_names(modules)
    found = [Variant(f"int8, `{name}` not dequantised", False, partial(quantised, modules, raw=name)) for name in names]
    found.append(Variant("int8, one scale for all layers", False, partial(quantised, modules, shared=True)))
    found.append(Variant(f"bias of `{names[-1]}` lost", False, partial(unbiased, modules, names[-1])))
    if step is not None:
        found.append(Variant("every time step one too early", False, partial(mistimed, modules, step)))
    if any(isinstance(part, NORMS) for module in modules for part in module.modules()):
        found.append(Variant("batch statistics in place of the kept ones", False, partial(training, modules)))
    return found


def layer_names(modules: Modules) -> list[str]:
    return [name for name, part in modules[-1].named_modules() if isinstance(part, LAYERS)]


@contextmanager
def quantised(modules: Modules, *, raw: str = "", shared: bool = False) -> Iterator[None]:
    """Weights as signed bytes and a scale for each output channel; `raw` names a layer whose scale is forgotten."""
    largest = max(float(part.weight.detach().abs().max()) for _, part in _layers(modules))
    with _weights(modules):
        for name, part in _layers(modules):
            axis = 1 if isinstance(part, nn.ConvTranspose2d) else 0
            rest = [a for a in range(part.weight.ndim) if a != axis]
            scale = part.weight.abs().amax(dim=rest, keepdim=True).clamp(min=1e-12) / LEVELS
            codes = (part.weight / scale).round().clamp(-LEVELS, LEVELS).to(torch.int8)
            scale = torch.full_like(scale, largest / LEVELS) if shared else scale
            part.weight.copy_(codes.float() if name == raw else codes.float() * scale)
        yield


@contextmanager
def unbiased(modules: Modules, layer: str) -> Iterator[None]:
    with _weights(modules):
        for name, part in _layers(modules):
            if name == layer and part.bias is not None:
                part.bias.zero_()
        yield


@contextmanager
def mistimed(modules: Modules, step: float) -> Iterator[None]:
    """The network is told the angle of the next step."""

    def told(_: nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return given[0], given[1] - step, *given[2:]

    hooks = [module.register_forward_pre_hook(told) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def training(modules: Modules) -> Iterator[None]:
    kept = [(module, {key: value.clone() for key, value in module.state_dict().items()}) for module in modules]
    try:
        for module in modules:
            module.train()
        yield
    finally:
        for module, state in kept:
            module.eval()
            module.load_state_dict(state)


@contextmanager
def compiled(modules: Modules) -> Iterator[None]:
    kept = [(module, module.forward) for module in modules]
    try:
        for module, forward in kept:
            module.forward = torch.compile(forward)
        yield
    finally:
        for module, forward in kept:
            module.forward = forward


@contextmanager
def _weights(modules: Modules) -> Iterator[None]:
    """Whatever is written into the weights is undone."""
    kept = [(p, p.detach().clone()) for module in modules for p in module.parameters()]
    try:
        with torch.no_grad():
            yield
    finally:
        with torch.no_grad():
            for parameter, before in kept:
                parameter.copy_(before)


def _layers(modules: Modules) -> Iterator[tuple[str, nn.Linear | nn.Conv2d | nn.ConvTranspose2d]]:
    for module in modules:
        for name, part in module.named_modules():
            if isinstance(part, LAYERS):
                yield name, part
