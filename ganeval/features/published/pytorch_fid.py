"""`mu, sigma`: pytorch-fid, TTUR, EDM (`fid-refs/`), StyleGAN, U-ViT, JiT, clean-fid as .npz;
torch-fidelity's cache as .pt.

mu is the mean (d,), sigma the covariance divided by n - 1 (`numpy.cov`). n is not in such a file; ours adds it as `n`,
which the others leave unread.
"""

from __future__ import annotations

from pathlib import Path

from ganeval.features.published import Format, arrays_of, images_in, moments_in, savez, statistics_in
from ganeval.features.statistics import Statistics
from ganeval.features.stored import Stored


def _knows(stored: Stored) -> bool:
    names = set(stored.shapes)
    return {"mu", "sigma"} <= names and not {"mu_s", "sigma_s"} & names and not images_in(stored)


def _read(stored: Stored) -> Statistics:
    return statistics_in(stored, moments_in(stored, "mu", "sigma"))


def _write(statistics: Statistics, path: Path) -> list[Path]:
    return [savez(path, arrays_of(statistics))]


PYTORCH_FID = Format("pytorch-fid", "mu, sigma (pytorch-fid, TTUR, StyleGAN, torch-fidelity)", _knows, _read, _write)
