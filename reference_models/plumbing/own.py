"""Images of yours as training data: whatever `ganeval.image_set` opens, split by the seed, nothing resized unasked.

A run keeps what it is judged by in its own folder: `data/train.npz`, `data/test.npz` and, where a judge was asked for,
`data/judge.safetensors` with its card. So it can be moved, and measured where the images are not.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.classifiers.judges import MAX_BYTES, copy_judge, kept_judge, split_rows
from ganeval.classifiers.member import Part
from ganeval.core.files import write_atomic
from ganeval.datasets.dataset import DATASETS, Split
from ganeval.errors import MixedSizesError, WrongInputError
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.data import Data, resample, to_float
from reference_models.plumbing.sampling import to_uint8
from reference_models.plumbing.seeds import derive
from reference_models.plumbing.sizes import halvings

SIDES = range(8, 65)  # pixels
FOLDER, JUDGE = "data", "judge"


def load_own(source: str, seed: int, size: int = 0) -> Data:
    """The images of a folder, zip, npz or address, 8 to 64 pixels square; `size` resizes each of them
    first, whatever its own size, 0 leaves them.

    Held out are a tenth of each class to watch overfitting and choose by, and a tenth to report on, drawn by `seed`.
    """
    if size and not fits(size):
        raise WrongInputError(f"--resize must be a size that halves evenly: {_sizes()}; got {size}.")
    opened = _opened(source, size)
    rows = split_rows(opened.labels, len(opened), derive(seed, "own") % 2**32, name=opened.source)
    if len(opened) * math.prod(opened.shape) > MAX_BYTES:
        raise WrongInputError(f"{source} has more than {MAX_BYTES // 2**30} GiB of pixels. Take a part of it.")
    images = torch.from_numpy(np.ascontiguousarray(opened.array()))
    labels = torch.from_numpy(np.zeros(len(opened), np.int64) if opened.labels is None else opened.labels.copy())
    train, held, test = (torch.from_numpy(part) for part in rows)
    return Data(
        source,
        _names(opened),
        images[train],
        labels[train],
        images[held],
        labels[held],
        seed=seed,
        used=f"{Path(source).name} without {len(held) + len(test):,} images",
        labelled=opened.labels is not None,
        test=(images[test], labels[test]),
    )


def _names(opened: ImageSet) -> tuple[str, ...]:
    if opened.labels is None:
        return ("all",)
    return opened.class_names or tuple(map(str, range(int(opened.labels.max()) + 1)))


def fits(side: int) -> bool:
    """Whether every trainer can halve images of this side down to 4 to 7 pixels."""
    return side in SIDES and side % 2 ** halvings(side) == 0


def _opened(source: str, size: int) -> ImageSet:
    """The images, all `size` pixels a side; with 0 as they are, if every trainer can halve that."""
    if size:
        return image_set(source, fit=partial(_resized, size=size))
    try:
        opened = image_set(source)
    except MixedSizesError as error:
        raise WrongInputError(f"{error} {_remedy(error.side, 'each', cut=True)}") from error
    _, h, w = opened.shape
    if h != w or not fits(h):
        raise WrongInputError(
            f"Images must be square and halve evenly, {_sizes()} pixels a side; those of {opened.source} are {h} x "
            f"{w}. {_remedy(min(h, w), 'them', cut=h != w)}"
        )
    return opened


def _remedy(side: int, whom: str, *, cut: bool) -> str:
    nearest = min(filter(fits, SIDES), key=lambda fitting: abs(fitting - side))
    return (
        f"--resize {nearest} would make {whom} {nearest} x {nearest}{' (the middle square of each)' if cut else ''}; "
        "nothing is resized unasked."
    )


def _sizes() -> str:
    return ", ".join(str(side) for side in SIDES if fits(side))


def _resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle square of an image (c, h, w) at `size` pixels a side, bilinear and antialiased."""
    c, h, w = image.shape
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    square = torch.from_numpy(image[None, :, top : top + side, left : left + side].copy())
    return to_uint8(resample(to_float(square), (c, size, size)))[0]


def keep_missing(run: RunDirectory, data: Data, judge: str) -> None:
    """`keep_with` for a run that is resumed: it may have been ended before that, or get a judge only now."""
    said = run.info["protocol"]
    own = [role for role in ("real", "train") if data.test is not None]
    own += ["classifier"] if judge == "auto" else []
    if not all(str(said.get(role, "")).startswith(f"{FOLDER}/") for role in own):
        keep_with(run, data, judge)


def keep_with(run: RunDirectory, data: Data, judge: str) -> None:
    """Put what the run is judged by into its folder, and say so in run.json."""
    protocol = dict(run.info["protocol"])
    if data.test is not None:
        for role, (images, labels) in {"real": data.test, "train": (data.images, data.labels)}.items():
            file = {"real": "test", "train": "train"}[role]
            write_atomic(run.path / FOLDER / f"{file}.npz", _npz(images, labels if data.labelled else None))
            protocol[role] = f"{FOLDER}/{file}.npz"
    if judge == "auto":
        path = copy_judge(judge_of(data), run.path / FOLDER, JUDGE)
        protocol["classifier"] = f"{FOLDER}/{path.name}"
    run.update(protocol=protocol)


def _npz(images: torch.Tensor, labels: torch.Tensor | None) -> bytes:
    arrays: dict[str, Any] = {"arr_0": np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1))}
    if labels is not None:
        arrays["arr_1"] = labels.numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def judge_of(data: Data) -> Path:
    """A small judge of these images, from the cache, else trained now: learnt on what is trained on,
    reported on `test`.
    """
    if not data.labelled:
        raise WrongInputError(
            f"--judge auto learns from labels; {data.name} has none. Put the images of each class into a folder of its "
            "own, or leave --judge out and name a network in the report: --extractor wavelet, or, for photographs, "
            "inception."
        )
    name = Path(data.name).stem
    return kept_judge(name, _parts(data, name), data.class_names)


def _parts(data: Data, name: str) -> Mapping[str, Part]:
    test = data.test
    if test is None:
        reported: Split = DATASETS[data.name].load("test")
        test = (torch.from_numpy(reported.images.copy()), torch.from_numpy(reported.labels.copy()))
    parts = {"train": (data.images, data.labels), "held out": (data.held_images, data.held_labels), "test": test}
    return {use: Part(f"{name}, {use}", images.cpu(), labels.cpu()) for use, (images, labels) in parts.items()}
