"""The reader: what it does not read is drawn again from a turned latent, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.errors import WrongInputError
from ganeval.generators.reading import TURNS, Reader, readable
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.reading import reading_loss
from reference_models.plumbing.system import SYSTEMS, fit, open_sampler
from reference_models.plumbing.walking import open_generator
from tests.reference_models.stopping import whole_and_resumed

QUICK = Options(device="cpu", log_every=2, checkpoints=2, sample_per_class=3, grids=1)
READ = replace(SYSTEMS["projection_cgan"].profile("smoke"), steps=8, styles=2, reject=0.9)
KNOWN = torch.arange(2)


class Bright(Reader):
    """Reads an image as class 1 if its first pixel is bright, else as class 0."""

    def __init__(self) -> None:
        super().__init__((1, 8, 8), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = (x[:, 0, 0, 0] > 0).float()
        return 20 * torch.stack([1 - bright, bright], dim=1)


def first_number(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Images (n, 1, 8, 8) that are as bright as the first number of z, whatever was asked."""
    return z[:, :1, None, None].expand(-1, 1, 8, 8)


def test_every_sample_that_can_be_read_is_what_was_asked():
    z = torch.randn(200, 12, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(200) % 2
    images = readable(first_number, Bright(), KNOWN, 0.9)(z, labels)
    turned = torch.stack([z[:, :-1].roll(turn, dims=1)[:, 0] for turn in range(TURNS + 1)], dim=1)
    possible = ((turned > 0) == labels[:, None].bool()).any(dim=1)
    assert possible.float().mean() > 0.98
    assert torch.equal((images[:, 0, 0, 0] > 0)[possible], labels.bool()[possible])


def test_what_is_read_at_once_is_left_as_it_is():
    z = torch.randn(100, 12, generator=torch.Generator().manual_seed(1))
    labels = (z[:, 0] > 0).long()
    assert torch.equal(readable(first_number, Bright(), KNOWN, 0.9)(z, labels), first_number(z, labels))


def test_a_row_does_not_depend_on_what_the_others_ask_for():
    z = torch.randn(60, 12, generator=torch.Generator().manual_seed(2))
    draw = readable(first_number, Bright(), KNOWN, 0.9)
    mixed, ones = draw(z, torch.arange(60) % 2), draw(z, torch.ones(60, dtype=torch.int64))
    assert torch.equal(mixed[1::2], ones[1::2])


def test_the_number_that_chooses_a_style_stays():
    z = torch.randn(100, 12, generator=torch.Generator().manual_seed(3))
    seen = []

    def noting(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        seen.append(z)
        return first_number(z, labels)

    readable(noting, Bright(), KNOWN, 0.9)(z, torch.zeros(100, dtype=torch.int64))
    assert len(seen) > 1
    assert all(torch.equal(one[:, -1], z[:, -1]) for one in seen)
    assert not torch.equal(seen[1][:, :-1], z[:, :-1])


def test_a_label_that_was_never_learnt_is_read_as_the_one_drawn_for_it():
    z = torch.randn(50, 12, generator=torch.Generator().manual_seed(4))
    draw = readable(first_number, Bright(), torch.tensor([1]), 0.9)
    assert (draw(z, torch.zeros(50, dtype=torch.int64))[:, 0, 0, 0] > 0).float().mean() > 0.98


def test_a_reader_learns_to_read():
    torch.manual_seed(0)
    images = torch.rand(200, 1, 8, 8) / 2 - 1
    labels = torch.arange(200) % 2
    images[labels == 1, :, :4] += 1
    reader = Reader((1, 8, 8), 2)
    adam = torch.optim.Adam(reader.parameters(), 2e-3)
    for _ in range(20):
        adam.zero_grad()
        reading_loss(reader, images, labels).backward()
        adam.step()
    assert bool(reader.eval().reads(images, labels, 0.8).all())
    assert not bool(reader.reads(images, 1 - labels, 0.8).any())


def test_a_run_with_a_reader_resumes_bit_for_bit_and_walks_without_jumps(tmp_path, monkeypatch):
    runs = whole, _ = whole_and_resumed("projection_cgan", READ, QUICK, 6, tmp_path, monkeypatch)
    ours, theirs = (decode_state(run.checkpoint().read_bytes())["held"] for run in runs)
    for name in ("average", "reader"):
        assert all(torch.equal(value, theirs[name][key]) for key, value in ours[name].items())
    sampler, walker = open_sampler(whole.path, device="cpu"), open_generator(whole.path)
    labels = np.arange(100) % sampler.classes
    plain = walker.decode(sampler.inputs(0, 0), torch.from_numpy(labels)).numpy()
    replaced = (sampler(labels, seed=0) != plain).any(axis=(1, 2, 3))
    assert replaced.mean() > 0.5, "after eight steps no image is read; the walk shows them all the same"


@pytest.mark.parametrize("reject", [1.0, -0.1, 2.0])
def test_a_probability_that_no_sample_can_reach_is_refused(reject, tmp_path):
    with pytest.raises(WrongInputError, match="reject"):
        fit("projection_cgan", replace(READ, reject=reject), dataset="synthetic", out=tmp_path, options=QUICK)
