"""EDM (Karras et al. 2022) and EDM2 (2024): `mu, sigma` in an .npz, or one such pair for each network.

EDM2 keeps a mapping {"fid": {mu, sigma}, "fd_dinov2": {mu, sigma}} in a pickle, which is not opened. Stored without
one, as an .npz or .safetensors with names such as `fid.mu` (or `fid/mu`, `fid_mu`), it is read where it holds one
network.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.errors import WrongInputError
from ganeval.features.published import Format, arrays_of, moments_in, savez, statistics_in
from ganeval.features.statistics import Statistics
from ganeval.features.stored import Stored

NESTED = re.compile(r"(.+[./_])mu")


def _prefixes(stored: Stored) -> list[str]:
    found = [match[1] for name in stored.shapes if (match := NESTED.fullmatch(name))]
    return [prefix for prefix in found if f"{prefix}sigma" in stored.shapes]


def _knows(stored: Stored) -> bool:
    return "mu" not in stored.shapes and bool(_prefixes(stored))


def _read(stored: Stored) -> Statistics:
    prefix, *more = _prefixes(stored)
    if more:
        held = ", ".join(sorted(part.rstrip("./_") for part in (prefix, *more)))
        raise WrongInputError(
            f"{stored.where} holds statistics of {len(more) + 1} networks: {held}. Store those of one alone: "
            f"numpy.savez('reference.npz', mu=file['{prefix}mu'], sigma=file['{prefix}sigma'])."
        )
    return statistics_in(stored, moments_in(stored, f"{prefix}mu", f"{prefix}sigma"))


def _write(statistics: Statistics, path: Path) -> list[Path]:
    return [savez(path, arrays_of(statistics))]


EDM = Format("edm", "mu, sigma; EDM2's fid.mu, fid.sigma without its pickle", _knows, _read, _write)
