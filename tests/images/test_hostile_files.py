"""Damaged and hostile archives and arrays: an error that names the file, never another exception or a wrong image."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.errors import GanevalError, WrongInputError
from ganeval.images import image_set

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (3, 6, 6), dtype=np.uint8)


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def zip_bytes(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for i, image in enumerate(GREY):
            archive.writestr(f"{i}_0.png", png(image))
        archive.writestr("dataset.json", '{"labels": [["0_0.png", 1], ["1_0.png", 0], ["2_0.png", 2]]}')
    return buffer.getvalue()


def array_bytes(save: Callable[..., object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, GREY[:, :, :, None])
    return buffer.getvalue()


GOOD = {
    "deflated.zip": zip_bytes(),
    "stored.zip": zip_bytes(zipfile.ZIP_STORED),
    "plain.npz": array_bytes(np.savez),
    "packed.npz": array_bytes(np.savez_compressed),
    "array.npy": array_bytes(np.save),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_undamaged_file_opens(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(GOOD[name])
    assert (image_set(tmp_path / name).array()[:, 0] == GREY).all()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(GOOD)),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=5),
    cut=st.integers(0, 10_000),
)
def test_a_damaged_file_either_opens_or_is_named(
    name: str, changes: list[tuple[int, int]], cut: int, tmp_path: Path
) -> None:
    data = bytearray(GOOD[name])
    for at, value in changes:
        data[at % len(data)] = value
    path = tmp_path / name
    path.write_bytes(data[: cut % (2 * len(data))])
    try:
        images = image_set(path).array()
    except GanevalError as error:
        said = str(error)
    else:
        said = name
        assert images.dtype == np.uint8
    assert name in said


@pytest.mark.parametrize(
    "shape", ["(1000000000000, 28, 28)", "(-3, 28, 28)", "(3.5, 1)", "('a',)", "(9" + "9" * 300 + ",)"]
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_header_that_promises_what_is_not_there_is_refused(shape: str, suffix: str, tmp_path: Path) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(100)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(array)
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("arr_0.npy", array)
    with pytest.raises(WrongInputError, match=f"a{suffix}"):
        image_set(path)


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/etc/a.png", "\\a.png", "..\\a.png", "C:\\a.png"])
def test_a_name_that_leads_outside_is_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, png(GREY[0]))
    with pytest.raises(WrongInputError, match="outside the archive"):
        image_set(tmp_path / "a.zip")


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", bytes(5_000_000))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for at in (data.index(b"PK\1\2") + 24, data.index(b"PK\3\4") + 22):
        data[at : at + 4] = (400).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(WrongInputError, match=r"0\.png"):
        image_set(tmp_path / "a.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile warns while the test makes the file
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("0.png", png(GREY[0]))
        archive.writestr("0.png", png(GREY[1]))
    with pytest.raises(WrongInputError, match=r"two members named '0\.png'"):
        image_set(tmp_path / "a.zip")


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    data = bytearray(zip_bytes(zipfile.ZIP_STORED))
    at = -1
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(mark)
        data[at + offset] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(WrongInputError, match=r"0_0\.png in .* damaged or encrypted"):
        image_set(tmp_path / "a.zip")


def test_a_file_that_changes_while_it_is_used_is_named(tmp_path: Path) -> None:
    for i, image in enumerate(GREY):
        (tmp_path / f"{i}.png").write_bytes(png(image))
    images = image_set(tmp_path)
    (tmp_path / "1.png").write_bytes(png(GREY[1][:3]))
    with pytest.raises(WrongInputError, match=r"1\.png has changed"):
        images.array()
