"""Every kind of input opens to the same uint8 NCHW images, and whatever breaks the contract is named with its remedy."""

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

from ganeval.errors import GanevalError, MissingFileError, TooFewSamplesError, UnknownNameError, WrongInputError
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
    return image_set({
        "NHWC array": COLOUR,
        "NCHW tensor": nchw,
        "Dataset": TensorDataset(nchw),
        "DataLoader": DataLoader(TensorDataset(nchw), batch_size=4),
        "list": list(COLOUR),
    }[kind])  # fmt: skip


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
    assert images.orderless_fingerprint == turned.orderless_fingerprint
    assert images.orderless_fingerprint != image_set(GREY, labels=1 - LABELS).orderless_fingerprint


def test_opening_images_loads_no_torch() -> None:
    code = (
        "import sys; from ganeval.images import image_set; image_set('digits:test'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def bad(name: str, tmp_path: Path) -> Any:  # noqa: C901, PLR0911, PLR0912 - a table of cases, one branch each
    """The broken input of one row of the table below."""
    grey = png(GREY[0])
    if name == "unit floats":
        return GREY / 255.0
    if name == "tanh floats":
        return GREY / 127.5 - 1
    if name == "nan":
        return np.where(np.arange(20).reshape(5, 4) == 7, np.nan, GREY)
    if name == "bool":
        return GREY > 100
    if name == "constant":
        return np.zeros((3, 4, 4), dtype=np.uint8)
    if name == "one image":
        return GREY[0]
    if name == "four channels":
        return np.zeros((2, 8, 8, 4), dtype=np.uint8)
    if name == "ambiguous":
        return np.ones((2, 3, 8, 3), dtype=np.uint8)
    if name == "empty folder":
        return tmp_path
    if name == "no such path":
        return tmp_path / "nowhere"
    if name == "text in a folder":
        (folder(tmp_path, GREY, numbered(6)) / "notes.txt").write_text("x")
        return tmp_path
    if name == "mixed sizes":
        (folder(tmp_path, GREY, numbered(6)) / "6.png").write_bytes(png(GREY[0][:4]))
        return tmp_path
    if name == "truncated":
        (folder(tmp_path, GREY, numbered(6)) / "6.png").write_bytes(grey[:50])
        return image_set(tmp_path)
    if name == "transparent":
        Image.fromarray(np.zeros((4, 4, 4), dtype=np.uint8)).save(tmp_path / "0.png")
        return tmp_path
    if name == "16 bit":
        Image.fromarray(np.arange(16, dtype=np.uint16).reshape(4, 4)).save(tmp_path / "0.png")
        return tmp_path
    if name == "class folders and loose images":
        folder(tmp_path, GREY[:2], ["a/0.png", "1.png"])
        return tmp_path
    if name == "traversal":
        return zipped(tmp_path / "a.zip", {"../evil.png": grey, "0.png": grey})
    if name == "bomb":
        return zipped(tmp_path / "a.zip", {"0.png": b"\0" * 40_000_000})
    if name == "broken zip":
        (tmp_path / "a.zip").write_bytes(b"PK\3\4 no")
        return tmp_path / "a.zip"
    if name == "pickle":
        np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object))
        return tmp_path / "a.npy"
    if name == "npz without images":
        np.savez(tmp_path / "a.npz", mu=GREY)
        return tmp_path / "a.npz"
    if name == "unlabelled in dataset.json":
        return zipped(tmp_path / "a.zip", {"0.png": grey, "dataset.json": b'{"labels": []}'})
    if name == "nothing known":
        return 3.5
    raise AssertionError(name)


TABLE = [
    ("unit floats", r"must be uint8 in \[0, 255\]; got float64 from .* Of \[0, 1\] pass \(x \* 255\)\.round\(\)"),
    ("tanh floats", r"Of \[-1, 1\] pass \(\(x \+ 1\) \* 127\.5\)\.round\(\)"),
    ("nan", r"got float64 with nan at index \(.*A generator that makes NaN has diverged"),
    ("bool", r"got bool\. Pass images\.astype"),
    ("constant", r"All pixels of all images of array are 0"),
    ("one image", r"got shape \(5, 4\)\. A single image needs a leading axis"),
    ("four channels", r"must have 1 or 3 channels; got shape \(2, 8, 8, 4\)"),
    ("ambiguous", r"ambiguous: shape \(2, 3, 8, 3\) can be NCHW and NHWC"),
    ("empty folder", r"must hold at least one image; it is empty"),
    ("no such path", r"There is no file or folder .*nowhere"),
    ("text in a folder", r"must hold images only; notes\.txt is none"),
    ("mixed sizes", r"one size; 0\.png is 5 x 4 with 1 channel, 6\.png is 4 x 4"),
    ("truncated", r"6\.png cannot be decoded: .*truncated"),
    ("transparent", r"transparent alpha channel\. Flatten"),
    ("16 bit", r"must be 8-bit grey or RGB; it is in mode I"),
    ("class folders and loose images", r"both class folders and loose images \(1\.png\)"),
    ("traversal", r"member outside the archive: '\.\./evil\.png'"),
    ("bomb", r"0\.png in .* unpacks from .* to 40,000,000 bytes"),
    ("broken zip", r"cannot be read as a zip file"),
    ("pickle", r"cannot be read as a numpy file without pickle"),
    ("npz without images", r"must hold images under arr_0 .*; it holds mu"),
    ("unlabelled in dataset.json", r"must label every image; 0\.png has no label"),
    ("nothing known", r"or a generator callable; got float"),
]


@pytest.mark.parametrize(("name", "message"), TABLE, ids=[name for name, _ in TABLE])
def test_what_breaks_the_contract_is_named_with_its_remedy(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(GanevalError, match=message):
        image_set(bad(name, tmp_path)).array()


LABEL_TABLE = [
    (np.eye(6), r"one integer per image, shape \(6,\); got shape \(6, 6\)\. Of one-hot rows take"),
    (LABELS / 2, r"must be integers; got float64"),
    (LABELS[:4], r"one label per image: 6 images; got 4 labels"),
    (LABELS - 1, r"label 0 is -1\. Number classes from 0"),
]


@pytest.mark.parametrize(("labels", "message"), LABEL_TABLE)
def test_wrong_labels_are_refused(labels: np.ndarray, message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        image_set(GREY, labels=labels)


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


def test_a_missing_zip_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        image_set(tmp_path / "a.zip")
