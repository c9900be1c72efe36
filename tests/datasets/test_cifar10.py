"""CIFAR-10 in its packings and containers, and what a hostile pickle gets."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.datasets import cifar10
from ganeval.datasets.cifar10 import CLASSES, DATASET, read_binary, read_cifar10, read_python
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import GanevalError, WrongInputError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 3072), dtype=np.uint8)
LABELS = np.arange(20) // 2
NEW = pickle.dumps({b"data": PIXELS, b"labels": LABELS.tolist()}, protocol=2)
OLD = NEW.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")  # the name in the published files


class Evil:
    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple:
        return self.call[0], self.call[1:]


def png(row: np.ndarray, size: int = 32, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(row.reshape(3, 32, 32).transpose(1, 2, 0).copy())
    image.convert(mode).resize((size, size)).save(buffer, "PNG")
    return buffer.getvalue()


def packed(packing: str) -> dict[str, bytes]:
    binary = np.concatenate([LABELS[:, None].astype(np.uint8), PIXELS], axis=1).tobytes()
    images = {f"test/{CLASSES[label]}/{i:04}.png": png(PIXELS[i]) for i, label in enumerate(LABELS)}
    return {
        "binary": {"cifar/test_batch.bin": binary, "cifar/readme.html": b"x"},
        "python": {"cifar/test_batch": OLD},
        "python of a newer numpy": {"cifar/test_batch": NEW},
        "images": images,
    }[packing]


def contain(container: str, members: dict[str, bytes], folder: Path) -> Path:
    if container == "zip":
        with zipfile.ZipFile(folder / "c.zip", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return folder / "c.zip"
    if container == "folder":
        for name, data in members.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder / next(iter(members)).split("/")[0]
    with tarfile.open(folder / "c.tar.gz", "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return folder / "c.tar.gz"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if "data_dir" not in request.fixturenames:
        monkeypatch.setitem(cifar10.COUNTS, "test", (2,) * 10)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("container", ["tar.gz", "zip", "folder"])
@pytest.mark.parametrize("packing", ["binary", "python", "python of a newer numpy", "images"])
def test_every_packing_in_every_container_holds_the_same_images(packing: str, container: str, tmp_path: Path) -> None:
    split = read_cifar10("test", {"f": contain(container, packed(packing), tmp_path)})
    assert (split.images.reshape(20, -1) == PIXELS).all()
    assert split.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("name", ["cifar-10-batches-py/test_batch", "cifar-10-batches-bin/test_batch.bin", "test"])
def test_unpacked_folders_are_found_in_the_data_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANEVAL_DATA", str(tmp_path))
    packing = {"test_batch": "python", "test_batch.bin": "binary"}.get(Path(name).name, "images")
    members = packed("images") if packing == "images" else {name: next(iter(packed(packing).values()))}
    contain("folder", members, tmp_path / "cifar10")
    assert (DATASETS["cifar10"].load("test").images.reshape(20, -1) == PIXELS).all()


def test_decoded_images_are_kept_and_a_damaged_copy_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = contain("zip", packed("images"), tmp_path)
    first = read_cifar10("test", {"f": path}).images
    (copy,) = (tmp_path / "cache").rglob("*.npy")
    monkeypatch.setattr(cifar10, "_image", lambda name, data: pytest.fail("decoded again"))
    assert (read_cifar10("test", {"f": path}).images == first).all()
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(cifar10.COUNTS, "test", (2,) * 10)
    copy.write_bytes(copy.read_bytes()[:-100])
    assert (read_cifar10("test", {"f": path}).images == first).all()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(read_cifar10("test", {"f": contain("zip", packed("images"), tmp_path)}).images) == 20


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ({b"data": Evil(print, "executed")}, r"asks for (builtins|__builtin__)\.print"),
        ({b"data": Evil(np.ndarray, (10**13,))}, "not callable"),
        ({b"data": Evil(np.empty(0).__reduce__()[0], np.ndarray, (10**13,), b"b")}, "unusual way"),
        ({b"data": np.array(["a"], dtype=object), b"labels": [1]}, "an array of 'O8', not of bytes"),
        ({b"data": PIXELS}, "b'labels'"),
        ({b"data": PIXELS[:, :5], b"labels": [1]}, r"uint8 array \(n, 3072\)"),
        ({b"data": PIXELS, b"labels": [[1, 2]] * 20}, "list of numbers in 0..9"),
        ({b"data": PIXELS, b"labels": [10] * 20}, "list of numbers in 0..9"),
        ([1, 2], "cannot be read safely"),
    ],
)
def test_a_pickle_that_is_more_than_an_array_is_refused(
    batch: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WrongInputError, match=words):
        read_python(pickle.dumps(batch, protocol=2), Path("batch"))
    assert capsys.readouterr().out == ""


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(OLD) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_a_damaged_pickle_is_either_read_or_refused(changes: list[tuple[int, int]], head: bool) -> None:  # noqa: FBT001
    data = bytearray(OLD)
    for at, value in changes:
        data[at % 200 if head else at] = value
    try:
        images, labels = read_python(bytes(data), Path("batch"))
    except GanevalError:
        return
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64


def test_a_torn_binary_batch_is_refused() -> None:
    with pytest.raises(WrongInputError, match="multiple of 3073 bytes; it has 100"):
        read_binary(b"\0" * 100, Path("batch"))


@pytest.mark.parametrize(
    ("container", "members", "words"),
    [
        ("tar.gz", {"c/readme.html": b"x"}, "must hold test_batch .*it holds neither"),
        ("zip", {"test/cat/0.png": png(PIXELS[0], size=16)}, "is 16x16 in mode RGB, not 32x32 RGB"),
        ("zip", {"test/cat/0.png": png(PIXELS[0], mode="L")}, "is 32x32 in mode L, not 32x32 RGB"),
        ("zip", {"test/cat/0.png": b"no image"}, "cannot be read as CIFAR-10"),
        ("zip", {"test/cat/0.png": bytes(2**17)}, "holds more than 65,536 bytes"),
        ("zip", {"test/cat/0.png": png(PIXELS[0])}, "must hold 20 images"),
    ],
)
def test_an_archive_that_does_not_hold_the_split_is_refused(
    container: str, members: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongInputError, match=words):
        read_cifar10("test", {"f": contain(container, members, tmp_path)})


@pytest.mark.parametrize("name", ["c.zip", "c.tar.gz", "c.tar"])
def test_a_file_that_is_no_archive_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(WrongInputError, match="cannot be read"):
        read_cifar10("test", {"f": tmp_path / name})


def test_the_real_test_split_has_a_thousand_images_a_class(data_dir: Path) -> None:
    assert data_dir.is_dir()
    split = DATASET.load("test")
    assert split.images.shape == (10_000, 3, 32, 32)
    assert np.bincount(split.labels).tolist() == [1000] * 10
