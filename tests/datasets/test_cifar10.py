"""CIFAR-10 in its three packings, and what a hostile pickle gets."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from ganeval.datasets import cifar10
from ganeval.datasets.cifar10 import DATASET, read_binary, read_cifar10, read_python
from ganeval.errors import WrongInputError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 3072), dtype=np.uint8)
LABELS = np.arange(20) % 10


class Evil:
    def __reduce__(self) -> tuple:
        return (print, ("executed",))


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(f"cifar-10/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def binary() -> bytes:
    return np.concatenate([LABELS[:, None].astype(np.uint8), PIXELS], axis=1).tobytes()


@pytest.mark.parametrize("packing", ["binary", "python"])
def test_both_official_packings_hold_the_same_images(
    packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cifar10.COUNTS, "test", (2,) * 10)
    pickled = pickle.dumps({b"data": PIXELS, b"labels": LABELS.tolist()}, protocol=2)
    members = {"test_batch.bin": binary()} if packing == "binary" else {"test_batch": pickled}
    split = read_cifar10("test", {"f": archive(tmp_path / "c.tar.gz", members)})
    assert (split.images.reshape(20, -1) == PIXELS).all()
    assert split.labels.tolist() == LABELS.tolist()


def test_a_pickle_that_wants_to_run_code_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongInputError, match=r"cannot be read safely: the file asks for builtins\.print"):
        read_python(pickle.dumps({b"data": Evil()}), Path("batch"))
    assert capsys.readouterr().out == ""


def test_a_torn_binary_batch_is_refused() -> None:
    with pytest.raises(WrongInputError, match="multiple of 3073 bytes; it has 100"):
        read_binary(b"\0" * 100, Path("batch"))


def test_a_batch_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match=r"must hold test_batch or test_batch\.bin"):
        read_cifar10("test", {"f": archive(tmp_path / "c.tar.gz", {"readme.html": b"x"})})


def test_the_real_test_split_has_a_thousand_images_a_class(data_dir: Path) -> None:
    assert data_dir.is_dir()
    split = DATASET.load("test")
    assert split.images.shape == (10_000, 3, 32, 32)
    assert np.bincount(split.labels).tolist() == [1000] * 10
