"""Advice names what works: only classifiers that take the images at hand."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from ganeval import classifier_score, evaluate, fid
from ganeval.classifiers.catalog import judges_for
from ganeval.core import registry
from ganeval.errors import MissingFileError, UndefinedError, WrongInputError
from ganeval.extractors import weights
from ganeval.features.extraction import load_extractor

SHAPES = {
    (1, 8, 8): {"digits"},
    (1, 28, 28): {"breastmnist", "hoda", "mnist"},
    (3, 32, 32): {"cifar10"},
    (1, 32, 32): set(),
}
NAMES = ("breastmnist", "cifar10", "digits", "hoda", "mnist")


def images(shape: tuple[int, int, int], n: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)


def named_in(text: str) -> set[str]:
    return {name for name in NAMES if re.search(rf"\b{name}\b", text)}


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without weights and without a network."""
    monkeypatch.setattr(weights, "weight_folders", lambda: [tmp_path])
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")


@pytest.mark.parametrize("shape", SHAPES)
def test_only_judges_that_take_the_images_are_named(shape: tuple[int, int, int]) -> None:
    assert named_in(judges_for(shape)) == SHAPES[shape]
    with pytest.raises(UndefinedError) as caught:
        classifier_score(images(shape), np.zeros(20, np.int64))
    assert named_in(str(caught.value)) == SHAPES[shape]


@pytest.mark.parametrize("shape", SHAPES)
def test_without_weights_and_network_only_judges_that_take_the_images_are_named(
    shape: tuple[int, int, int],
    no_weights: None,
) -> None:
    with pytest.raises(MissingFileError) as caught:
        fid(images(shape), images(shape))
    assert named_in(str(caught.value)) == SHAPES[shape]


def test_a_metric_without_logits_names_judges_that_take_the_images() -> None:
    found = evaluate(images((1, 8, 8)), images((1, 8, 8)), extractor="pixels", metrics=["inception_score"], floor=False)
    assert named_in(found["inception_score"].status) == {"digits"}


def test_where_none_fits_it_is_said_how_to_get_one() -> None:
    for said in ("ganeval zoo train", "train_classifier", "ganeval.classifiers.wrap"):
        assert said in judges_for((3, 48, 48))


@pytest.mark.parametrize("loads", ["None", "3", "dict()", "object()", "Path"])
def test_an_entry_point_that_gives_no_extractor_is_told_what_it_gave(
    loads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_judges.py").write_text(
        "from pathlib import Path\nfrom ganeval.core.extractor import ExtractorSpec\n"
        f"JUDGE = ExtractorSpec(name='odd', load=lambda: {loads})\n"
    )
    info = tmp_path / "odd_judges-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-judges\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganeval.classifiers]\nodd = odd_judges\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_CACHE", {})
    monkeypatch.delitem(sys.modules, "odd_judges", raising=False)
    with pytest.raises(WrongInputError, match=r"follow ganeval.core.extractor.Extractor; got"):
        load_extractor("odd")


def test_weights_under_the_name_of_pytorch_fid_are_looked_for_in_the_folder_of_torch_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("GANEVAL_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "pt_inception-2015-12-05-6726825d.pth").write_bytes(b"found, but not the published bytes")
    with pytest.raises(WrongInputError, match=r"pt_inception.*must be the published file"):
        load_extractor("inception")


@pytest.mark.parametrize("stem", ["weights-inception-2015-12-05-6726825d", "pt_inception-2015-12-05-6726825d"])
@pytest.mark.parametrize("folder", ["searched", "downloads"])
def test_nobody_waits_for_a_pipe_in_the_place_of_weights(
    folder: str, stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "searched", tmp_path / "downloads"]
    for place in folders:
        place.mkdir()
    monkeypatch.setattr(weights, "weight_folders", lambda: folders)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    os.mkfifo(tmp_path / folder / f"{stem}.pth")
    os.mkfifo(tmp_path / folder / f"{stem}.safetensors")
    with pytest.raises((MissingFileError, WrongInputError), match="Expected"):
        load_extractor("inception")


def test_where_weights_are_missing_the_networks_that_need_none_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "weight_folders", lambda: [tmp_path])
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(MissingFileError, match=r"one of: digits.* Or pass extractor='wavelet' or 'pixels'"):
        load_extractor("inception", (1, 8, 8))
