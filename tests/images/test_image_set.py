"""Every kind of input opens to the same uint8 NCHW images, and whatever breaks the contract is named with its
remedy.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import ganeval
from ganeval.errors import (
    IncomparableError,
    MissingFileError,
    TooFewSamplesError,
    UnknownNameError,
    WrongInputError,
)
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 1, 0])


def png(image: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", **options)
    return buffer.getvalue()


def folder(path: Path, images: np.ndarray, names: list[str]) -> Path:
    for image, name in zip(images, names, strict=True):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(png(image))
    return path


def numbered(n: int) -> list[str]:
    return [f"{i}.png" for i in range(n)]


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def opened(kind: str, tmp_path: Path) -> ImageSet:
    if kind == "flat folder":
        return image_set(folder(tmp_path / "f", COLOUR, numbered(6)))
    if kind == "zip":
        return image_set(zipped(tmp_path / "a.zip", {f"{i}.png": png(x) for i, x in enumerate(COLOUR)}))
    if kind == "npz":
        np.savez(tmp_path / "a.npz", COLOUR)
        return image_set(tmp_path / "a.npz")
    if kind == "npy":
        np.save(tmp_path / "a.npy", COLOUR)
        return image_set(str(tmp_path / "a.npy"))
    nchw = torch.from_numpy(COLOUR.transpose(0, 3, 1, 2).copy())
    return image_set(
        {
            "NHWC array": COLOUR,
            "NCHW tensor": nchw,
            "Dataset": TensorDataset(nchw),
            "DataLoader": DataLoader(TensorDataset(nchw), batch_size=4),
            "list": list(COLOUR),
        }[kind]
    )


KINDS = ["flat folder", "zip", "npz", "npy", "NHWC array", "NCHW tensor", "Dataset", "DataLoader", "list"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_images_and_fingerprint(kind: str, tmp_path: Path) -> None:
    images = opened(kind, tmp_path)
    assert images.shape == (3, 5, 4)
    assert (images.array() == COLOUR.transpose(0, 3, 1, 2)).all()
    assert images.fingerprint == image_set(COLOUR).fingerprint


@pytest.mark.parametrize("kind", ["flat folder", "zip"])
def test_batches_join_to_the_whole(kind: str, tmp_path: Path) -> None:
    images = opened(kind, tmp_path)
    assert (np.concatenate(list(images.batches(4))) == images.array()).all()


def test_a_folder_per_class_labels_by_sorted_name(tmp_path: Path) -> None:
    names = [f"{'cat' if c else 'ant'}/{i}.png" for i, c in enumerate(LABELS)]
    images = image_set(folder(tmp_path, GREY, names))
    assert images.class_names == ("ant", "cat")
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_class_and_index_in_the_file_name_are_a_label(tmp_path: Path) -> None:
    images = image_set(folder(tmp_path, GREY, [f"{c}_{i}.png" for i, c in enumerate(LABELS)]))
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_files_come_in_natural_order(tmp_path: Path) -> None:
    images = image_set(folder(tmp_path, np.concatenate([GREY, GREY]), numbered(12)))
    assert (images.array()[:, 0] == np.concatenate([GREY, GREY])).all()


def test_a_zip_with_dataset_json_has_its_labels(tmp_path: Path) -> None:
    listing = {"labels": [[f"{i}.png", int(c)] for i, c in enumerate(LABELS)]}
    members = {f"{i}.png": png(x) for i, x in enumerate(GREY)} | {"dataset.json": json.dumps(listing).encode()}
    images = image_set(zipped(tmp_path / "a.zip", members))
    assert images.labels is not None
    assert images.labels.tolist() == LABELS.tolist()


def test_a_zip_of_class_folders_has_class_names(tmp_path: Path) -> None:
    members = {f"train/{'b' if c else 'a'}/{i}.png": png(GREY[i]) for i, c in enumerate(LABELS)}
    assert image_set(zipped(tmp_path / "a.zip", members)).class_names == ("a", "b")


def test_an_npz_has_the_labels_of_its_second_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", COLOUR, LABELS)
    images = image_set(tmp_path / "s.npz")
    assert images.labels is not None
    assert images.labels.tolist() == LABELS.tolist()


def test_a_data_set_opens_by_name_and_split() -> None:
    images = image_set("digits:test")
    assert (len(images), images.shape, len(images.class_names)) == (450, (1, 8, 8), 10)


def test_a_subset_keeps_the_class_shares_and_repeats() -> None:
    images, again = image_set("digits:train", n=100, seed=3), image_set("digits:train", n=100, seed=3)
    assert images.labels is not None
    counts = np.bincount(images.labels)
    assert counts.min() >= 9
    assert counts.max() <= 11
    assert images.fingerprint == again.fingerprint != image_set("digits:train", n=100, seed=4).fingerprint


def test_a_generator_is_drawn_once_with_its_labels_and_seed() -> None:
    def draw(n: int, labels: torch.Tensor, g: torch.Generator) -> torch.Tensor:
        return torch.randint(0, 200, (n, 1, 4, 4), generator=g, dtype=torch.uint8) + labels.byte()[:, None, None, None]

    images = image_set(draw, n=6, labels=LABELS, seed=1)
    assert images.labels is not None
    assert images.labels.tolist() == LABELS.tolist()
    assert images.fingerprint == image_set(draw, n=6, labels=LABELS, seed=1).fingerprint
    assert images.fingerprint != image_set(draw, n=6, labels=LABELS, seed=2).fingerprint


def test_palette_and_one_bit_images_are_expanded_exactly(tmp_path: Path) -> None:
    grey = Image.fromarray(GREY[0])
    grey.convert("1").save(tmp_path / "0.png")
    grey.convert("P").save(tmp_path / "1.png")
    assert set(np.unique(image_set(tmp_path).array()[0])) <= {0, 255}
    assert (image_set(tmp_path).array()[1, 0] == GREY[0]).all()


def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path) -> None:
    Image.fromarray(COLOUR[0]).convert("RGBA").save(tmp_path / "0.png")
    assert (image_set(tmp_path).array()[0] == COLOUR[0].transpose(2, 0, 1)).all()


def test_order_and_labels_are_part_of_the_fingerprint() -> None:
    turned = image_set(GREY[::-1].copy(), labels=LABELS[::-1])
    images = image_set(GREY, labels=LABELS)
    assert images.fingerprint != turned.fingerprint
    assert images.fingerprint != image_set(GREY, labels=1 - LABELS).fingerprint


def test_opening_images_loads_no_torch() -> None:
    code = (
        "import sys; from ganeval.images import image_set; image_set('digits:test'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no data set named 'hoad'. Did you mean 'hoda'"):
        image_set("hoad:test")


def test_more_images_than_there_are_is_an_error() -> None:
    with pytest.raises(TooFewSamplesError, match="7 images of array were asked for; it holds 6"):
        image_set(GREY, n=7)


def test_a_generator_that_returns_too_few_is_told() -> None:
    with pytest.raises(WrongInputError, match=r"was asked for 3 images; it returned 2"):
        image_set(lambda n, labels, g: GREY[: n - 1], n=3)


def test_a_generator_needs_a_number() -> None:
    with pytest.raises(WrongInputError, match="pass n="):
        image_set(lambda n, labels, g: GREY)


def test_a_blank_image_among_others_is_data() -> None:
    images = [np.zeros((4, 4), dtype=np.uint8), GREY[0][:4]]
    assert len(image_set(images)) == 2
    assert len(image_set(np.stack([images[0]] * 200 + [images[1]]))) == 201


def test_a_missing_zip_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        image_set(tmp_path / "a.zip")


@pytest.mark.parametrize("labels", [LABELS, list(map(int, LABELS)), torch.from_numpy(LABELS)])
@pytest.mark.parametrize("images", [GREY, torch.from_numpy(GREY), list(GREY)])
def test_a_pair_of_images_and_labels_opens_as_both(images: object, labels: object) -> None:
    opened = image_set((images, labels))
    assert opened.labels is not None
    assert opened.labels.tolist() == LABELS.tolist()
    assert (opened.array()[:, 0] == GREY).all()


def test_a_list_of_paths_opens_in_its_own_order(tmp_path: Path) -> None:
    root = folder(tmp_path, GREY, numbered(6))
    opened = image_set([root / "4.png", str(root / "1.png")])
    assert (opened.array()[:, 0] == GREY[[4, 1]]).all()


@pytest.mark.parametrize("labels", [LABELS > 0, -LABELS, LABELS / 2, LABELS * np.nan, np.eye(6), list("abcabc")])
@pytest.mark.parametrize("way", ["ImageSet", "with_labels", "Features", "evaluate"])
def test_what_numbers_no_class_is_no_label_on_any_way_in(way: str, labels: Any) -> None:
    ways = {
        "ImageSet": lambda: ImageSet.from_array(GREY[:, None], labels=labels),
        "with_labels": lambda: image_set(GREY).with_labels(labels),
        "Features": lambda: ganeval.Features.given(np.zeros((6, 2)), labels=labels),
        "evaluate": lambda: ganeval.kid(GREY, GREY, labels=labels, extractor="pixels"),
    }
    with pytest.raises(WrongInputError, match="Labels of"):
        ways[way]()


@pytest.mark.parametrize("n", [0, -5, 2.5, True, float("nan"), "5"])
@pytest.mark.parametrize("source", ["images", "rows", "generator"])
def test_a_number_of_images_is_a_whole_number_of_at_least_one(source: str, n: Any) -> None:
    given = {"images": GREY, "rows": RNG.random((6, 2)), "generator": lambda n, labels, g: GREY[:n]}[source]
    with pytest.raises(WrongInputError, match="n must be a whole number of at least 1"):
        ganeval.kid(given if source != "generator" else GREY, given, n=n, extractor="pixels")


@pytest.mark.parametrize("seed", [-1, 2.5, True, "5"])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    for ask in (
        lambda: image_set(GREY, n=3, seed=seed),
        lambda: ganeval.kid(GREY, GREY, seed=seed, extractor="pixels"),
    ):
        with pytest.raises(WrongInputError, match="seed must be a whole number of at least 0"):
            ask()


@pytest.mark.parametrize("k", [2.5, 0, -1, True, "3"])
def test_a_number_of_neighbours_is_a_whole_number(k: Any) -> None:
    rows = RNG.random((20, 2))
    with pytest.raises(WrongInputError, match="must be a whole number from 1 to 100"):
        ganeval.precision(rows, rows, k=k)


def test_grey_against_colour_is_said_in_these_words() -> None:
    with pytest.raises(IncomparableError, match="both to grey, or both to colour"):
        ganeval.kid(GREY, COLOUR, extractor="pixels")


def test_rows_that_carry_a_gradient_are_measured_without_it() -> None:
    rows = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    asked = rows.clone().requires_grad_()
    assert ganeval.kid(rows, asked) == ganeval.kid(rows, rows)


def test_a_path_that_may_not_be_asked_for_is_a_sentence(tmp_path: Path) -> None:
    for path in ("x" * 5000, "a\0b", tmp_path / "file" / "set"):
        (tmp_path / "file").touch()
        with pytest.raises((WrongInputError, MissingFileError)):
            image_set(path)
