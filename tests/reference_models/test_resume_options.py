"""Resuming is bit-exact under every option that changes a number, not under the defaults alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.reliability.resume import ARITHMETIC, SMALL, same, whole_and_resumed
from reference_models.plumbing.checkpoint import decode_state, encode_state, restore
from reference_models.plumbing.system import SYSTEMS

NAMES = SYSTEMS.names()


def each_alone_once_a_week() -> list[Any]:
    """Every system with all of the faster arithmetic at once; one option alone every day for the first system only."""
    once_a_week = {True: [], False: [pytest.mark.study]}
    return [
        pytest.param(name, changes, marks=once_a_week[changes == ARITHMETIC[-1] or name == NAMES[0]])
        for name in NAMES
        for changes in ARITHMETIC
    ]


@pytest.mark.parametrize(
    ("name", "changes"), each_alone_once_a_week(), ids=lambda v: v if isinstance(v, str) else "+".join(v)
)
def test_every_system_resumes_bit_for_bit_under_faster_arithmetic(name, changes, tmp_path):
    whole, resumed = whole_and_resumed(name, tmp_path, replace(SMALL, **changes))
    assert same(whole, resumed)


@pytest.mark.parametrize("augment", ["diff", "ada"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_augmentation_resumes_bit_for_bit(augment, channels_last, tmp_path):
    (name,) = (system.name for system in SYSTEMS if hasattr(system.profile("smoke"), "augment"))
    changes = {"augment": augment, "flips": True, **({"ada_ramp": 50} if augment == "ada" else {})}
    whole, resumed = whole_and_resumed(name, tmp_path, replace(SMALL, channels_last=channels_last), changes)
    assert same(whole, resumed)


@pytest.mark.study  # half a minute of the compiler's; the next test has all but that
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's tracer looks at it
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a compiler on a CPU")
def test_compiled_networks_resume_bit_for_bit(tmp_path):
    whole, resumed = whole_and_resumed("gan_mlp", tmp_path, replace(SMALL, compile=True), {"loss": "plain"})
    assert same(whole, resumed)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_traced_convolutions_in_another_layout_resume_bit_for_bit(tmp_path, monkeypatch):
    """All of torch.compile but the compiler, which takes a minute here."""
    compile_ = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda net: compile_(net, backend="aot_eager"))
    options = replace(SMALL, compile=True, channels_last=True)
    whole, resumed = whole_and_resumed("dcgan", tmp_path, options)
    assert same(whole, resumed)


LAYOUTS = {
    "channels last": torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last),
    "channels last, one channel": torch.randn(4, 1, 3, 3).to(memory_format=torch.channels_last),
    "channels last, one pixel": torch.randn(4, 6, 1, 1).to(memory_format=torch.channels_last),
    "transposed": torch.arange(6).view(2, 3).T,
    "three axes": torch.randn(2, 3, 4).permute(2, 0, 1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_checkpoint_keeps_how_a_tensor_lies_in_memory(layout):
    value = LAYOUTS[layout]
    found = decode_state(encode_state({"x": value}))["x"]
    assert torch.equal(found, value)
    assert found.stride() == value.stride()


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_moments_of_an_older_checkpoint_are_laid_out_as_their_parameters(kind):
    """It kept them row by row, and a fused optimiser takes both memories side by side."""
    net = nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)
    optimiser = kind(net.parameters())
    net(torch.randn(2, 4, 5, 5)).sum().backward()
    optimiser.step()
    state = optimiser.state_dict()
    flat = {i: {k: v.contiguous() for k, v in moments.items()} for i, moments in state["state"].items()}
    restore(optimiser, {**state, "state": flat})
    for parameter, moments in optimiser.state.items():
        assert all(value.stride() == parameter.stride() for value in moments.values() if value.ndim)
