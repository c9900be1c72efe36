"""A published mean and covariance, checked before anything is compared with them: width, numbers, symmetry,
definiteness.

A wrong pair gives a plausible distance, so each of these is an error that says what was found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ganeval.errors import WrongInputError
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.moments import Moments

ROUNDING = 1e-5  # share of the largest variance: float32 leaves up to 3e-6 of it in 2,048 dimensions
PRECISE = ("float32", "float64")


def fit_of(
    mu: Any, sigma: Any, where: str, *, n: int | None = None, names: tuple[str, str] = ("mu", "sigma")
) -> Moments | Gaussian:
    """The moments of n rows with mean `mu` (d,) and covariance `sigma` (d, d), divided by n - 1; n may be unknown.

    Raises: WrongInputError for two widths, float16 or integers, NaN, an asymmetric sigma, one with a negative variance.

    >>> fit_of(np.zeros(2), np.eye(2), "a file").n is None
    True
    """
    _require_shapes(mu, sigma, where, names)
    mean, covariance = (torch.from_numpy(np.array(part, dtype=np.float64)) for part in (mu, sigma))
    for name, part in zip(names, (mean, covariance), strict=True):
        if not bool(part.isfinite().all()):
            raise WrongInputError(f"{where} holds NaN or infinity in {name}. Ask who published it for a sound file.")
    if not bool(mean.any()) and not bool(covariance.any()):
        raise WrongInputError(f"{where} holds nothing but zeros in {' and '.join(names)}. Make the statistics again.")
    covariance = _symmetric(covariance, where, names)
    _require_definite(covariance, where, names)
    if n is None:
        return Gaussian.published(mean, covariance)
    return Moments(n, mean, covariance * (n - 1))


def count_of(value: Any, where: str) -> int:
    """The n beside a mean and a covariance, at least 2."""
    found = np.asarray(value)
    real = np.issubdtype(found.dtype, np.integer) or np.issubdtype(found.dtype, np.floating)
    if found.size != 1 or not real or not 2 <= found.item() < 2**53 or found.item() % 1:
        raise WrongInputError(f"{where} must say n as a whole number of at least 2; it says {found!s:.40}. Correct it.")
    return int(found.item())


def require_precise(dtype: str, where: str, names: tuple[str, str]) -> None:
    """Refuse numbers of any other type than float32 and float64."""
    if dtype not in PRECISE:
        few = ", which has too few digits for a distance" * dtype.startswith(("float", "bfloat"))
        raise WrongInputError(
            f"{where} must hold {' and '.join(names)} in float32 or float64; got {dtype}{few}. "
            "Make the statistics again in float64, from the images."
        )


def _require_shapes(mu: Any, sigma: Any, where: str, names: tuple[str, str]) -> None:
    for part in (mu, sigma):
        require_precise(part.dtype.name, where, names)
    if sigma.ndim == 1 and sigma.shape == mu.shape:
        raise WrongInputError(
            f"{where} must hold {names[1]} as a whole covariance (d, d); got {sigma.shape}, which can be its diagonal "
            "alone. A Frechet distance needs what is beside the diagonal: make the statistics again, from the images."
        )
    if mu.ndim == 2 and 1 in mu.shape and sigma.shape == (mu.size, mu.size):
        raise WrongInputError(
            f"{where} must hold {names[0]} as a vector (d,); got {mu.shape}. Store {names[0]}.reshape(-1) in its place."
        )
    if mu.ndim != 1 or sigma.ndim != 2 or sigma.shape != (len(mu), len(mu)) or not len(mu):
        raise WrongInputError(
            f"{where} must hold {' and '.join(names)} of one width, (d,) and (d, d); got {mu.shape} and {sigma.shape}. "
            "They are of two networks, or of two layers: ask who published them."
        )


def _symmetric(covariance: torch.Tensor, where: str, names: tuple[str, str]) -> torch.Tensor:
    size = float(covariance.diagonal().abs().max())
    apart = float((covariance - covariance.T).abs().max())
    if apart > ROUNDING * size:
        raise WrongInputError(
            f"{where}: {names[1]} must be symmetric, as every covariance is; two entries that must be equal "
            f"differ by {apart:.3g}. The file is damaged, or this is no covariance."
        )
    return (covariance + covariance.T) / 2


def _require_definite(covariance: torch.Tensor, where: str, names: tuple[str, str]) -> None:
    """A Cholesky factor of what rounding could have made of it is the cheap proof;
    eigenvalues are asked where none is.
    """
    room = ROUNDING * float(covariance.diagonal().max())
    if room > 0:
        _, failed = torch.linalg.cholesky_ex(covariance + room * torch.eye(len(covariance), dtype=covariance.dtype))
        if not int(failed):
            return
    values = torch.linalg.eigvalsh(covariance)
    if float(values[0]) < -ROUNDING * max(float(values[-1]), 0.0):
        raise WrongInputError(
            f"{where}: {names[1]} must be positive semi-definite, as every covariance is; its smallest "
            f"eigenvalue is {float(values[0]):.3g}, its largest {float(values[-1]):.3g}. The file is damaged, or this "
            "is no covariance."
        )
