"""What is done to images before Inception, against the installed libraries' own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.inception import blank_network, seed
from ganeval.errors import UnknownNameError
from ganeval.extractors import EXTRACTORS
from ganeval.extractors.inception import Inception, as_clean_fid, as_pytorch_fid, as_torchmetrics
from ganeval.features.extraction import load_extractor

SHAPES = [(28, 28), (64, 48), (299, 299), (400, 512)]
PRESETS = ("torch-fidelity", "pytorch-fid", "torchmetrics", "clean-fid")


def pictures(shape: tuple[int, int]) -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(sum(shape)))


class Recorder(nn.Module):
    """In the place of the first layer: keeps what it is given and stops."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x
        raise StopIteration


def assert_same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_reach_the_network_as_clean_fid_gives_them(shape: tuple[int, int]) -> None:
    resize = pytest.importorskip("cleanfid.resize").build_resizer("clean")
    images = pictures(shape)
    theirs = torch.stack([torch.from_numpy(resize(np.asarray(x.permute(1, 2, 0)))).permute(2, 0, 1) for x in images])
    assert_same(as_clean_fid(images.float()), (theirs - 128) / 128)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_reach_the_network_as_pytorch_fid_gives_them(shape: tuple[int, int]) -> None:
    kind = pytest.importorskip("pytorch_fid.inception").InceptionV3
    network = kind.__new__(kind)  # its own forward, without weights that would be downloaded
    nn.Module.__init__(network)
    network.resize_input = network.normalize_input = True
    network.blocks, network.output_blocks, network.last_needed_block = nn.ModuleList([nn.Identity()]), [0], 0
    images = pictures(shape)
    assert_same(as_pytorch_fid(images.float()), network(images.float() / 255)[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_images_reach_the_network_as_torchmetrics_gives_them(shape: tuple[int, int]) -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    network: Any = fid.NoTrainInceptionV3.__new__(fid.NoTrainInceptionV3)
    nn.Module.__init__(network)
    network.features_list, network.use_antialias, network._dtype = ["2048"], True, torch.float32
    network.Conv2d_1a_3x3 = Recorder()
    images = pictures(shape)
    with pytest.raises(StopIteration):
        network._torch_fidelity_forward(images)
    assert_same(as_torchmetrics(images.float()), network.Conv2d_1a_3x3.seen)


def test_presets_of_the_same_weights_give_other_features_and_say_another_preprocessing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = blank_network()
    seed(theirs, torch.Generator().manual_seed(0))
    plain = Inception.of(theirs.state_dict(), "0" * 64)
    monkeypatch.setattr("ganeval.extractors.inception._load", lambda: plain)
    networks = [EXTRACTORS[f"inception:{peer}"].load() for peer in PRESETS[1:]]
    rows = [network(pictures((40, 40))).embeddings for network in (plain, *networks)]
    assert (
        len({network.preprocessing for network in (plain, *networks)}) == len({n.name for n in (plain, *networks)}) == 4
    )
    for i, one in enumerate(rows):
        assert all(float((one - other).abs().max()) > 1e-3 for other in rows[:i])


def test_torch_fidelity_is_another_word_for_inception() -> None:
    assert EXTRACTORS["inception:torch-fidelity"].load is EXTRACTORS["inception"].load


def test_a_misspelt_preset_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="inception:clean-fid"):
        load_extractor("inception:cleanfid")
