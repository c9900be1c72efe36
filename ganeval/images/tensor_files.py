"""`.pt` and `.pth` files of a tensor of images, as `torch.save` writes them; nothing but tensors is loaded of them."""

from __future__ import annotations

import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganeval.core.extras import require
from ganeval.core.files import require_regular
from ganeval.errors import GanevalError, WrongInputError, printable
from ganeval.images.arrays import from_array
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.numpy_files import MAX_BYTES, require_bounded
from ganeval.images.stamps import Stamps
from ganeval.runs.layout import IMAGE_KEYS, LABEL_KEYS


def from_tensor_file(path: Path) -> ImageSet:
    """A uint8 tensor (n, h, w), NHWC or NCHW; or a dictionary or pair of images and labels, named as in an .npz."""
    where = printable(require_regular(path))
    stamps = Stamps(str(path), [path.name], lambda _: path)
    images, labels = _parts(_loaded(path, where), where)
    opened = replace(from_array(images, source=where), source=str(path), require_unchanged=stamps.require_all)
    return opened if labels is None else opened.with_labels(checked_labels(labels, len(opened), where))


def _loaded(path: Path, where: str) -> Any:
    require("torch", what=f"Opening {where}")
    import torch

    if path.stat().st_size > MAX_BYTES:
        raise WrongInputError(f"{where} must have at most {MAX_BYTES:,} bytes. Store the images as files.")
    try:
        require_no_bomb(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except GanevalError:
        raise
    except Exception as error:  # damaged archives and refused objects make torch raise a dozen kinds
        raise WrongInputError(
            f"{where} cannot be read as tensors alone: it is damaged or holds other Python objects. Store the images: "
            "torch.save(images, path)."
        ) from error


def require_no_bomb(path: Path) -> None:
    """Refuse an archive of tensors that unpacks to many times what is stored."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            require_bounded(path, sum(info.file_size for info in archive.infolist()), path.stat().st_size)


def require_stored(tensor: Any, where: str) -> Any:
    """`tensor`, which must not say one stored number in many places: a small file could fill the memory."""
    stored = tensor.untyped_storage().nbytes() if str(tensor.layout) == "torch.strided" else math.inf
    if tensor.numel() * tensor.element_size() > stored:
        raise WrongInputError(
            f"{where} holds a tensor of shape {tuple(tensor.shape)} that repeats {stored:,} bytes. Store what it "
            "stands for: torch.save(tensor.contiguous(), path)."
        )
    return tensor


def _parts(found: Any, where: str) -> tuple[Any, Any]:
    """Images and labels, None where there are none."""
    if isinstance(found, dict):
        key = next((key for key in IMAGE_KEYS if key in found), None)
        images, labels = found.get(key), next((found[key] for key in LABEL_KEYS if key in found), None)
    elif isinstance(found, (tuple, list)) and len(found) == 2:
        images, labels = found
    else:
        images, labels = found, None
    if not hasattr(images, "detach") or getattr(images, "ndim", 0) not in (3, 4):
        held = (
            ", ".join(printable(str(key), 40) for key in list(found)[:5])
            if isinstance(found, dict)
            else type(found).__name__
        )
        raise WrongInputError(
            f"{where} must hold a tensor of images, uint8 (n, c, h, w); it holds {held}. A network's weights are no "
            "images: draw images from it and store those."
        )
    return require_stored(images, where), labels if not hasattr(labels, "detach") else require_stored(labels, where)
