"""Anything that people keep images in -> `ImageSet`. One input kind per file; each checks its own kind, here and only
here.

Nothing is rescaled, converted or dropped silently: what does not fit is an error that names the item and the remedy.
"""

from __future__ import annotations

import numbers
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any, Literal, get_args

from ganeval.core.registry import unknown_name
from ganeval.core.uris import is_uri, local_path, require_no_secret
from ganeval.errors import UnknownNameError, WrongInputError, guarded, printable
from ganeval.images.fitting import Fit, checked
from ganeval.images.imageset import ImageSet

__all__ = ["CLASSES", "Classes", "ImageSet", "image_set"]

Classes = Literal["auto", "folders", "names", "none"]
CLASSES: tuple[str, ...] = get_args(Classes)


@guarded
def image_set(
    source: Any,
    *,
    labels: Any = None,
    n: int | None = None,
    seed: int = 0,
    class_names: tuple[str, ...] = (),
    classes: Classes = "auto",
    fit: Fit | None = None,
) -> ImageSet:
    """Open `source` as uint8 (n, c, h, w) images in [0, 255] with optional integer labels.

    source: a data set's split ("hoda:test"); a folder, zip or tar of images (flat, one folder per class,
    `<class>_<index>.png`, or with `dataset.json`), webdataset shards (a folder of tar files, or
    `shard-{000..011}.tar`), parquet files of Hugging Face; the address of any of these (`s3://`, `hf://`, `https://`
    ...: `ganeval.images.remote`); a run directory, for its newest samples; an .npz (`arr_0` NHWC, optional `arr_1`
    labels), .npy or .pt file; a numpy array or torch tensor, uint8, (n, h, w), NHWC or NCHW; a torch `Dataset` or
    `DataLoader`; a list of images or of paths of image files; a pair `(images, labels)`; a generator callable `(n,
    labels, torch.Generator) -> images`, for which n says how many; an `ImageSet`.
    labels: (n,) integers, in place of what the source says. n: only so many images, drawn with `seed`, each class
    keeping its share, in their old order. class_names: names of the labels 0, 1, ...
    classes: what says the class of an image in a folder, zip or tar: "folders", "names" (`<class>_<index>.png`),
    "none", or "auto", which sees for itself (`ganeval.images.layout` has the rules) and takes nothing for a class that
    may be a shard.
    fit: what each image goes through as it is read, uint8 (c, h, w) -> uint8 (c, h', w'): a crop, a resize. With it
    image files may have several sizes, as long as it makes them one.

    Raises: WrongInputError for what breaks the contract, MissingFileError and UnknownNameError for what is not there.

    >>> import numpy as np
    >>> images = image_set(np.arange(32, dtype=np.uint8).reshape(2, 4, 4), labels=[0, 1])
    >>> len(images), images.shape, images.labels.tolist()
    (2, (1, 4, 4), [0, 1])
    """
    from ganeval.images.labels import checked_labels
    from ganeval.images.subset import checked_count, checked_seed, subset

    n, seed = None if n is None else checked_count(n), checked_seed(seed)
    if classes not in CLASSES:
        raise UnknownNameError(unknown_name("way to tell classes", str(classes), CLASSES))
    if is_generator(source):
        if fit is not None:
            raise WrongInputError("fit= is for images that lie somewhere. Let the generator return images that fit.")
        from ganeval.images.generated import from_generator

        return from_generator(source, n=n, labels=labels, seed=seed, class_names=tuple(class_names))
    opened = _open(source, classes, fit and checked(fit))
    if labels is not None:
        opened = opened.with_labels(checked_labels(labels, len(opened), opened.source))
    if class_names:
        opened = opened.with_class_names(tuple(class_names))
    return opened if n is None else subset(opened, n, seed)


def _open(source: Any, classes: Classes, fit: Fit | None) -> ImageSet:
    if not isinstance(source, (str, Path)):
        return _open_object(source, classes, fit)
    if not str(source).strip():
        raise WrongInputError(
            "A path must name a folder or a file; got an empty text. For the current folder pass '.'."
        )
    if is_uri(source):
        return _open_address(str(source), classes, fit)
    path = Path(source)
    kind = _kind(path)
    if kind == "nothing" and isinstance(source, str) and _looks_like_a_split(source):
        from ganeval.images.named import from_name

        return _asked(from_name(source), classes, fit)
    opened = _open_folder if kind == "folder" else _open_file
    return opened(path, classes, fit)


def _open_file(path: Path, classes: Classes, fit: Fit | None) -> ImageSet:
    """By how its name ends; what has no such ending is answered by the reader of folders."""
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        from ganeval.images.numpy_files import from_numpy_file

        return _asked(from_numpy_file(path), classes, fit)
    if suffix in (".pt", ".pth"):
        from ganeval.images.tensor_files import from_tensor_file

        return _asked(from_tensor_file(path), classes, fit)
    if suffix == ".zip":
        from ganeval.images.zips import from_zip

        return from_zip(path, classes, fit)
    if _is_tar_name(path.name):
        from ganeval.images.tars import from_tars, shards_of

        return from_tars(shards_of(str(path)), str(path), classes, fit)
    if suffix == ".parquet":
        from ganeval.images.parquet import from_parquet

        return from_parquet([path], str(path), classes, fit)
    return _open_folder(path, classes, fit)


def _open_folder(path: Path, classes: Classes, fit: Fit | None) -> ImageSet:
    """A folder of images, a run, or a folder of nothing but tar or parquet files, which are then one set."""
    from ganeval.images.runs import from_run, is_run

    if is_run(path):
        return _asked(from_run(path), classes, fit)
    for suffix in (".tar", ".parquet"):
        shards = _all_ending(path, suffix)
        if shards and suffix == ".tar":
            from ganeval.images.tars import from_tars

            return from_tars(shards, str(path), classes, fit)
        if shards:
            from ganeval.images.parquet import from_parquet

            return from_parquet(shards, str(path), classes, fit)
    from ganeval.images.folders import from_folder

    return from_folder(path, classes, fit)


def _all_ending(path: Path, suffix: str) -> list[Path]:
    """The files of a folder in natural order where all of them end so; otherwise none."""
    from ganeval.images.layout import natural

    try:
        names = [name for name in os.listdir(path) if not name.startswith(".")]  # noqa: PTH208 - there may be a million
    except OSError:
        return []
    if not all(name.lower().endswith(suffix) for name in names):
        return []
    found = [path / name for name in sorted(names, key=natural)]
    return found if all(entry.is_file() for entry in found) else []


def _open_address(address: str, classes: Classes, fit: Fit | None) -> ImageSet:
    require_no_secret(address)
    here = local_path(address)
    if here is not None:
        return _open(here, classes, fit)
    from ganeval.images.remote import from_address

    return from_address(address, lambda copy: _open(copy, classes, fit))


def _asked(opened: ImageSet, classes: Classes, fit: Fit | None) -> ImageSet:
    """What has no layout of files has the labels that it brings, or none."""
    if classes in ("folders", "names"):
        raise WrongInputError(
            f"classes={classes!r} is a question about folders and zip files; {printable(opened.source)} is neither. "
            "Pass labels=."
        )
    if classes == "none":
        opened = opened.with_labels(None, "The image set was opened with classes='none'.")
    return opened.fitted(fit) if fit else opened


def _open_object(source: Any, classes: Classes, fit: Fit | None) -> ImageSet:
    """Of a list of files `fit` goes into the reader, as of a folder: they may have several sizes."""
    if not _are_paths(source):
        return _asked(_in_memory(source), classes, fit)
    from ganeval.images.folders import from_paths

    _require_no_address(source)
    return _asked(from_paths([Path(path) for path in source], fit), classes, None)


def _in_memory(source: Any) -> ImageSet:
    if isinstance(source, ImageSet):
        return source
    if hasattr(source, "__array__") or _is_torch(source, "Tensor"):
        from ganeval.images.arrays import from_array

        return from_array(source)
    if _is_pair(source):
        from ganeval.images.labels import checked_labels

        opened = image_set(source[0])
        return opened.with_labels(checked_labels(source[1], len(opened), opened.source))
    from ganeval.images.arrays import is_output

    if is_output(source):
        raise WrongInputError(f"Images must be the images themselves; got {type(source).__name__}. Pass its .images.")
    if _holds_items(source):
        from ganeval.images.loaders import from_dataset

        return from_dataset(source)
    raise WrongInputError(
        "Images must be a folder, zip, npz, npy or pt file, a data set such as 'hoda:test', an array, a tensor, a "
        f"torch Dataset or DataLoader, or a generator callable; got {type(source).__name__}."
    )


def _require_no_address(paths: Any) -> None:
    for path in paths:
        require_no_secret(path)
        if is_uri(path):
            raise WrongInputError(
                f"A list must name files of this machine; got {printable(path)}. Name the folder that holds them: "
                "image_set('s3://bucket/folder')."
            )


def _kind(path: Path) -> str:
    """What lies there: "folder", "file" or "nothing"."""
    try:
        return "folder" if stat.S_ISDIR(path.stat().st_mode) else "file"
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WrongInputError(
            f"{printable(path)} cannot be opened: {why}. Check the path and its permissions."
        ) from error


def _is_pair(source: Any) -> bool:
    """(images, labels): two things of which the second is a row of numbers and the first is something else."""
    if not isinstance(source, (tuple, list)) or len(source) != 2:
        return False
    return _are_numbers(source[1]) and not _are_numbers(source[0])


def _are_numbers(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return len(values) > 0 and all(isinstance(value, numbers.Number) for value in values)
    dimensions = getattr(values, "ndim", 0)
    return dimensions == 1 or (
        dimensions == 2 and "uint8" not in str(getattr(values, "dtype", ""))
    )  # one-hot rows, (n, 1) columns


def _are_paths(source: Any) -> bool:
    return isinstance(source, (list, tuple)) and len(source) > 0 and all(isinstance(s, (str, Path)) for s in source)


def _is_tar_name(name: str) -> bool:
    """A tar file, also a compressed one, which is answered with a sentence, or several: shard-{000..011}.tar."""
    return re.search(r"\.(tar|tgz|tar\.\w{2,3})$", name.lower()) is not None


def _looks_like_a_split(text: str) -> bool:
    """A name and a split, "hoda:test"; a Windows drive ("C:/images") has a single letter before the colon."""
    name, colon, split = text.partition(":")
    return bool(colon) and len(name) > 1 and not set(split) & set("/\\")


def _holds_items(source: Any) -> bool:
    no_images = (dict, bytes, bytearray, set)
    return not isinstance(source, no_images) and (hasattr(source, "__getitem__") or hasattr(source, "__iter__"))


def is_generator(source: Any) -> bool:
    """Callable, and neither an array, a data set nor a class of them; a network is one, `nn.Sequential` too."""
    kind = source if isinstance(source, type) else type(source)  # as Python looks for x[i]: an object may make it up
    network = kind is not source and hasattr(kind, "register_forward_hook")
    return callable(source) and not hasattr(source, "__array__") and (network or not hasattr(kind, "__getitem__"))


def _is_torch(source: Any, name: str) -> bool:
    torch = sys.modules.get("torch")  # what came cannot be a tensor if torch was never loaded
    return torch is not None and isinstance(source, getattr(torch, name))
