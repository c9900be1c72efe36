"""Folders as more trainers leave them: what names, sheets, arrays and lines can look like besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studies.folders.kind import SHEETS, Kind, digits, save, sheet, sheets, table, text


def _grey_as_colours(folder: Path) -> None:
    save(folder, [f"seed{i:04d}.png" for i in range(300)], _colours(digits(300)))


def _colours(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, h, w, 3), as torchvision's `save_image` writes grey images."""
    return np.repeat(images[..., None], 3, axis=-1)


def _variants(folder: Path) -> None:
    folder.mkdir(parents=True)
    for n in (0, 1, 2):
        for kind in ("", "-ema", "-mr"):
            Image.fromarray(_colours(sheet(8, 8, 64 * n)[None])[0]).save(folder / f"{n}{kind}.jpg", quality=90)


def _without_border(folder: Path, rows: int, columns: int, names: list[str], pad: int = 0, ground: int = 0) -> None:
    """Tiles side by side, with separators between them or without; no border."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, name in enumerate(names):
        tiles = digits(rows * columns, 64 * n).reshape(rows, columns, 8, 8)
        framed = np.pad(tiles, ((0, 0), (0, 0), (0, pad), (0, pad)), constant_values=ground)
        laid = framed.swapaxes(1, 2).reshape(rows * (8 + pad), columns * (8 + pad))
        Image.fromarray(laid[: len(laid) - pad, : laid.shape[1] - pad]).save(folder / name)


def _demos(folder: Path) -> None:
    _without_border(folder, 8, 8, [f"model_demo_{step:08d}.png" for step in (0, 500, 1000)])
    text(
        folder / "model_metrics.csv",
        "step,time,loss,fid,kid\n0,0,1.0,200,0.2\n500,10,0.5,100,0.1\n1000,20,0.4,50,0.05\n",
    )


def _training_samples(folder: Path) -> None:
    text(folder / "model_index.json", '{"_class_name": "DDPMPipeline"}')
    _without_border(folder / "samples", 4, 4, [f"{epoch:04d}.png" for epoch in (9, 19, 29)])


def _vae(folder: Path) -> None:
    sheets(folder / "results", [f"{kind}_{i}.png" for kind in ("reconstruction", "sample") for i in (1, 2, 3)])


def _folders_of_steps(folder: Path) -> None:
    for epoch in (10, 20, 30):
        save(folder / f"epoch_{epoch:03d}", [f"sample_{i}.png" for i in range(120)], digits(120, epoch))


def _folders_of_sheets(folder: Path) -> None:
    for step in (1000, 2000):
        sheets(folder / f"checkpoint-{step}" / "samples", [f"sample_{i}.png" for i in range(3)])


def _classes(folder: Path) -> None:
    for label in range(10):
        rows = np.flatnonzero(table().labels == label)[:30]
        save(folder / f"class_{label}", [f"{i:04d}.png" for i in range(30)], table().images[rows, 0])


def _seed_and_class(folder: Path) -> None:
    for label in range(10):
        rows = np.flatnonzero(table().labels == label)[:30]
        save(folder, [f"seed_{i}_class_{label}.png" for i in range(30)], table().images[rows, 0])


def _epoch_and_batch(folder: Path) -> None:
    sheets(folder, [f"epoch_{epoch}_batch_{batch}.png" for epoch in (0, 1, 2) for batch in (0, 500)])


def _hashes(folder: Path) -> None:
    rng = np.random.default_rng(0)
    save(folder, [f"{rng.bytes(8).hex()}.png" for _ in range(300)], digits(300))


def _prompted(folder: Path) -> None:
    """By words of each picture's own, among other files."""
    save(
        folder,
        [f"{'abcdefghij'[i % 10]} cat {'abcdefghijklmnopqrstuvwxyzABCD'[i // 10]}.png" for i in range(300)],
        digits(300),
    )
    text(folder / "prompts.txt", "a cat\n")


def _both_ways(folder: Path) -> None:
    for kind, start in (("fake_B", 0), ("real_A", 300), ("real_B", 600)):
        save(folder / "test_latest" / "images", [f"{i}_{kind}.png" for i in range(300)], digits(300, start))


def _bitmaps(folder: Path) -> None:
    save(folder, [f"{i}.bmp" for i in range(300)], digits(300))


def _arrays(write: Callable[[Path], None]) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        folder.mkdir(parents=True)
        write(folder)

    return made


def _channels_first(folder: Path) -> None:
    np.savez(folder / "samples.npz", _colours(digits(300)).transpose(0, 3, 1, 2))


def _named(folder: Path) -> None:
    np.savez(folder / "fake.npz", x=digits(300), y=table().labels[:300])


def _float(folder: Path) -> None:
    np.save(folder / "generated.npy", (digits(300) / 255).astype(np.float32))


def _tensor(folder: Path) -> None:
    import torch

    torch.save(torch.from_numpy(digits(300)[:, None].copy()), folder / "samples.pt")


def _artifacts(folder: Path) -> None:
    run = folder / "mlruns" / "0" / ("0123456789abcdef" * 2)
    text(run / "meta.yaml", "run_name: gan\nstatus: 3\nstart_time: 1700000000000\n")
    text(run / "metrics" / "loss", "1700000000000 1.0 0\n1700000001000 0.5 1\n")
    sheets(run / "artifacts" / "samples", ["epoch_0.png", "epoch_1.png"])


def _losses(folder: Path) -> None:
    text(folder / "losses.csv", "g_loss,d_loss\n2.0,1.0\n1.5,0.9\n1.2,0.8\n")


def _printed(folder: Path) -> None:
    lines = [
        f"[{e}/3][{b}/100]\tLoss_D: {1 / (1 + e):.4f}\tLoss_G: {e + b / 100:.4f}\tD(x): 0.8"
        for e in range(3)
        for b in (0, 50)
    ]
    text(folder / "nohup.out", "\n".join(["Namespace(batchSize=64)", *lines]))


KINDS = (
    Kind("seeds", "StyleGAN2-ADA's generate.py: seed0000.png, grey saved as colours", _grey_as_colours),
    Kind(
        "sheets with variants",
        "stylegan2-pytorch: 0.jpg, 0-ema.jpg, 0-mr.jpg",
        _variants,
        SHEETS,
        "the variants beside those of the averaged weights: the card names them",
    ),
    Kind("demos", "k-diffusion: model_demo_00000500.png without separators, model_metrics.csv", _demos, SHEETS),
    Kind(
        "samples of a pipeline", "diffusers' tutorial: samples/0009.png without separators", _training_samples, SHEETS
    ),
    Kind(
        "samples and reconstructions",
        "PyTorch's VAE example: results/sample_1.png, reconstruction_1.png",
        _vae,
        SHEETS,
        "reconstructions, which are no samples: the card names them",
    ),
    Kind("folders of epochs", "class exercises: epoch_010/sample_3.png", _folders_of_steps),
    Kind("folders of checkpoints", "many: checkpoint-1000/samples/ with sheets", _folders_of_sheets, SHEETS),
    Kind("folders of numbered classes", "conditional models: class_3/0017.png", _classes),
    Kind("seed and class", "conditional models: seed_17_class_3.png", _seed_and_class),
    Kind("epoch and batch", "class exercises: epoch_1_batch_500.png, each a sheet", _epoch_and_batch, SHEETS),
    Kind("names without order", "services: 42036d0e6c842994.png", _hashes),
    Kind("names of words", "prompted models: a cat a.png, prompts.txt", _prompted),
    Kind(
        "both ways",
        "CycleGAN's test: 0_fake_B.png, 0_real_A.png, 0_real_B.png",
        _both_ways,
        (),
        "real images, which are named as such",
    ),
    Kind("bitmaps", "medical tools: 0.bmp", _bitmaps),
    Kind(
        "a sheet of 5 x 20",
        "class exercises: one row a class, no separators",
        lambda folder: _without_border(folder, 5, 20, ["generated.png"]),
        SHEETS,
    ),
    Kind(
        "thin separators",
        "numpy's hands: lines of one pixel between images, no border",
        lambda folder: _without_border(folder, 5, 20, [f"epoch_{i}.png" for i in range(3)], 1, 255),
        SHEETS,
    ),
    Kind("channels first", "PyTorch: samples.npz of uint8 (n, 3, h, w)", _arrays(_channels_first)),
    Kind("named arrays", "Keras: fake.npz with x and y", _arrays(_named)),
    Kind(
        "float array",
        "numpy: generated.npy of float32 in [0, 1]",
        _arrays(_float),
        (),
        "float32 is refused, with the line that makes uint8 of it",
    ),
    Kind("a tensor", "PyTorch: samples.pt of uint8 (n, 1, h, w)", _arrays(_tensor)),
    Kind("artifacts", "MLflow: artifacts/samples/epoch_1.png", _artifacts, SHEETS),
    Kind(
        "losses alone", "class exercises: losses.csv without a column that counts", _losses, (), "no images were kept"
    ),
    Kind("printed lines", "PyTorch's DCGAN example: nohup.out", _printed, (), "no images were kept"),
)
