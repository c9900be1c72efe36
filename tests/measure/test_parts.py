"""A set in parts is the set: in any order, by any number of jobs, after a kill; other parts are refused."""

from __future__ import annotations

import json
import os
import random
import runpy
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganeval import Compute, Evaluation, Protocol, image_set, measure
from ganeval.cli.main import main
from ganeval.errors import GanevalError, IncomparableError, MissingFileError, WrongInputError
from ganeval.extractors import EXTRACTORS
from ganeval.features.cache import read_file, write_file
from ganeval.features.extraction import extract
from ganeval.features.parts import join_parts
from ganeval.measure.embedding import embed
from tests.forks import Forks

GENERATOR = Path(__file__).with_name("parts_generator.py")
draw = runpy.run_path(str(GENERATOR))["draw"]
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (90, 6, 6), dtype=np.uint8)
LABELS = RNG.integers(0, 3, 90)
REAL = RNG.integers(0, 256, (80, 6, 6), dtype=np.uint8)
HOW = Protocol(real=REAL, extractor="pixels", metrics=("fid", "kid", "recall", "vendi"), floor=False)
TEN = Compute(batch_size=10)


def in_parts(folder: Path, of: int, *, images: object = IMAGES, how: Protocol = HOW, order: int = 0) -> Path:
    numbers = list(range(1, of + 1))
    random.Random(order).shuffle(numbers)
    for number in numbers:
        embed(images, how, TEN, part=f"{number}/{of}", out=folder)
    return folder


def values(evaluation: Evaluation) -> dict[str, tuple[object, object]]:
    return {name: (record.value, record.se) for name, record in evaluation.scores.items()}


def halved() -> Any:
    return replace(EXTRACTORS["pixels"].load(), preprocessing="halved")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("of", [1, 2, 7, 12])
def test_parts_in_any_order_are_the_set_bit_for_bit(tmp_path: Path, of: int) -> None:
    images = image_set((IMAGES, LABELS))
    joined = join_parts(in_parts(tmp_path / "parts", of, images=images, order=of))
    whole = extract(images, "pixels", compute=TEN)
    assert joined.embeddings.equal(whole.embeddings)
    assert joined.labels is not None
    assert joined.labels.equal(whole.labels)  # pyright: ignore[reportArgumentType]
    assert joined.passport == whole.passport


def test_measure_takes_a_folder_of_parts_in_place_of_images(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts", 4)
    whole, parts = measure(IMAGES, HOW, TEN), measure(folder, HOW, TEN)
    assert values(parts) == values(whole)
    assert {r.signature for r in parts.scores.values()} == {r.signature for r in whole.scores.values()}


@pytest.mark.parametrize("of", [1, 3, 12])
def test_parts_are_merged_without_their_rows_where_moments_suffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: int
) -> None:
    how = HOW.with_(metrics=("fid",), options={"fid": {"se": False}})
    images = image_set((IMAGES, LABELS))
    fake, real = in_parts(tmp_path / "fake", of, images=images, order=of), in_parts(tmp_path / "real", of, images=REAL)
    whole = measure(images, how, TEN)
    monkeypatch.setattr("ganeval.measure.references.join_parts", None)  # nobody asks for rows
    for found in (measure(fake, how, TEN), measure(fake, how.with_(real=real), TEN)):
        assert values(found) == values(whole)
        assert (found.fake, found.real.fingerprint) == (whole.fake, whole.real.fingerprint)
        assert found["fid"].signature == whole["fid"].signature


def test_missing_parts_are_named_where_moments_suffice_too(tmp_path: Path) -> None:
    (in_parts(tmp_path / "parts", 3) / "part-2-of-3.safetensors").unlink()
    with pytest.raises(MissingFileError, match="2/3"):
        measure(tmp_path / "parts", HOW.with_(metrics=("fid",), options={"fid": {"se": False}}), TEN)


def test_a_generator_is_drawn_in_parts_and_gives_the_number_of_one_process(tmp_path: Path) -> None:
    how = HOW.with_(n=1200, metrics=("fid",))
    for part in ("3/3", "1/3", "2/3"):
        embed(None, how, TEN, part=part, out=tmp_path / "parts", generator=draw)
    assert values(measure(tmp_path / "parts", how.with_(n=None), TEN)) == values(
        measure(None, how, TEN, generator=draw)
    )


def test_files_are_decoded_part_by_part(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for row, pixels in enumerate(IMAGES[:30]):
        Image.fromarray(pixels).save(tmp_path / "images" / f"{row}.png")
    for number in (2, 1):
        part = embed(str(tmp_path / "images"), HOW, TEN, part=f"{number}/2", out=tmp_path / "parts")
        assert len(read_file(part)[0]["embeddings"]) == (20, 10)[number - 1]
    whole = extract(image_set(tmp_path / "images"), "pixels", compute=TEN)
    assert join_parts(tmp_path / "parts").passport.fingerprint == whole.passport.fingerprint


def test_a_killed_job_is_run_again_and_finished_parts_are_not_made_again(tmp_path: Path, forks: Forks) -> None:
    how = HOW.with_(n=7 * 500, metrics=("fid",))
    blocks = [int(image_set(draw, n=7 * 500).load(500 * block, 500 * block + 1)[0, 0, 0, 0]) for block in range(7)]
    assert len(set(blocks)) == 7
    command = [
        sys.executable,
        "-m",
        "ganeval",
        "embed",
        "--generator",
        "parts_generator:draw",
        "--n",
        "3500",
        "--extractor",
        "pixels",
        "--batch-size",
        "10",
        "--out",
        str(tmp_path / "parts"),
        "--part",
    ]

    def run(number: int, **environment: str) -> int:
        child = forks.start([*command, f"{number}/7"], env={**os.environ, **environment}, cwd=GENERATOR.parent)
        return child.wait()

    for number in range(1, 5):
        embed(None, how, TEN, part=f"{number}/7", out=tmp_path / "parts", generator=draw)
    assert run(5, KILL_AT=str(blocks[4])) == -signal.SIGKILL
    with pytest.raises(MissingFileError, match=r"misses 3 of 7 parts: 5/7, 6/7, 7/7"):
        join_parts(tmp_path / "parts")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("part-*")}
    assert len(before) == 4
    assert run(5) == 0
    for number in (1, 2, 3, 4, 6, 7):
        embed(None, how, TEN, part=f"{number}/7", out=tmp_path / "parts", generator=draw)
    assert {name: (tmp_path / "parts" / name).stat().st_mtime_ns for name in before} == before
    assert values(measure(tmp_path / "parts", how.with_(n=None), TEN)) == values(
        measure(None, how, TEN, generator=draw)
    )


def test_two_files_of_one_part_are_named(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts", 2)
    shutil.copy(folder / "part-1-of-2.safetensors", folder / "part-1-of-2-copy.safetensors")
    with pytest.raises(WrongInputError, match="holds part 1 twice"):
        join_parts(folder)


def test_parts_of_two_divisions_are_refused(tmp_path: Path) -> None:
    in_parts(in_parts(tmp_path / "parts", 2), 3)
    with pytest.raises(IncomparableError, match="parts of 2 and of 3"):
        join_parts(tmp_path / "parts")


@pytest.mark.parametrize("cut", [10, 200, -1])
def test_a_truncated_part_is_named_and_made_again(tmp_path: Path, cut: int) -> None:
    folder = in_parts(tmp_path / "parts", 2)
    part = folder / "part-2-of-2.safetensors"
    part.write_bytes(part.read_bytes()[:cut])
    with pytest.raises(WrongInputError, match=r"part-2-of-2"):
        join_parts(folder)
    in_parts(folder, 2)
    assert len(join_parts(folder)) == len(IMAGES)


@pytest.mark.parametrize(
    ("images", "how", "compute"),
    [
        (255 - IMAGES, HOW, TEN),
        (IMAGES, HOW.with_(extractor=halved()), TEN),
        (IMAGES, HOW.with_(precision="bf16"), TEN),
        (IMAGES, HOW, Compute(batch_size=30)),
        (IMAGES[:60], HOW, TEN),
    ],
    ids=["images", "network", "precision", "batch", "n"],
)
def test_a_part_of_another_protocol_is_neither_overwritten_nor_mixed_in(
    tmp_path: Path, images: np.ndarray, how: Protocol, compute: Compute
) -> None:
    folder = in_parts(tmp_path / "parts", 2)
    with pytest.raises(IncomparableError, match="another set"):
        embed(images, how, compute, part="2/2", out=folder)
    other = embed(images, how, compute, part="2/2", out=tmp_path / "other")
    shutil.copy(other, folder)
    with pytest.raises(IncomparableError):
        join_parts(folder)


def test_generated_parts_of_another_seed_are_refused(tmp_path: Path) -> None:
    how = HOW.with_(n=600)
    embed(None, how, TEN, part="1/2", out=tmp_path / "parts", generator=draw)
    embed(None, how.with_(seed=1), TEN, part="2/2", out=tmp_path / "parts", generator=draw)
    with pytest.raises(IncomparableError, match="set or seed"):
        join_parts(tmp_path / "parts")


def test_a_foreign_file_among_the_parts_is_named(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts", 2)
    write_file(folder / "stranger.safetensors", {}, {"schema": "another/1"})
    with pytest.raises(WrongInputError, match="stranger"):
        join_parts(folder)


@pytest.mark.parametrize("part", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5", "1/9999999", "¹/3"])
def test_a_part_that_cannot_be_is_explained(tmp_path: Path, part: str) -> None:
    with pytest.raises(WrongInputError, match="i/k"):
        embed(IMAGES, HOW, TEN, part=part, out=tmp_path)


def test_the_command_line_embeds_and_measures_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "fake.npz", IMAGES[..., None])
    np.savez(tmp_path / "real.npz", REAL[..., None])
    out = str(tmp_path / "parts")
    for part in ("1/2", "2/2"):
        assert main(["embed", str(tmp_path / "fake.npz"), "--extractor", "pixels", "--part", part, "--out", out]) == 0
    told = ["--real", str(tmp_path / "real.npz"), "--extractor", "pixels", "--metrics", "fid"]
    for fake in (out, str(tmp_path / "fake.npz")):
        assert main(["evaluate", *told, "--fake", fake, "--json", f"{fake}.json"]) == 0
    first, second = (
        json.loads(Path(f"{fake}.json").read_text())["scores"]["fid"] for fake in (out, tmp_path / "fake.npz")
    )
    assert first == second
    capsys.readouterr()
    assert main(["embed", str(tmp_path / "fake.npz"), "--part", "1/2", "--out", out]) == 2
    assert "Pass an extractor or a classifier" in capsys.readouterr().err


def test_parts_may_not_lie_among_the_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", str(tmp_path), "--extractor", "pixels", "--out", str(tmp_path / "parts")]) == 2
    assert "outside" in capsys.readouterr().err


def test_features_are_no_images_to_embed(tmp_path: Path) -> None:
    with pytest.raises(GanevalError, match="features already"):
        embed(np.zeros((5, 2)), HOW, part="1/1", out=tmp_path)
