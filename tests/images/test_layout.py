"""How names become labels, alike in folders and in zip files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.errors import WrongInputError
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet

RNG = np.random.default_rng(1)


def opened(kind: str, names: list[str], tmp_path: Path, **extra: bytes) -> ImageSet:
    """Images under the given names (a name that ends with / is an empty folder), as a folder or as a zip."""
    root = tmp_path / "root"
    root.mkdir()
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            Image.fromarray(RNG.integers(0, 256, (4, 5), dtype=np.uint8)).save(path)
    for name, data in extra.items():
        (root / name.replace("__", ".")).write_bytes(data)
    if kind == "folder":
        return image_set(root)
    with zipfile.ZipFile(tmp_path / "root.zip", "w") as archive:
        for path in sorted(root.rglob("*"), reverse=True):
            archive.write(path, path.relative_to(root))
    return image_set(tmp_path / "root.zip")


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    ("names", "labels", "classes"),
    [
        (["10.png", "9.png"], None, ()),
        (["3_0.png", "3_1.png", "0_10.png"], [0, 3, 3], ()),
        (["۳_0.png", "۱_1.png"], [1, 3], ()),
        (["b/0.png", "a/0.png", "a/1.png"], [0, 0, 1], ("a", "b")),
        (["x/b/0.png", "x/a/0.png"], [0, 1], ("a", "b")),
        (["class10/0.png", "class2/0.png"], [1, 0], ("class10", "class2")),
        (["all/0.png", "all/1.png"], None, ()),
        (["all/1_0.png", "all/0_1.png"], [0, 1], ()),
        (["a/0.png", "b/", "c/0.png"], [0, 2], ("a", "b", "c")),
        (["a/0.png", "b/"], [0], ("a", "b")),
        (["0.png", "empty/"], None, ()),
        (["0/0.png", "1/0.png", "3/0.png"], [0, 1, 3], ("0", "1", "2", "3")),
        (["7/0.png", "10/0.png"], [7, 10], (*tuple("0123456789"), "10")),
        (["۰/0.png", "۱/0.png", "۲/0.png"], [0, 1, 2], ("۰", "۱", "۲")),
        (["1/0.png", "01/0.png"], [0, 1], ("01", "1")),
        (["2010/0.png", "2012/0.png"], [0, 1], ("2010", "2012")),
        ([".hidden/0.txt", ".DS_Store.png", "0.png"], None, ()),
    ],
)
def test_names_become_labels(
    kind: str, names: list[str], labels: list[int] | None, classes: tuple[str, ...], tmp_path: Path
) -> None:
    images = opened(kind, [name for name in names if not name.endswith(".txt")], tmp_path)
    assert (None if images.labels is None else images.labels.tolist()) == labels
    assert images.class_names == classes
    assert len(images) == sum(name.endswith(".png") and not name.startswith(".") for name in names)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_dataset_json_has_the_last_word(kind: str, tmp_path: Path) -> None:
    listing = {"labels": [["00/1_0.png", 5], ["01/0_0.png", 7]]}
    images = opened(kind, ["00/1_0.png", "01/0_0.png"], tmp_path, dataset__json=json.dumps(listing).encode())
    assert images.labels is not None
    assert images.labels.tolist() == [5, 7]
    assert images.class_names == ()


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_dataset_json_may_say_that_there_are_no_labels(kind: str, tmp_path: Path) -> None:
    images = opened(kind, ["00/0.png", "01/0.png"], tmp_path, dataset__json=b'{"labels": null}')
    assert images.labels is None


def test_dataset_json_inside_a_zips_top_folder_names_files_from_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        opened("folder", ["0.png", "1.png"], tmp_path)
        for name in ("0.png", "1.png"):
            archive.write(tmp_path / "root" / name, f"top/{name}")
        archive.writestr("top/dataset.json", json.dumps({"labels": [["1.png", 1], ["0.png", 2]]}))
    images = image_set(tmp_path / "a.zip")
    assert images.labels is not None
    assert images.labels.tolist() == [2, 1]


@pytest.mark.parametrize(
    "listing", [b"{", b"[]", b'{"labels": 3}', b"[" * 100_000, b"\xff\xfe", b'{"labels": [["0.png", true]]}']
)
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_listing_that_is_none_is_refused(kind: str, listing: bytes, tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match=r"dataset\.json in .* must"):
        opened(kind, ["0.png"], tmp_path, dataset__json=listing)


def test_linked_folders_are_followed_and_a_loop_is_an_error(tmp_path: Path) -> None:
    opened("folder", ["a/0.png", "b/0.png"], tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    for name in "ab":
        (other / name).symlink_to(tmp_path / "root" / name)
    assert image_set(other).fingerprint == image_set(tmp_path / "root").fingerprint
    (other / "loop").symlink_to(other)
    with pytest.raises(WrongInputError, match="Does a link lead back up"):
        image_set(other)
