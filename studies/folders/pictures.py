"""Folders of pictures: single images, images by class or by step, contact sheets, and what lies beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from studies.folders.kind import SHEETS, Kind, digits, save, sheet, sheets, table, text


def _single(folder: Path) -> None:
    save(folder, [f"gen_{i}.png" for i in range(300)], digits(300))


def _class_and_index(folder: Path) -> None:
    labels = table().labels
    for label in range(10):
        rows = np.flatnonzero(labels == label)[:30]
        save(folder, [f"{label}_{i}.png" for i in range(30)], table().images[rows, 0])


def _folders_of_classes(folder: Path) -> None:
    labels = table().labels
    for label in range(10):
        rows = np.flatnonzero(labels == label)[:30]
        save(folder / str(label), [f"{i:04d}.png" for i in range(30)], table().images[rows, 0])


def _step_and_index(folder: Path) -> None:
    for epoch in (10, 20):
        save(folder, [f"epoch_{epoch:03d}_{i}.png" for i in range(150)], digits(150, epoch))


def _seeds(folder: Path) -> None:
    for block in (0, 1000):
        names = [f"{i:06d}.png" for i in range(block, block + 150)]
        save(folder / f"{block:06d}", names, digits(150, block))


def _beside(folder: Path) -> None:
    save(folder / "generated", [f"{i}.png" for i in range(300)], digits(300))
    save(folder / "real_images", [f"{i}.png" for i in range(300)], digits(300, 600))


def _course(folder: Path) -> None:
    save(folder / "samples", [f"sample_{i}.png" for i in range(300)], digits(300))
    save(folder / "data" / "train", [f"{i}.png" for i in range(60)], digits(60))
    for name in (
        "screenshots/1.png",
        "screenshots/2.png",
        "figures/1.png",
        "figures/2.png",
        "loss_1.png",
        "loss_2.png",
    ):
        save(folder, [name], np.full((1, 90, 120), 255, np.uint8))
    text(folder / "notebook.ipynb", "{}")


def _pytorch_gan(folder: Path) -> None:
    sheets(folder / "images", [f"{n}.png" for n in (0, 400, 800)])


def _dcgan(folder: Path) -> None:
    sheets(folder, ["real_samples.png", *(f"fake_samples_epoch_{n:03d}.png" for n in range(3))])
    (folder / "netG_epoch_2.pth").write_bytes(b"never opened")


def _milestones(folder: Path) -> None:
    sheets(folder / "results", [f"sample-{n}.png" for n in (1, 2, 10)])
    (folder / "results" / "model-10.pt").write_bytes(b"never opened")


def _one_sheet(folder: Path) -> None:
    sheets(folder, ["generated.png"])


def _figures(folder: Path) -> None:
    """matplotlib's figures: white margins and a title round a grid of images, one an epoch."""
    folder.mkdir(parents=True)
    for epoch in range(1, 4):
        page = np.full((200, 200), 255, np.uint8)
        page[40:122, 40:122] = sheet(8, 8)
        Image.fromarray(page).save(folder / f"image_at_epoch_{epoch:04d}.png")


def _animation(folder: Path) -> None:
    """Of sheets, one an epoch."""
    folder.mkdir(parents=True)
    first, *rest = (Image.fromarray(sheet(8, 8, 64 * n)) for n in range(3))
    first.save(folder / "training.gif", save_all=True, append_images=rest, duration=200)


def _translation(folder: Path) -> None:
    images = folder / "web" / "images"
    for epoch in (1, 2, 3):
        for kind in ("real_A", "fake_B", "real_B"):
            save(images, [f"epoch{epoch:03d}_{kind}.png"], digits(1, epoch).repeat(8, 1).repeat(8, 2))
    text(
        folder / "loss_log.txt",
        "=== Training Loss ===\n(epoch: 1, iters: 100, time: 0.1, data: 0.2) G_GAN: 0.9 "
        "D_real: 0.5\n(epoch: 2, iters: 100, time: 0.1, data: 0.2) G_GAN: 0.8 D_real: 0.6\n",
    )


KINDS = (
    Kind("single images", "class exercises: gen_0.png ... gen_299.png", _single),
    Kind("class and index", "conditional GANs: 3_0017.png", _class_and_index),
    Kind("folders of classes", "torchvision's ImageFolder: 3/0017.png", _folders_of_classes),
    Kind("step and index", "class exercises: epoch_010_17.png", _step_and_index),
    Kind("folders of seeds", "EDM's generate.py --subdirs: 000000/000017.png", _seeds),
    Kind("real images beside", "class exercises: generated/ and real_images/", _beside),
    Kind("everything at once", "class exercises: samples/, data/, screenshots/, figures/, a notebook", _course),
    Kind("sheets by batches", "PyTorch-GAN: images/400.png", _pytorch_gan, SHEETS),
    Kind("sheets by epochs", "PyTorch's DCGAN example: fake_samples_epoch_002.png, real_samples.png", _dcgan, SHEETS),
    Kind("sheets by milestones", "denoising-diffusion-pytorch: results/sample-10.png", _milestones, SHEETS),
    Kind("one sheet", "what is kept of most trainings: generated.png, 64 images", _one_sheet, SHEETS),
    Kind(
        "figures by epochs",
        "TensorFlow's DCGAN tutorial: image_at_epoch_0003.png",
        _figures,
        (),
        "no separators go from edge to edge of a figure with margins: save the images without axes (plt.imsave)",
    ),
    Kind("an animation", "notebooks: training.gif, a sheet each epoch", _animation, SHEETS),
    Kind(
        "image to image",
        "pix2pix, CycleGAN: web/images/epoch003_fake_B.png, loss_log.txt",
        _translation,
        (),
        "one picture a step; real_A and real_B are no generated images",
    ),
)
