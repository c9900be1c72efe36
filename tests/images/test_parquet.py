"""Parquet files as Hugging Face data sets are stored."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ganeval.errors import WrongInputError
from ganeval.images import image_set, parquet
from ganeval.images.stamps import Stamps

PIXELS = np.random.default_rng(3).integers(0, 256, (10, 6, 5, 3), dtype=np.uint8)
NAMES = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def table(rows: slice = slice(None), **columns: Any) -> pa.Table:
    cells = [{"bytes": png(pixels), "path": f"{row}.png"} for row, pixels in enumerate(PIXELS)][rows]
    found = pa.table({"image": cells, **columns})
    return found.replace_schema_metadata({"huggingface": json.dumps(NAMES)})


def test_the_files_of_a_data_set_are_one_set_with_its_classes(tmp_path: Path) -> None:
    labels = [row % 2 for row in range(10)]
    for part, rows in enumerate((slice(0, 6), slice(6, 10))):
        file = tmp_path / f"train-{part:05d}-of-00002.parquet"
        pq.write_table(table(rows, label=labels[rows]), file, row_group_size=4)
    opened = image_set(tmp_path)
    assert (opened.array().transpose(0, 2, 3, 1) == PIXELS).all()
    assert opened.labels is not None
    assert opened.labels.tolist() == labels
    assert opened.class_names == ("cat", "dog")
    assert image_set(tmp_path, classes="none").labels is None


def test_rows_are_read_in_any_order(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "a.parquet", row_group_size=3)
    opened = image_set(tmp_path / "a.parquet")
    assert opened.labels is None
    for row in (9, 0, 5, 4, 3):
        assert (opened.load(row, row + 1)[0].transpose(1, 2, 0) == PIXELS[row]).all()


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"text": ["a"]}, "one column of images"),
        ({"image": [b"x"], "mask": [b"y"]}, "several"),
        ({"image": [{"bytes": None, "path": "elsewhere.png"}]}, "only a path"),
        ({"image": [b"no image"]}, "a.parquet"),
        ({"image": [png(PIXELS[0])], "label": pa.array([None], pa.int64())}, "no label"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, columns: dict[str, Any], word: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(WrongInputError, match=word):
        image_set(tmp_path / "a.parquet")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(WrongInputError, match=r"a\.parquet cannot be read as a parquet file"):
        image_set(tmp_path / "a.parquet")


def test_millions_of_rows_of_nothing_are_refused_before_they_are_counted_out(tmp_path: Path) -> None:
    """They take some kilobytes."""
    nothing = pa.nulls(5_000_001, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    pq.write_table(pa.table({"image": nothing}), tmp_path / "a.parquet")
    with pytest.raises(WrongInputError, match="at most 5,000,000 rows"):
        image_set(tmp_path / "a.parquet")


@pytest.mark.parametrize("bytes_as", [pa.binary(), pa.large_binary()])
@pytest.mark.parametrize("nested", ["bytes", ""])
def test_one_image_in_many_rows_is_held_once_and_bounded(
    bytes_as: pa.DataType, nested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dictionary makes one large image a thousand rows; what they take together is known beforehand."""
    cells = pa.array([png(PIXELS[0])] * 2000, bytes_as)
    column = pa.StructArray.from_arrays([cells], [nested]) if nested else cells
    pq.write_table(pa.table({"image": column}), tmp_path / "a.parquet")
    opened = image_set(tmp_path / "a.parquet")
    assert (opened.load(1999, 2000)[0].transpose(1, 2, 0) == PIXELS[0]).all()
    assert parquet._File(tmp_path / "a.parquet", Stamps("a", ["a"], Path))._group(0).nbytes < 50_000
    monkeypatch.setattr(parquet, "MAX_BYTES", 1000)
    monkeypatch.setattr(parquet, "MAX_RATIO", 20)
    with pytest.raises(WrongInputError, match=r"group of rows of .*a\.parquet have .* bytes together"):
        image_set(tmp_path / "a.parquet").load(0, 1)


NAMED = {"label": pa.array([0, 1]), "image": pa.array([png(np.arange(20, dtype=np.uint8).reshape(4, 5))] * 2)}


def named(*names: str) -> pa.Table:
    said = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
    return pa.table(NAMED).replace_schema_metadata({"huggingface": json.dumps(said)})


def test_files_that_number_their_classes_differently_are_refused(tmp_path: Path) -> None:
    pq.write_table(named("ant", "bee"), tmp_path / "a.parquet")
    pq.write_table(named("ant", "bee"), tmp_path / "b.parquet")
    assert image_set(tmp_path).class_names == ("ant", "bee")
    pq.write_table(named("bee", "ant"), tmp_path / "b.parquet")
    with pytest.raises(WrongInputError, match="number their classes differently"):
        image_set(tmp_path)
    assert image_set(tmp_path, classes="none").labels is None


@pytest.mark.parametrize("labels", [["cat", "dog"], [0.0, 1.0]])
def test_labels_that_number_nothing_say_why_there_are_none(labels: list[Any], tmp_path: Path) -> None:
    pq.write_table(pa.table({**NAMED, "label": pa.array(labels)}), tmp_path / "a.parquet")
    assert "column label is no column of whole numbers" in image_set(tmp_path / "a.parquet").unlabelled


def test_a_file_without_labels_among_others_is_why_there_are_none(tmp_path: Path) -> None:
    pq.write_table(pa.table(NAMED), tmp_path / "a.parquet")
    pq.write_table(pa.table({"image": NAMED["image"]}), tmp_path / "b.parquet")
    assert image_set(tmp_path).unlabelled == "Only 1 of the 2 files have a column of labels."
