"""The routine that is fastest on this machine: measured once, kept, and switchable. Both give the same digits to 1e-10.

Eigenvalues of a symmetric matrix come from PyTorch's LAPACK (MKL) or from SciPy's (OpenBLAS); which one is faster
differs from processor to processor by a factor of two, and no name tells. So both are timed on a small matrix the first
time that one of more than 256 rows is asked about: some tens of milliseconds. What won is written to the cache under
the names of the processor and the versions of both.

GANEVAL_EIGH = "torch" or "scipy" says which one to take; "measure", and no value, lets the machine decide.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import torch

from ganeval.core.files import read_json, write_json
from ganeval.core.folders import cache_root
from ganeval.core.machine import processor, versions
from ganeval.errors import GanevalError, WrongInputError

VARIABLE = "GANEVAL_EIGH"
WAYS = ("torch", "scipy")
SMALL = 256  # rows up to which nothing is gained
SIZES = (384, 768)  # rows of the matrices that are timed: for those up to 512, and for larger ones
ROUNDS = 2
CLEARLY = 1.1  # SciPy has a second pool of threads: it has to be that many times faster


def eigenvalues(matrix: torch.Tensor) -> torch.Tensor:
    """Of a symmetric matrix (d, d) float64: ascending, (d,).

    >>> eigenvalues(torch.diag(torch.tensor([4.0, 1.0], dtype=torch.float64))).tolist()
    [1.0, 4.0]
    """
    if _way(matrix) == "torch":
        return torch.linalg.eigvalsh(matrix)
    return torch.from_numpy(_by_scipy(matrix, values_only=True))


def eigensystem(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same with the eigenvectors as columns, (d,) and (d, d)."""
    if _way(matrix) == "torch":
        return torch.linalg.eigh(matrix)
    values, vectors = _by_scipy(matrix, values_only=False)
    return torch.from_numpy(values), torch.from_numpy(np.ascontiguousarray(vectors))


def _way(matrix: torch.Tensor) -> str:
    named = os.environ.get(VARIABLE, "measure")
    if named not in (*WAYS, "measure"):
        raise WrongInputError(f"{VARIABLE} must be torch, scipy or measure; got {named!r:.40}. Set it to one of them.")
    if matrix.device.type != "cpu" or len(matrix) <= SMALL:
        return "torch"
    return named if named in WAYS else _fastest(SIZES[len(matrix) > 2 * SMALL], torch.get_num_threads())


def _by_scipy(matrix: torch.Tensor, *, values_only: bool) -> Any:
    from scipy.linalg import eigh

    try:
        return eigh(matrix.numpy(), eigvals_only=values_only, driver="evd", check_finite=False)
    except np.linalg.LinAlgError as error:
        raise torch.linalg.LinAlgError(str(error)) from error  # pyright: ignore[reportPrivateImportUsage]


@cache
def _fastest(size: int, threads: int) -> str:
    """As the cache says, else as measured here."""
    return remembered(f"eigenvalues of {size}", threads, WAYS, lambda: _measured(size))


def remembered(question: str, threads: int, ways: Sequence[str], measure: Callable[[], str]) -> str:
    """Which of `ways` is the fastest on this machine: what the cache says, else what `measure` finds, which is kept."""
    key = f"{processor()}; {versions(('torch', 'scipy'))}; {threads} threads; {question}"
    path = cache_root() / "fastest.json"
    known = _read(path)
    if known.get(key) in ways:
        return str(known[key])
    found = measure()
    with suppress(GanevalError, OSError):  # a cache that cannot be written costs the measurement again, nothing else
        write_json(path, {**known, key: found})
    return found


def _read(path: Any) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (GanevalError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _measured(size: int) -> str:
    rows = torch.randn(2 * size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    matrix = rows.T @ rows
    runs: dict[str, Callable[[], object]] = {
        "torch": lambda: torch.linalg.eigvalsh(matrix),
        "scipy": lambda: _by_scipy(matrix, values_only=True),
    }
    took = {way: [seconds(run) for _ in range(ROUNDS)] for way, run in runs.items()}
    return "scipy" if min(took["scipy"]) * CLEARLY < min(took["torch"]) else "torch"


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
