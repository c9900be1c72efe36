"""What other programs publish of images, without the images: one format a file, found by walking this folder.

A file says what it holds by the names and shapes of its arrays; its own name says nothing. What is read has a passport
that says `given`: no network is named in it, so the caller names one and the width is checked against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic, writing
from ganeval.core.registry import Registry
from ganeval.errors import WrongInputError, printable
from ganeval.features.fits import ROUNDING, count_of, fit_of, require_precise
from ganeval.features.rows import Features
from ganeval.features.statistics import Fit, Statistics, fitted
from ganeval.features.stored import Stored, open_stored
from ganeval.images.numpy_files import IMAGE_KEYS
from ganeval.records.scores import Passport


@dataclass(frozen=True)
class Format:
    """How one program's files are told from others', read and, where that program can use them, written.

    `knows` looks at names, types and shapes only; at most one format knows a file. `write` takes a path that ends in
    .npz and returns what it has written; it raises for what the statistics lack.
    """

    name: str
    summary: str
    knows: Callable[[Stored], bool]
    read: Callable[[Stored], Statistics | Features]
    write: Callable[[Statistics, Path], list[Path]] | None = None


MEANS, COVARIANCES = ("mu", "mean", "m"), ("sigma", "cov", "covariance", "s")
SHORT = ("bfloat16", "float8_e4m3fn", "float8_e5m2")  # types of torch alone
SQUARE = 4  # rows from which it is no chance that a matrix is symmetric

FORMATS = Registry(Format, "ganeval.features.published", "format of statistics")


def read_published(path: str | Path) -> Statistics | Features | None:
    """Statistics or features in a file; None for what is a folder, a picture, an archive of images:
    `image_set` opens it.

    Raises: WrongInputError for pickles, damaged files, and for arrays that no format knows.
    """
    path = Path(path)
    if not _is_there(path):
        return None
    stored = open_stored(path)
    if stored is None:
        return None
    known = next((one for one in FORMATS if one.knows(stored)), None)
    if known is not None:
        return known.read(stored)
    if path.suffix.lower() in (".npz", ".npy") or _may_be_images(stored):
        return None
    raise WrongInputError(
        f"{stored.where} holds {stored.listed}: neither mu and sigma nor rows of features (n, d). "
        "docs/statistics.md lists what can be read."
    )


def _may_be_images(stored: Stored) -> bool:
    """Whether a file of tensors holds one that is named or shaped as images are, which `image_set` opens or refuses."""
    named = [shape for key, shape in stored.shapes.items() if key in ("", *IMAGE_KEYS)]
    return any(len(found.shape) in (3, 4) for found in named)


def statistics_in(
    stored: Stored, moments: Fit, spatial: Fit | None = None, *, holds_images: bool = False
) -> Statistics:
    """Statistics that name no network; with `holds_images` the file also has images,
    which are opened when asked for.
    """
    passport = _given(stored, moments.n or 0, len(moments.mean))
    return Statistics(passport, moments, spatial, images_at=stored.path if holds_images else None)


def moments_in(stored: Stored, mu: str, sigma: str) -> Fit:
    """The mean and the covariance of these names, checked; with n, where the file says it."""
    for name in (mu, sigma):
        if stored.shapes[name].dtype in SHORT:  # read as float32, which is all that numpy has for them
            require_precise(stored.shapes[name].dtype, stored.where, (mu, sigma))
    n = count_of(stored.read("n"), stored.where) if "n" in stored.shapes else None
    return fit_of(stored.read(mu), stored.read(sigma), stored.where, n=n, names=(mu, sigma))


def named_moments(stored: Stored) -> tuple[str, str] | None:
    """What a mean and a covariance are called in a file: mu and sigma, or what other programs and people call them."""
    found = {name.lower(): name for name in stored.shapes}
    pairs = ((mean, square) for mean in MEANS for square in COVARIANCES)
    return next(((found[mean], found[square]) for mean, square in pairs if {mean, square} <= set(found)), None)


def rows_in(stored: Stored, key: str, *, logits: str = "", labels: str = "") -> Features:
    """The rows (n, d) of this name, with the logits and labels of those; they name no network."""
    more = {"logits": logits and stored.read(logits), "labels": labels and stored.read(labels)}
    values = stored.read(key)
    _require_no_covariance(values, stored, key)
    rows = Features.given(values, source=stored.where, **{name: part for name, part in more.items() if len(part)})
    return replace(rows, passport=_given(stored, len(rows), rows.passport.dim))


def _require_no_covariance(values: NDArray[Any], stored: Stored, key: str) -> None:
    """Rows of features that make a symmetric matrix are none: a distance to a covariance would look like any other."""
    n = len(values) if values.ndim == 2 and values.shape[0] == values.shape[1] else 0
    if n >= SQUARE and np.allclose(values, values.T, rtol=0, atol=ROUNDING * float(np.abs(values).max())):
        raise WrongInputError(
            f"{stored.where} must hold rows of features (n, d); {printable(key, 40) or 'its array'} is a symmetric "
            f"matrix ({n}, {n}), as a covariance is. Store it with its mean: numpy.savez(path, mu=mean, sigma=matrix)."
        )


def is_rows(stored: Stored, key: str) -> bool:
    """Whether the array of this name is a floating-point matrix."""
    found = stored.shapes[key]
    return len(found.shape) == 2 and "float" in found.dtype


def images_in(stored: Stored) -> str:
    """The name of the array of images beside the statistics; "" where there is none."""
    found = [key for key in IMAGE_KEYS if key in stored.shapes and len(stored.shapes[key].shape) >= 3]
    return found[0] if found else ""


def arrays_of(statistics: Statistics, *, spatial: bool = False) -> dict[str, NDArray[Any]]:
    """mu, sigma and, where it is known, n, as other programs name them; `spatial` adds mu_s and sigma_s."""
    fits = {"": statistics.moments} | ({"_s": statistics.spatial} if spatial and statistics.spatial else {})
    found: dict[str, NDArray[Any]] = {}
    for suffix, fit in fits.items():
        gaussian = fitted(fit)
        assert gaussian.covariance.matrix is not None
        found[f"mu{suffix}"] = gaussian.mean.cpu().numpy()
        found[f"sigma{suffix}"] = gaussian.covariance.matrix.cpu().numpy()
    return found | ({} if statistics.n is None else {"n": np.array(statistics.n)})


def savez(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """An .npz at `path`, whole or not at all."""
    if path.suffix.lower() != ".npz":
        raise WrongInputError(f"Statistics for other programs are .npz files; got {printable(path)}. Name it so.")
    content = BytesIO()
    np.savez(content, **arrays)  # pyright: ignore[reportArgumentType] - its stub takes allow_pickle for one of them
    with writing(path):
        return write_atomic(path, content.getvalue())


def _given(stored: Stored, n: int, dim: int) -> Passport:
    """The passport of what names no network."""
    return Passport(
        source=str(stored.path),
        fingerprint="",
        n=n,
        dim=dim,
        extractor="given",
        weights_sha256="",
        preprocessing="",
        given=True,
    )


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
