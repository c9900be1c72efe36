"""Arrays, files and archives with one fault each: what the cases of `studies.bad_inputs` open."""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganeval import Statistics, extract, fid
from ganeval.extractors.pixels import Pixels
from ganeval.images import image_set

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
UNIT = np.linspace(0, 1, 6 * 8 * 8, dtype=np.float32).reshape(6, 8, 8)
LABELS = np.arange(6) % 3
HALF: Any = 2.5


MU, SIGMA = np.zeros(64), np.eye(64)
LOPSIDED, INDEFINITE = SIGMA + np.tri(64), SIGMA - 1.5 * np.diag(MU + 1.0) * (np.arange(64) > 60)


def png(image: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def published(**arrays: np.ndarray) -> Path:
    return saved(np.savez, "ref.npz", **arrays)


def against(*, extractor: str | None = "pixels", convention: str | None = None, **arrays: np.ndarray) -> Any:
    return fid(published(**arrays), GREY, extractor=extractor, convention=convention)


def ours() -> Any:
    network = replace(Pixels(), name="another-network")
    return fid(Statistics.of(extract(image_set(GREY), "pixels")), GREY, extractor=network)


def folder(name: str = "samples", **files: bytes) -> Path:
    """A folder of six good images and the given files; `a__png` stands for a.png, `a___b__png` for a/b.png."""
    return _folder(name, {f"{i}.png": png(image) for i, image in enumerate(GREY)} | _names(files))


def only(**files: bytes) -> Path:
    return _folder("samples", _names(files))


def _names(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name.replace("___", "/").replace("__", "."): data for name, data in files.items()}


def _folder(name: str, files: dict[str, bytes]) -> Path:
    Path(name).mkdir()
    for file, data in files.items():
        path = Path(name, file)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return Path(name)


def archive(members: dict[str, bytes], name: str = "samples.zip") -> Path:
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as file:
        for member, data in members.items():
            file.writestr(member, data)
    return Path(name)


def labelled(labels: object) -> Path:
    listing = json.dumps({"labels": labels}).encode()
    return archive({"0.png": png(GREY[0]), "1.png": png(GREY[1]), "dataset.json": listing})


def damaged_member() -> Path:
    data = archive({"0.png": png(GREY[0]), "1.png": png(GREY[1])}).read_bytes()
    at = data.index(b"0.png") + 30  # inside the packed bytes, which follow the first name
    Path("samples.zip").write_bytes(data[:at] + bytes(8) + data[at + 8 :])
    return Path("samples.zip")


def saved(save: Callable[..., object], name: str, *arrays: np.ndarray, **named: np.ndarray) -> Path:
    save(name, *arrays, **named)
    return Path(name)


def written(name: str, data: bytes) -> Path:
    Path(name).write_bytes(data)
    return Path(name)


def drawing(images: Any) -> Callable[..., Any]:
    """A generator that draws these, whatever it is asked for."""

    def draw(_n: int, _labels: object, _rng: torch.Generator) -> Any:
        return images

    return draw


def with_nan() -> np.ndarray:
    images = UNIT.copy()
    images[2, 0, 5] = np.nan
    return images


def palette_with_a_hole() -> bytes:
    image = Image.fromarray(COLOUR[0]).convert("P")
    return png(image, transparency=int(np.asarray(image)[0, 0]))


def animation() -> bytes:
    frames = [Image.fromarray(image) for image in GREY[:3]]
    return png(frames[0], "GIF", save_all=True, append_images=frames[1:])


def deep_png(colour: int, channels: int) -> bytes:
    """A PNG of 16 bits a channel; colour is its type: 2 for RGB, 4 for grey with alpha."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + RNG.bytes(8 * channels * 2) for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def beside(make: Callable[[Path], object]) -> Path:
    """A folder of good images in which something else is called x.png."""
    make(folder() / "x.png")
    return Path("samples")


def pipe(name: str) -> Path:
    os.mkfifo(name)
    return Path(name)


def dangling(name: str) -> Path:
    Path(name).symlink_to("gone")
    return Path(name)


def web_of_links() -> Path:
    """Fifteen folders, each with eight links to the next: 8 ** 15 ways to one image."""
    for level in range(15):
        Path(f"d{level}").mkdir()
        for link in range(8):
            Path(f"d{level}", f"to{link}").symlink_to(f"../d{level + 1}")
    Path("d15").mkdir()
    Path("d15", "0.png").write_bytes(png(GREY[0]))
    return Path("d0")


def holes() -> Path:
    """An npy file of 196 GiB that takes no room on the disk."""
    shape = (196 * 2**20, 32, 32)
    with Path("fake.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 196 * 2**30)
    return Path("fake.npy")


def twice() -> Path:
    saved(np.savez, "fake.npz", GREY)
    with warnings.catch_warnings(), zipfile.ZipFile("fake.npz", "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("arr_0.npy", file.read("arr_0.npy"))
    return Path("fake.npz")


def transparent() -> bytes:
    alpha = np.full((8, 8, 1), 128, dtype=np.uint8)
    return png(np.concatenate([COLOUR[0], alpha], axis=2))


def large_png() -> bytes:
    return png(Image.new("1", (9000, 9000)))


def splits() -> Path:
    for split in ("train", "test"):
        Path("samples", split, "cat").mkdir(parents=True)
        Path("samples", split, "cat", "0.png").write_bytes(png(GREY[0]))
    return Path("samples")


def npz_bomb() -> Path:
    return saved(np.savez_compressed, "bomb.npz", np.zeros((30, 1000, 1000), dtype=np.uint8))
