"""A finished run walks: the same latents give the images that its sampler draws, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.errors import GanevalError
from ganeval.metrics.probes.generator import LatentGenerator
from reference_models.plumbing.sampling import BLOCK, Sampler
from reference_models.plumbing.walking import Walker, open_generator


def _draw(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    assert z.shape == (BLOCK, 2, 3)
    return (z.sum(dim=(1, 2)) / 10 + labels / 100).reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)


def _walker() -> Walker:
    return Walker(Sampler(_draw, (2, 3), 10, torch.device("cpu")))


def test_it_is_a_latent_generator_of_flat_latents() -> None:
    assert isinstance(_walker(), LatentGenerator)
    assert _walker().latent_dim == 6


def test_rows_do_not_depend_on_how_many_are_decoded() -> None:
    z, labels = torch.randn(BLOCK + 7, 6, generator=torch.Generator().manual_seed(0)), torch.arange(BLOCK + 7) % 10
    whole = _walker().decode(z, labels)
    assert whole.shape == (BLOCK + 7, 1, 4, 4)
    assert whole.dtype == torch.uint8
    assert torch.equal(_walker().decode(z[BLOCK:], labels[BLOCK:]), whole[BLOCK:])
    expected = ((z.sum(dim=1) / 10 + labels / 100).clamp(-1, 1) + 1) * 127.5
    assert np.abs(whole[:, 0, 0, 0].numpy() - expected.numpy()).max() <= 0.5 + 1e-4


def test_without_labels_the_first_class_is_asked() -> None:
    z = torch.zeros(3, 6)
    assert torch.equal(_walker().decode(z, None), _walker().decode(z, torch.zeros(3, dtype=torch.int64)))


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GanevalError):
        open_generator(tmp_path)
