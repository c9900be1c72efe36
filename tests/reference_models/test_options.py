"""Options of speed are off by default, and what they do when they are on is no other training."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import nn

from ganeval.runs.readers.native import read_run
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.session.place import Place
from reference_models.plumbing.system import ARITHMETIC, SYSTEMS, fit

NAME = "projection_cgan"
QUICK = Options(device="cpu", log_every=1, checkpoints=1, sample_per_class=3, grids=1)


def train(out, r1_every=8, **options):
    config = replace(SYSTEMS[NAME].profile("smoke"), r1_every=r1_every)
    return fit(NAME, config, dataset="synthetic", out=out, options=replace(QUICK, **options))


def weights(run) -> dict[str, torch.Tensor]:
    held = decode_state(run.checkpoint().read_bytes())["held"]
    return {f"{net}.{key}": value for net in ("generator", "discriminator") for key, value in held[net].items()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return train(tmp_path_factory.mktemp("plain"))


def test_everything_that_changes_numbers_is_off_by_default():
    off = {field.name: field.default for field in fields(Options) if field.name in ARITHMETIC}
    assert off == {"amp": False, "channels_last": False, "compile": False}


def test_by_default_a_network_is_prepared_by_being_left_alone():
    place = Place(load_data("synthetic"), QUICK)
    net = nn.Conv2d(1, 2, 3)
    before = {name: (value.clone(), value.stride()) for name, value in net.state_dict().items()}
    assert place.prepare(net) is net
    assert type(place.autocast()) is nullcontext
    assert not net._forward_hooks
    assert not net._forward_pre_hooks
    assert net._compiled_call_impl is None
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name][0])
        assert value.stride() == before[name][1]


def test_defaults_train_the_same_bits_as_options_that_are_written_out(plain, tmp_path):
    spelt = weights(train(tmp_path, amp=False, channels_last=False, compile=False))
    assert all(torch.equal(value, spelt[key]) for key, value in weights(plain).items())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's tracer looks at it
@pytest.mark.parametrize("option", ["channels_last", "compile"])
def test_another_layout_or_compiled_networks_change_rounding_alone(option, tmp_path, monkeypatch):
    """With the gradient penalty in every step: compiled networks have no second derivative,
    so it must go around them.
    """
    compiled, compile_ = [], nn.Module.compile

    def traced(net: nn.Module) -> None:
        compiled.append(net)
        compile_(net, backend="aot_eager")  # all of torch.compile but the compiler

    monkeypatch.setattr(nn.Module, "compile", traced)
    ours, theirs = (read_run(train(tmp_path, 1, **options).path) for options in ({}, {option: True}))
    assert len(compiled) == (2 if option == "compile" else 0)
    for tag in ("loss/d", "loss/g", "d/real", "d/fake", "r1"):
        np.testing.assert_allclose(theirs.curves[tag].values, ours.curves[tag].values, rtol=1e-3, atol=1e-4)
