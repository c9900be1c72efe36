"""`mu, sigma`: pytorch-fid, TTUR, EDM (`fid-refs/`), StyleGAN, U-ViT, JiT, clean-fid as .npz;
torch-fidelity's cache as .pt.

mu is the mean (d,), sigma the covariance divided by n - 1 (`numpy.cov`). n is not in such a file; ours adds it as `n`,
which the others leave unread. Read as well where they are called mean and cov, or m and s, in any case of letters.
"""

from __future__ import annotations

from pathlib import Path

from ganeval.features.published import Format, arrays_of, images_in, moments_in, named_moments, savez, statistics_in
from ganeval.features.statistics import Statistics
from ganeval.features.stored import Stored


def _knows(stored: Stored) -> bool:
    return named_moments(stored) is not None and not {"mu_s", "sigma_s"} & set(stored.shapes) and not images_in(stored)


def _read(stored: Stored) -> Statistics:
    names = named_moments(stored)
    assert names is not None
    return statistics_in(stored, moments_in(stored, *names))


def _write(statistics: Statistics, path: Path) -> list[Path]:
    return [savez(path, arrays_of(statistics))]


PYTORCH_FID = Format("pytorch-fid", "mu, sigma (pytorch-fid, TTUR, StyleGAN, torch-fidelity)", _knows, _read, _write)
