"""Folders of arrays: images in npz, npy and archives, whole or as the pointers that Git LFS leaves."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from studies.folders.kind import Kind, digits, save, table, text


def _adm(folder: Path) -> None:
    folder.mkdir()
    np.savez(folder / "samples_300x8x8x1.npz", digits(300)[..., None], table().labels[:300])
    text(folder / "progress.csv", "grad_norm,loss,samples,step\n1.0,0.5,128,10\n0.9,0.4,256,20\n")


def _dit(folder: Path) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    stamp = "[\x1b[34m2024-01-01 00:01:00\x1b[0m]"
    text(
        folder / "log.txt",
        f"{stamp} (step=0000100) Train Loss: 0.1533, Train Steps/Sec: 1.20\n"
        f"{stamp} (step=0000200) Train Loss: 0.1400, Train Steps/Sec: 1.21\n",
    )


def _float(folder: Path) -> None:
    folder.mkdir()
    np.savez(folder / "samples_300x8x8x1.npz", (digits(300)[..., None] / 127.5 - 1).astype(np.float32))


def _npy(folder: Path) -> None:
    folder.mkdir()
    np.save(folder / "samples.npy", digits(300))


def _zip(folder: Path) -> None:
    save(folder / "unpacked", [f"{i}.png" for i in range(300)], digits(300))
    with zipfile.ZipFile(folder / "samples.zip", "w") as archive:
        for path in sorted((folder / "unpacked").iterdir()):
            archive.write(path, path.name)
            path.unlink()
    (folder / "unpacked").rmdir()


def _pointer(folder: Path) -> None:
    text(
        folder / "samples_50000x8x8x1.npz",
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9600000\n",
    )


KINDS = (
    Kind("samples as npz", "guided-diffusion: samples_300x8x8x1.npz, progress.csv", _adm),
    Kind("a log and checkpoints", "DiT: log.txt, checkpoints/", _dit, (), "no images were kept"),
    Kind(
        "samples as float npz",
        "guided-diffusion's kin: float32 in [-1, 1]",
        _float,
        (),
        "float32 is refused, with the line that makes uint8 of it",
    ),
    Kind("samples as npy", "class exercises: samples.npy", _npy),
    Kind("samples as zip", "StyleGAN's dataset_tool: samples.zip", _zip),
    Kind(
        "pointers of Git LFS",
        "cloned repositories: samples_50000x8x8x1.npz of 130 bytes",
        _pointer,
        (),
        "the images are not there: the card says to run git lfs pull",
    ),
)
