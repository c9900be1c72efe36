"""Folders and names that number the pieces of a set are no classes, unless somebody says that they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganeval
from ganeval.errors import UndefinedError, UnknownNameError, WrongInputError
from ganeval.images import Classes, ImageSet, image_set

RNG = np.random.default_rng(2)


def write(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (4, 5), dtype=np.uint8)).save(root / name)
    return root


def zipped(root: Path) -> Path:
    with zipfile.ZipFile(root.with_suffix(".zip"), "w") as archive:
        for path in sorted(root.rglob("*.png")):
            archive.write(path, path.relative_to(root))
    return root.with_suffix(".zip")


def anew(folders: list[str], size: int = 3) -> list[str]:
    return [f"{folder}/{i}.png" for folder in folders for i in range(size)]


def on_and_on(folders: list[str], size: int = 3) -> list[str]:
    return [f"{folder}/img{k * size + i:08d}.png" for k, folder in enumerate(folders) for i in range(size)]


PIECES = {
    "of EDM": on_and_on(["000000", "001000", "002000"]),
    "of EDM, the last half full": on_and_on(["000000", "001000", "002000"])[:-2],
    "of StyleGAN": on_and_on(["00000", "00001"]),
    "padded, counted anew": anew(["000000", "001000", "002000"]),
    "padded and small": anew(["00", "01", "02"]),
    "padded, with one image less in the middle": on_and_on(["000", "001", "002"])[:4]
    + on_and_on(["000", "001", "002"])[5:],
    "plain, counted on": on_and_on(["0", "1", "2"]),
    "named by their first image": anew(["0", "3", "6"]),
    "ranges": on_and_on(["0-2", "3-5", "6-8"]),
    "ranks": anew(["rank0", "rank1"]),
    "shards of a known number": anew(["00000-of-00002", "00001-of-00002"]),
    "ranks of a known number": anew(["rank_0_of_2", "rank_1_of_2"]),
    "processors of computers": anew(["node0_gpu0", "node0_gpu1", "node1_gpu0"]),
    "Spark's": anew(["part-00000-of-00002", "part-00001-of-00002"]),
    "checkpoints": anew(["epoch=3", "epoch=4"]),
    "what was generated when": anew(["2024-01-05", "2024-01-06"]),
    "batches with a size": anew(["samples_batch_0_n64", "samples_batch_1_n64"]),
    "copies of a folder": anew(["samples", "samples (1)"]),
    "splits": anew(["train", "val", "test"]),
    "sides": anew(["trainA", "trainB"]),
    "real and generated": anew(["fake", "real"]),
    "a letter and a number, counted on": on_and_on(["b0", "b1", "b2"]),
    "ranges of as many": anew(["img 0-2", "img 3-5"]),
    "checksums": anew(["3f2a9c1e", "91bb0d77"]),
    "first letters of checksums": ["00/00aa11bb22.png", "3c/3c0d1e2f3a.png", "3c/3cffee0011.png"],
    "seeds, unevenly filled": [*anew(["seed_1"], 2), *anew(["seed_2"], 5)],
}

CLASSES = {
    "digits, evenly filled": (anew([str(k) for k in range(10)]), 10),
    "digits in another script": (anew(["۰", "۱", "۲"]), 3),
    "padded, but filled as it happens": ([*anew(["00000"], 4), *anew(["00001"], 2), *anew(["00002"], 5)], 3),
    "words": (anew(["cat", "dog"]), 2),
    "words that say it": (on_and_on(["class_0", "class_1"]), 2),
    "numbers of WordNet": ([f"n0{k}/n0{k}_{i}.png" for k in (1440764, 1443537) for i in (3, 90)], 2),
    "letters as hexadecimal numbers": (anew(["30", "4a", "5b"]), 3),
    "ages": (anew(["0-9", "10-19"]), 2),
    "a letter and a number": (anew(["b0", "b1"]), 2),
    "years": (anew(["2010", "2012"]), 2),
    "digits of a test set, counted through it": (["0/3.png", "0/10.png", "1/2.png", "1/5.png"], 2),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", PIECES)
def test_pieces_are_no_classes(kind: str, packed: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of pytest
    root = write(tmp_path / "set", PIECES[kind])
    images = image_set(zipped(root) if packed else root)
    assert (images.labels, images.class_names) == (None, ())
    assert "classes='folders'" in images.unlabelled


@pytest.mark.parametrize("kind", CLASSES)
def test_classes_stay_classes(kind: str, tmp_path: Path) -> None:
    names, classes = CLASSES[kind]
    images = image_set(write(tmp_path / "set", names))
    assert images.labels is not None
    assert len(np.unique(images.labels)) == classes


BATCHES = {
    "counted anew": [f"{b}_{i}.png" for b in range(3) for i in range(4)],
    "counted from one": [f"{b}_{i}.png" for b in range(3) for i in range(1, 5)],
    "the last one half full": [f"{b}_{i}.png" for b in range(3) for i in range(4)][:-2],
    "counted on": [f"{b}_{4 * b + i}.png" for b in range(3) for i in range(4)],
    "a single one": [f"0_{i}.png" for i in range(4)],
    "the number of the image, before its class": ["00000_7.png", "00001_2.png", "00002_7.png", "00003_0.png"],
}


@pytest.mark.parametrize("kind", BATCHES)
def test_the_number_of_a_batch_is_no_class(kind: str, tmp_path: Path) -> None:
    images = image_set(write(tmp_path / "set", BATCHES[kind]))
    assert images.labels is None
    assert "classes='names'" in images.unlabelled


def test_classes_that_stand_in_the_names_of_drawn_images_stay_classes(tmp_path: Path) -> None:
    images = image_set(write(tmp_path / "set", ["3_0.png", "7_1.png", "3_2.png", "0_3.png", "7_4.png", "0_5.png"]))
    assert labels_by_name(images, tmp_path / "set") == {"3_0": 3, "7_1": 7, "3_2": 3, "0_3": 0, "7_4": 7, "0_5": 0}


def labels_by_name(images: ImageSet, root: Path) -> dict[str, int]:
    assert images.labels is not None
    return dict(zip(sorted(p.stem for p in root.glob("*.png")), images.labels.tolist(), strict=True))


def test_who_asks_for_folders_or_names_gets_them(tmp_path: Path) -> None:
    folders = image_set(write(tmp_path / "f", PIECES["of StyleGAN"]), classes="folders")
    names = image_set(write(tmp_path / "n", BATCHES["counted anew"]), classes="names")
    assert folders.labels is not None
    assert names.labels is not None
    assert folders.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert names.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("source", ["folder", "digits:test", "array", "npz"])
def test_who_asks_for_no_classes_gets_none(source: str, tmp_path: Path) -> None:
    array = RNG.integers(0, 256, (4, 5, 6), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", array, np.arange(4))
    root = write(tmp_path / "f", CLASSES["words"][0])
    given = {"folder": root, "array": array, "npz": tmp_path / "a.npz"}.get(source, source)
    assert image_set(given, classes="none").labels is None


@pytest.mark.parametrize(
    ("source", "classes", "says"),
    [
        ("flat", "folders", "one folder per class"),
        ("flat", "names", "named <class>_<index>"),
        ("digits:test", "folders", "folders and zip files"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(source: str, classes: Classes, says: str, tmp_path: Path) -> None:
    flat = write(tmp_path / "f", ["a.png", "b.png"])
    with pytest.raises(WrongInputError, match=says):
        image_set(flat if source == "flat" else source, classes=classes)


def test_an_unknown_way_to_tell_classes_names_the_nearest(tmp_path: Path) -> None:
    flat = write(tmp_path / "f", ["a.png", "b.png"])
    with pytest.raises(UnknownNameError, match="Did you mean 'folders'"):
        image_set(flat, classes="folder")  # pyright: ignore[reportArgumentType] - what a person may type


def test_a_question_about_labels_says_why_there_are_none(tmp_path: Path) -> None:
    root = write(tmp_path / "set", PIECES["of EDM"])
    real = image_set(RNG.integers(0, 256, (9, 4, 5), dtype=np.uint8), labels=np.arange(9) % 3)
    with pytest.raises(UndefinedError, match=r"000000 to 002000 of .* look like shards"):
        ganeval.intra_kid(real, image_set(root), extractor="pixels")
