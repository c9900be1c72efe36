"""clean-fid (Parmar et al. 2022): `mu, sigma` for FID, and beside it `NAME_kid.npz` with the rows `feats` for KID."""

from __future__ import annotations

from pathlib import Path

from ganeval.features.published import Format, arrays_of, rows_in, savez
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.features.stored import Stored


def _knows(stored: Stored) -> bool:
    return "feats" in stored.shapes and "mu" not in stored.shapes


def _read(stored: Stored) -> Features:
    return rows_in(stored, "feats")


def _write(statistics: Statistics, path: Path) -> list[Path]:
    written = [savez(path, arrays_of(statistics))]
    if statistics.rows is not None:
        rows = statistics.rows.embeddings.cpu().numpy()
        written.append(savez(path.with_name(f"{path.stem}_kid.npz"), {"feats": rows}))
    return written


CLEAN_FID = Format("clean-fid", "mu, sigma; the rows of its _kid.npz as feats", _knows, _read, _write)
