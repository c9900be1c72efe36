"""Some images of a sample set, to be looked at: spread over all of it, without a network and without measuring.

What a set is was found by a reader of runs. Of a packed array that is large only the first images are read. Files that
need another library are shown by the images that an evaluation has kept.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import open_regular, require_regular
from ganeval.report.pictures import BrokenPictureError, load_bytes, load_picture, sheet_in, shrink, tiles_of
from ganeval.runs.layout import IMAGE_KEYS, LABEL_KEYS
from ganeval.runs.parsing import IMAGES, array_header, pictures_below
from ganeval.runs.record import SampleSet

TILES = 64
SIDE = 128  # pixels of a tile; larger ones are shrunk
MOST_CLASSES = 20  # that are shown as rows
A_ROW = 8  # images of a class
MAX_MEMBER = 16 * 2**20  # bytes of one image in an archive
MAX_MEMBERS = 20_000  # of a tar that are looked at
MAX_ARRAY = 64 * 2**20  # bytes of a packed array beyond which only its beginning is unpacked
Tiles = NDArray[np.uint8]
Size = tuple[int, int]


@dataclass(frozen=True)
class Glimpse:
    """`tiles` (n, h, w) or (n, h, w, 3), uint8, of the `of` images of a set; `labels` one a tile, empty if unknown."""

    tiles: Tiles
    of: int
    labels: tuple[int, ...] = ()


def glimpse_of(samples: SampleSet, *, classes: int = 0, tile: Size | None = None) -> Glimpse:
    """A look at a set. classes: how many its images are known to have; tile: (height, width) of a sheet's images.

    Raises `BrokenPictureError` with a sentence where not one image can be shown.
    """
    path = Path(samples.path)
    try:
        if samples.sheet is not None:
            return _of_sheets(list(samples.files) or [path], samples.sheet, tile)
        if samples.files or path.is_dir():
            return _of_files(list(samples.files) or pictures_below(path), samples.labels, classes)
        look = {".npz": _of_npz, ".npy": _of_npy, ".zip": _of_zip, ".tar": _of_tar}.get(path.suffix.lower())
        if look is not None:
            return look(path)
    except BrokenPictureError:
        raise
    except Exception as error:  # damaged archives make zipfile, tarfile, zlib and numpy raise a dozen kinds
        raise BrokenPictureError(f"{path.name} cannot be looked into ({error}).") from error
    raise BrokenPictureError(f"The images in {path.name} are shown once they are measured.")


def _of_sheets(paths: Sequence[Path], layout: tuple[int, int], tile: Size | None) -> Glimpse:
    cut = []
    for path in paths:
        pixels = load_picture(path)
        sheet = None if all(layout) else sheet_in(pixels, path, tile)
        if not all(layout) and sheet is None:
            raise BrokenPictureError(f"{path.name} has no separators between its images.")
        cut.extend(sheet.tiles(pixels) if sheet is not None else tiles_of(pixels, *layout))
    return Glimpse(_alike([cut[i] for i in spread(len(cut))]), len(cut))


def _of_files(paths: Sequence[Path], labels: Sequence[int], classes: int) -> Glimpse:
    """A damaged file is passed over; where all are damaged, the first one is named."""
    chosen = _chosen(labels if len({*labels}) == classes else (), len(paths))
    found, broken = {}, []
    for i in chosen:
        try:
            found[i] = shrink(load_picture(paths[i]), SIDE)
        except BrokenPictureError as error:
            broken.append(error)
    if not found:
        raise broken[0] if broken else BrokenPictureError("The folder of samples holds no pictures.")
    own = tuple(labels[i] for i in found) if chosen != spread(len(paths)) and len(found) == len(chosen) else ()
    tiles = _alike(list(found.values()))
    return Glimpse(tiles, len(paths), own if len(own) == len(tiles) else ())


def _of_npy(path: Path) -> Glimpse:
    images = np.load(require_regular(path), mmap_mode="r", allow_pickle=False)
    return Glimpse(_laid(images[spread(len(images))]), len(images))


def _of_npz(path: Path) -> Glimpse:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        names = {info.filename.removesuffix(".npy"): info for info in archive.infolist()[:100]}
        key = next(key for key in IMAGE_KEYS if key in names)
        with archive.open(names[key]) as member:
            shape, dtype, by_columns = array_header(member)
            if by_columns or dtype != np.uint8:
                raise BrokenPictureError(f"The images in {path.name} are not uint8, row by row.")
            size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
            n = shape[0] if shape[0] * size <= MAX_ARRAY else min(shape[0], TILES)
            images = np.frombuffer(member.read(n * size), dtype)[: n * size].reshape(n, *shape[1:])
        said = next((key for key in LABEL_KEYS if key in names and n == shape[0]), None)
        labels = _labels(archive, names[said], n) if said else ()
    chosen = _chosen(labels, n)
    own = tuple(labels[i] for i in chosen) if len({*labels}) > 1 and chosen != spread(n) else ()
    return Glimpse(_laid(images[chosen]), shape[0], own)


def _labels(archive: zipfile.ZipFile, info: zipfile.ZipInfo, n: int) -> tuple[int, ...]:
    if info.file_size > 16 * n + MAX_MEMBER // 16:
        return ()
    with archive.open(info) as member:
        found = np.lib.format.read_array(member, allow_pickle=False)
    return tuple(found.tolist()) if found.shape == (n,) and found.dtype.kind in "iu" else ()


def _laid(images: Tiles) -> Tiles:
    """(n, h, w), NHWC or NCHW -> (n, h, w) or (n, h, w, 3), at most `SIDE` high and wide."""
    found = np.ascontiguousarray(images)
    if found.ndim == 4 and found.shape[-1] not in (1, 3):
        found = np.ascontiguousarray(found.transpose(0, 2, 3, 1))
    found = found[..., 0] if found.ndim == 4 and found.shape[-1] == 1 else found
    return np.stack([shrink(image, SIDE) for image in found])


def _of_zip(path: Path) -> Glimpse:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        infos = [info for info in archive.infolist() if info.filename.lower().endswith(IMAGES)]
        contents = []
        for i in spread(len(infos)):
            with archive.open(infos[i]) as member:
                contents.append((infos[i].filename, member.read(MAX_MEMBER + 1)))
    return Glimpse(_alike([shrink(load_bytes(content, name), SIDE) for name, content in contents]), len(infos))


def _of_tar(path: Path) -> Glimpse:
    """By where its members lie: they are stored as they are."""
    with open_regular(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        members = islice(archive, MAX_MEMBERS)
        spans = [(m.offset_data, m.size) for m in members if m.isreg() and m.name.lower().endswith(IMAGES)]
    return Glimpse(_alike([shrink(load_picture(path, spans[i]), SIDE) for i in spread(len(spans))]), len(spans))


def _alike(images: Sequence[Tiles]) -> Tiles:
    """Those of the most common size as one array, in colours where one of them is."""
    if not images:
        raise BrokenPictureError("It holds no images.")
    size = Counter(image.shape[:2] for image in images).most_common(1)[0][0]
    own = [image for image in images if image.shape[:2] == size]
    colours = any(image.ndim == 3 for image in own)
    return np.stack([np.repeat(i[..., None], 3, axis=-1) if colours and i.ndim == 2 else i for i in own])


def _chosen(labels: Sequence[int], n: int) -> list[int]:
    """As many of each class as fit where there are labels of a few classes; else evenly spread."""
    where: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        where.setdefault(label, []).append(index)
    if not 1 < len(where) <= MOST_CLASSES or len(labels) != n:
        return spread(n)
    row = min(A_ROW, *map(len, where.values()))
    return [index for label in sorted(where) for index in where[label][:row]]


def spread(n: int, most: int = TILES) -> list[int]:
    """At most `most` places of n, from the first to the last.

    >>> spread(3), spread(10, 4)
    ([0, 1, 2], [0, 3, 6, 9])
    """
    return list(range(n)) if n <= most else [round(i * (n - 1) / (most - 1)) for i in range(most)]
