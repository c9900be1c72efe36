"""The batches of ADM (Dhariwal and Nichol 2021, guided-diffusion):
images `arr_0` beside `mu, sigma` and `mu_s, sigma_s`.

A reference (`VIRTUAL_imagenet256_labeled.npz`) has 10,000 images and the statistics of the whole training set. The
field's FID and sFID are computed from the statistics; precision and recall from the images. So are ours.
"""

from __future__ import annotations

from pathlib import Path

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.features.published import Format, arrays_of, images_in, moments_in, savez, statistics_in
from ganeval.features.statistics import Statistics
from ganeval.features.stored import Stored


def _knows(stored: Stored) -> bool:
    names = set(stored.shapes)
    return {"mu", "sigma"} <= names and (bool({"mu_s", "sigma_s"} & names) or bool(images_in(stored)))


def _read(stored: Stored) -> Statistics:
    there = {"mu_s", "sigma_s"} & set(stored.shapes)
    if len(there) == 1:
        raise WrongInputError(
            f"{stored.where} must hold mu_s and sigma_s, or neither; it holds {there.pop()} alone. Make it again, or "
            "leave that array out."
        )
    spatial = moments_in(stored, "mu_s", "sigma_s") if {"mu_s", "sigma_s"} <= set(stored.shapes) else None
    return statistics_in(stored, moments_in(stored, "mu", "sigma"), spatial, holds_images=bool(images_in(stored)))


def _write(statistics: Statistics, path: Path) -> list[Path]:
    if statistics.spatial is None:
        raise UndefinedError(
            f"{statistics.passport.source} has no spatial statistics (mu_s, sigma_s), which ADM's evaluator reads. "
            "Make them with an extractor that offers spatial features, such as inception, or convert to pytorch-fid."
        )
    return [savez(path, arrays_of(statistics, spatial=True))]


ADM = Format("adm", "arr_0 beside mu, sigma, mu_s, sigma_s (guided-diffusion)", _knows, _read, _write)
