"""The .cdb reader on files made here: correct ones, and every way in which one can lie."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ganeval.datasets.hoda import CANVAS, place, read_cdb, read_hoda, shrink
from ganeval.errors import WrongInputError


def encode(box: NDArray[np.uint8]) -> bytes:
    """Run lengths of each row, starting with background."""
    runs = bytearray()
    for row in box:
        value, run = 0, 0
        for pixel in row:
            if pixel != value:
                runs.append(run)
                value, run = pixel, 0
            run += 1
        runs.append(run)
    return bytes(runs)


def record(label: int, box: NDArray[np.uint8], payload: bytes | None = None, mark: int = 0xFF) -> bytes:
    payload = encode(box) if payload is None else payload
    return bytes([mark, label, box.shape[1], box.shape[0]]) + struct.pack("<H", len(payload)) + payload


def cdb(records: list[bytes], *, total: int | None = None, grey: bool = False, size: tuple[int, int] = (0, 0)) -> bytes:
    header = bytearray(1024)
    struct.pack_into("<HBBBBI", header, 0, 2005, 8, 4, *size, len(records) if total is None else total)
    header[522] = grey
    return bytes(header) + b"".join(records)


def boxes_of(path: Path, data: bytes) -> list[list[list[int]]]:
    path.write_bytes(data)
    return [box.tolist() for box in read_cdb(path)[1]]


BOX = np.array([[255, 0, 0, 255], [0, 0, 255, 255], [255, 255, 255, 255]], dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31)), min_size=1, max_size=6))
def test_whatever_is_encoded_is_decoded(shapes: list[tuple[int, int, int]]) -> None:
    boxes = [
        ((np.random.default_rng(seed).random((height, width)) < 0.4) * 255).astype(np.uint8)
        for height, width, seed in shapes
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.cdb"
        assert boxes_of(path, cdb([record(i, box) for i, box in enumerate(boxes)])) == [box.tolist() for box in boxes]
        assert read_cdb(path)[0].tolist() == list(range(len(boxes)))


def test_grey_records_and_a_size_common_to_all_records_are_understood(tmp_path: Path) -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert boxes_of(tmp_path / "grey.cdb", cdb([record(7, grey, grey.T.tobytes())], grey=True)) == [grey.tolist()]
    common = bytes([0xFF, 3]) + struct.pack("<H", len(encode(BOX))) + encode(BOX)
    assert boxes_of(tmp_path / "common.cdb", cdb([common], size=(3, 4))) == [BOX.tolist()]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"short", "header of 1024 bytes"),
        (cdb([record(1, BOX)], total=2**31), "promises 2,147,483,648 records"),
        (cdb([record(1, BOX)] * 3, total=2), "after its 2 records"),
        (cdb([record(1, BOX), record(1, BOX, mark=0xFE)]), "record 1 is damaged: it should begin with ff"),
        (cdb([record(1, BOX), record(2, BOX)])[:-4], "record 1 is damaged: its 8 bytes at .* run past the end"),
        (cdb([record(1, BOX), record(2, BOX, bytes([5, 3, 4]))]), "record 1 is damaged: its run lengths"),
        (cdb([record(1, BOX, bytes([4, 4]))]), "record 0 is damaged: its run lengths"),
        (cdb([record(1, BOX, bytes([4, 4, 4, 4]))]), "record 0 is damaged: its run lengths"),
        (cdb([record(1, BOX, b"")]), "record 0 is damaged: its run lengths"),
        (cdb([record(1, BOX[:0], b"")]), "width or height is 0"),
        (cdb([record(1, BOX, b"1234")], grey=True), "its bytes are not width times height"),
    ],
)
def test_a_damaged_file_is_named_with_the_record_that_is_wrong(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match=words) as raised:
        boxes_of(tmp_path / "bad.cdb", data)
    assert "bad.cdb" in str(raised.value)


GOOD = [
    cdb([record(1, BOX), record(2, BOX.T.copy())]),
    cdb([record(7, BOX, BOX.T.tobytes())], grey=True),
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=4),
    st.sampled_from([0, 4, 6, 522, 1024]),
    st.integers(0, 2200),
)
def test_a_damaged_file_either_decodes_or_is_named(
    good: bytes, changes: list[tuple[int, int]], near: int, cut: int
) -> None:
    data = bytearray(good)
    for at, value in changes:
        data[(near + at) % len(data)] = value
    with tempfile.TemporaryDirectory() as folder:
        try:
            boxes = boxes_of(Path(folder) / "bad.cdb", bytes(data[:cut] if cut < len(data) else data))
        except WrongInputError as error:
            said = str(error)
        else:
            said = "bad.cdb"
            assert all(0 < len(box) < 256 for box in boxes)
    assert "bad.cdb" in said


def test_a_correct_file_with_other_counts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.cdb"
    path.write_bytes(cdb([record(1, BOX)]))
    with pytest.raises(WrongInputError, match=r"must hold 20,000 images.*got 1, by class"):
        read_hoda("test", {"hoda/Test 20000.cdb": path})
    path.write_bytes(cdb([record(10, BOX)]))
    with pytest.raises(WrongInputError, match=r"labels in 0\.\.9; got 10\.\.10"):
        read_hoda("test", {"hoda/Test 20000.cdb": path})


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 2**31))
def test_small_images_keep_their_pixels_and_large_ones_their_mean_and_aspect(
    height: int, width: int, seed: int
) -> None:
    box = ((np.random.default_rng(seed).random((height, width)) < 0.5) * 255).astype(np.uint8)
    canvas = np.zeros((CANVAS, CANVAS), dtype=np.uint8)
    place(box, canvas)
    if max(height, width) <= CANVAS:
        top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
        assert (canvas[top : top + height, left : left + width] == box).all()
        assert canvas.sum(dtype=int) == box.sum(dtype=int)
    else:
        scale = CANVAS / max(height, width)
        small = shrink(box, max(1, round(height * scale)), max(1, round(width * scale)))
        assert max(small.shape) == CANVAS
        assert abs(float(small.mean()) - float(box.mean())) <= 0.5
        assert canvas.sum(dtype=int) == small.sum(dtype=int)


def test_shrinking_by_a_whole_factor_is_the_mean_of_the_blocks() -> None:
    box = np.random.default_rng(5).integers(0, 256, (60, 30), dtype=np.uint8)
    blocks = box.reshape(20, 3, 10, 3).astype(int).sum((1, 3))
    assert (shrink(box, 20, 10) == (2 * blocks + 9) // 18).all()
