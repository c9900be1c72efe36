"""guided-diffusion (ADM) and DiT: samples_50000x64x64x3.npz (`arr_0`, labels `arr_1`) or .npy, progress.csv or .json,
log.txt."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganeval.core.files import open_regular
from ganeval.runs.layout import IMAGE_KEYS, LATENTS, MAX_LATENTS
from ganeval.runs.parsing import array_header, lfs_pointer, lines_of, loads, names_in, real, rows_of
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.reals import is_data
from ganeval.runs.record import RunRecord, SampleSet

Shape = tuple[int, int, int, int]

ARRAYS = (".npz", ".npy")
LEAST_SIDE = 4  # pixels
MAX_ENTRY = 4 * MAX_LATENTS + 256  # bytes: a character has four, a header at least 128
PROGRESS = ("progress.csv", "progress.json")
_SAMPLES = re.compile(r"samples_\d+(?:x\d+)+\.npz")
_LINE = re.compile(r"\(step=(\d{1,15})\)\s*(.+)")  # DiT: (step=0000100) Train Loss: 0.1533, Train Steps/Sec: 1.20
_WORD = re.compile(r"step|model|ema|iter|itr", re.IGNORECASE)
_SHAPE = re.compile(r"\d+(?:x\d+)+")
_NUMBERS = re.compile(r"(?<![.\d])\d{2,9}(?![.\d]*\d)")


def probe(folder: Path) -> int:
    """A progress file of their logger or a log of DiT's; else a sample file alone."""
    names = names_in(folder)
    if any(name in PROGRESS for name in names):
        return 65
    if "log.txt" in names and "checkpoints" in names and any(_LINE.search(line) for line in _head(folder / "log.txt")):
        return 65
    return 30 if _samples(folder, names) or _damaged(folder, names) else 0


def read(folder: Path) -> list[RunRecord]:
    points: dict[str, Points] = {}
    for name, parse in (("progress.csv", _csv), ("progress.json", _json), ("log.txt", _log)):
        if (folder / name).is_file() and not points:
            parse(folder / name, points)
    names = names_in(folder)
    samples = [SampleSet(_step(path.name), path) for path in _samples(folder, names)]
    damaged = [lfs_pointer(folder / name) or _why_no_images(folder / name) for name in _damaged(folder, names)]
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="npz",
            name=folder.name,
            curves=curves_of(points),
            problems=tuple(damaged) if points or samples else (),
            error="; ".join(damaged) if not points and not samples else "",
            samples=tuple(sorted(samples, key=lambda found: (found.step, found.path.name))),
        )
    ]


def _head(path: Path) -> list[str]:
    return [line for line, _ in zip(lines_of(path), range(200), strict=False)]


def _samples(folder: Path, names: list[str]) -> list[Path]:
    return [
        folder / name
        for name in names[:2000]
        if name.endswith(ARRAYS) and not is_data(Path(name).stem) and image_shape(folder / name) is not None
    ]


def _damaged(folder: Path, names: list[str]) -> list[str]:
    """Files that are named as samples, or hold what only images look like, and cannot be read as such."""
    arrays = [name for name in names[:2000] if name.endswith(ARRAYS) and not is_data(Path(name).stem)]
    return [name for name in arrays if image_shape(folder / name) is None and _should_be_images(folder / name)]


def _should_be_images(path: Path) -> bool:
    shape, _ = _header(path) or ((), None)
    return bool(_SAMPLES.fullmatch(path.name)) or _images_of(shape) is not None


def image_shape(path: Path) -> Shape | None:
    """(n, h, w, c) of the images in an .npy or .npz, from its header, not its pixels; None where they are not of
    uint8.
    """
    shape, dtype = _header(path) or ((), None)
    return _images_of(shape) if dtype == np.uint8 else None


def _images_of(shape: tuple[int, ...]) -> Shape | None:
    """(n, h, w, c) of an array of images that is (n, h, w), NHWC or NCHW."""
    if len(shape) == 3 and min(shape[1:]) >= LEAST_SIDE:
        return shape[0], shape[1], shape[2], 1
    if len(shape) != 4:
        return None
    n, *sides = shape
    h, w, c = sides if sides[-1] in (1, 3) else (*sides[1:], sides[0])
    return (n, h, w, c) if c in (1, 3) and min(h, w) >= LEAST_SIDE else None


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype] | None:
    """Shape and type of an .npy, or of the images of an .npz; None where there are none to be read."""
    try:
        with open_regular(path) as file:
            if path.suffix == ".npy":
                return array_header(file)[:2]
            with zipfile.ZipFile(file) as archive:
                held = {info.filename.removesuffix(".npy") for info in archive.infolist()[:100]}
                with archive.open(f"{next(key for key in IMAGE_KEYS if key in held)}.npy") as member:
                    return array_header(member)[:2]
    except Exception:  # noqa: BLE001 - damaged archives make zipfile, zlib and numpy raise a dozen kinds
        return None


def _why_no_images(path: Path) -> str:
    found = _header(path)
    if found is None:
        return f"{path.name} holds no images that can be read: write it again"
    shape, dtype = found
    remedy = (
        "Save (x * 127.5 + 128).clip(0, 255).astype(np.uint8) where x lies in [-1, 1], (x * 255 + "
        "0.5).astype(np.uint8) where it lies in [0, 1]"
        if dtype.kind == "f"
        else "Save them as (n, h, w, c)"
    )
    return f"{path.name} holds {dtype} of shape {shape}, expected are images of uint8 (n, h, w, 1 or 3). {remedy}"


def latents_of(path: Path) -> str:
    """The name of the latents that a sample file's images were drawn of; "" where it does not say,
    or not in one string.

    Only a header of one short string is read, so that no file can make this slow.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if archive.getinfo(f"{LATENTS}.npy").file_size > MAX_ENTRY:
                return ""
            with archive.open(f"{LATENTS}.npy") as member:
                found = np.lib.format.read_array(member, allow_pickle=False)
    except Exception:  # noqa: BLE001 - as in `image_shape`
        return ""
    return str(found)[:MAX_LATENTS] if found.shape == () and found.dtype.kind == "U" else ""


def _step(name: str) -> int:
    """The step in a sample file's name, 0 where there is none: the numbers in 50000x64x64x3 are a shape.

    >>> _step("samples_50000x64x64x3.npz"), _step("ema_0.9999_250000.npz")
    (0, 250000)
    """
    numbers = _NUMBERS.findall(_SHAPE.sub("", name))
    return int(numbers[-1]) if numbers and _WORD.search(name) else 0


def _csv(path: Path, points: dict[str, Points]) -> None:
    for row in rows_of(path):
        _row(row, points)


def _json(path: Path, points: dict[str, Points]) -> None:
    for line in lines_of(path):
        _row(loads(line), points)


def _row(row: Mapping[str, object], points: dict[str, Points]) -> None:
    step = real(row.get("step"))
    for key, text in row.items():
        value = real(text)
        if step is not None and value is not None and key not in ("step", "samples"):
            points.setdefault(key, Points()).add(step, value)


def _log(path: Path, points: dict[str, Points]) -> None:
    for line in lines_of(path):
        match = _LINE.search(line)
        for part in match[2].split(",") if match else ():
            key, _, text = part.partition(":")
            value = real(text)
            if match and value is not None:
                points.setdefault(key.strip(), Points()).add(int(match[1]), value)


READER = Reader("npz", probe, read)
