"""The real files decode to what their publishers describe, and to the same bytes on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ganeval.datasets.dataset import DATASETS
from ganeval.datasets.hoda import read_cdb

FACTS = [
    # name, split, images per class, first labels, SHA-256 of the pixels
    (
        "breastmnist",
        "train",
        [147, 399],
        [1, 1, 1, 1, 0],
        "b7511ebbf38d87d368c627fd84ff9f1c45da221343c86b626e171acefe96599b",
    ),
    (
        "breastmnist",
        "val",
        [21, 57],
        [0, 1, 1, 0, 1],
        "cf43e2ada6be04cfa52725f7e2aa36bd145677f72b4bd532e5934c42b2561672",
    ),
    (
        "breastmnist",
        "test",
        [42, 114],
        [0, 1, 1, 1, 1],
        "594391315c545f7a88e77d99e930ed12087e459282280e03fa0a86c6c3df9544",
    ),
    (
        "digits",
        "train",
        [134, 136, 133, 137, 136, 136, 136, 134, 130, 135],
        [0, 2, 3, 4, 8],
        "f07143f799e52cbe889f30b545a817636a212f23893f422e85fc4ee279cdc209",
    ),
    (
        "digits",
        "test",
        [44, 46, 44, 46, 45, 46, 45, 45, 44, 45],
        [1, 5, 6, 7, 7],
        "8ff20a074ea85951671cbff2cc9ec32604e319a7da600ef0946cef6673c2d9d4",
    ),
    (
        "hoda",
        "train",
        [6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000],
        [6, 5, 0, 2, 7],
        "5f1450125df688c90ccfa6538b85e1144841e2d1ef8ec29fc1b6e1a773ffc6f4",
    ),
    (
        "hoda",
        "remaining",
        [2070, 2330, 1923, 2334, 2333, 2110, 2254, 2363, 2264, 2371],
        [4, 1, 6, 5, 2],
        "19a38f902df51112ce19ca554d59128f99dd48c1cf1586e36b9915d134580b8c",
    ),
    (
        "hoda",
        "test",
        [2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000],
        [0, 0, 0, 0, 0],
        "11809d146d652b3e1bbe27824176afb5b8bb16bcc22cc621a49f52dd8d98d5aa",
    ),
    (
        "mnist",
        "train",
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [5, 0, 4, 1, 9],
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    (
        "mnist",
        "test",
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        [7, 2, 1, 0, 4],
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    ),
]


@pytest.mark.parametrize(
    ("name", "split", "per_class", "first", "sha256"), FACTS, ids=[f"{name}-{split}" for name, split, *_ in FACTS]
)
def test_each_split_has_its_published_counts_and_pinned_pixels(
    name: str, split: str, per_class: list[int], first: list[int], sha256: str, request: pytest.FixtureRequest
) -> None:
    if name != "digits":
        request.getfixturevalue("data_dir")
    data = DATASETS[name].load(split)
    assert data.images.dtype == np.uint8
    assert data.labels.dtype == np.int64
    assert data.images.shape == (sum(per_class), *DATASETS[name].shape)
    assert np.bincount(data.labels).tolist() == per_class
    assert data.labels[:5].tolist() == first
    assert hashlib.sha256(np.ascontiguousarray(data.images).tobytes()).hexdigest() == sha256


def test_every_data_set_names_its_licence_and_reads_every_split_it_lists() -> None:
    for dataset in DATASETS:
        assert dataset.licence
        assert set(dataset.files) <= set(dataset.splits)
        assert len(dataset.classes) == len(set(dataset.classes))


def test_the_positive_class_of_breastmnist_is_the_malignant_one() -> None:
    dataset = DATASETS["breastmnist"]
    assert dataset.positive == 0
    assert dataset.classes[0] == "malignant"


def test_the_digits_splits_share_no_image_row_and_cover_the_whole_set() -> None:
    from sklearn.datasets import load_digits

    train, test = DATASETS["digits"].load("train"), DATASETS["digits"].load("test")
    both = np.concatenate([train.images, test.images]).reshape(-1, 64)
    whole = np.rint(load_digits(return_X_y=True)[0] * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole))


def test_the_whole_of_hoda_decodes_as_a_plain_loop_decodes_it(data_dir: Path) -> None:
    path = data_dir / "hoda" / "Test 20000.cdb"
    data = path.read_bytes()
    labels, boxes = read_cdb(path)
    at = 1024
    for row, box in enumerate(boxes):
        label, width, height = data[at + 1], data[at + 2], data[at + 3]
        size = int.from_bytes(data[at + 4 : at + 6], "little")
        assert (label, height, width) == (labels[row], *box.shape)
        if row % 20 == 0:
            assert box.tolist() == plain_decode(data[at + 6 : at + 6 + size], width)
        at += 6 + size
    assert at == len(data)


def plain_decode(runs: bytes, width: int) -> list[list[int]]:
    rows, row, value = [], [], 0
    for run in runs:
        row += [value] * run
        value = 255 - value
        if len(row) == width:
            rows.append(row)
            row, value = [], 0
    return rows
