"""Sets that do not fit: rows in memory-mapped files, moments without rows, pixels in a nameless file,
and what is said.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval import Meter, fid, image_set
from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded
from ganeval.errors import WrongInputError
from ganeval.features.columns import Columns
from ganeval.features.extraction import extract
from ganeval.features.identity import keep_rows
from ganeval.features.statistics import Statistics
from ganeval.features.streaming import stream
from ganeval.images.generated import from_generator
from ganeval.images.spool import Spool
from ganeval.measure.embedding import embed
from ganeval.measure.measure import measure
from ganeval.numerics.logits import Verdicts
from ganeval.numerics.moments import Moments
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation

PIXELS = np.random.default_rng(5).integers(0, 256, (90, 1, 6, 6), dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ganeval"


def drawn(n: int, labels: object, rng: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 256, (n, 1, 4, 4), generator=rng, dtype=torch.uint8)


def drawn_larger(n: int, labels: object, rng: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 256, (n, 1, 6, 6), generator=rng, dtype=torch.uint8)


def test_rows_above_the_limit_lie_in_a_mapped_file_and_are_the_same(cache: Path) -> None:
    plain, mapped = (
        extract(image_set(PIXELS), "pixels", compute=Compute(cache_gib=gib)).embeddings for gib in (4.0, 0.0)
    )
    assert torch.equal(plain, mapped)
    assert plain.untyped_storage().filename is None
    assert str(cache) in str(mapped.untyped_storage().filename)
    assert not list((cache / "spool").iterdir())  # it has no name, so nothing is left when the process ends


def test_rows_that_come_in_parts_fill_their_room_in_order() -> None:
    room, rows = Columns(5, 0), torch.arange(12.0).view(6, 2)
    for part in rows.split(2):
        room.add(Embedded(part))
    assert torch.equal(room.rows["embeddings"], rows[:5])


def test_features_larger_than_the_cache_are_not_kept_in_silence(caplog: pytest.LogCaptureFixture, cache: Path) -> None:
    with caplog.at_level(logging.WARNING):
        keep_rows("ab" * 32, Embedded(torch.zeros(10, 10)), gib=1e-7)
    assert "cache_gib" in caplog.text
    assert not cache.exists()


@pytest.mark.parametrize("gib", [-1.0, float("nan"), float("inf")])
def test_a_cache_has_a_size(gib: float) -> None:
    with pytest.raises(WrongInputError, match="cache_gib"):
        extract(image_set(PIXELS), "pixels", compute=Compute(cache_gib=gib))


@pytest.mark.parametrize("batch", [1, 7, 64, 256])
def test_moments_of_a_stream_are_those_of_all_rows(batch: int) -> None:
    images = from_generator(drawn, n=2600, labels=None, seed=1, first=0)
    found = stream(images, "pixels", compute=Compute(batch_size=batch))
    rows = extract(images, "pixels").embeddings
    whole = Moments.of(rows)
    assert found.n == 2600
    assert isinstance(found.moments, Moments)
    assert found.passport == extract(images, "pixels").passport
    assert torch.allclose(found.moments.mean, whole.mean, rtol=1e-10)
    assert torch.allclose(found.moments.scatter, whole.scatter, rtol=1e-10, atol=1e-10 * float(whole.scatter.max()))


@pytest.mark.parametrize("most", [0, 90])
def test_rows_of_few_images_are_kept_for_the_next_time_although_moments_suffice(
    most: int, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganeval.measure.pairs.REMEMBERED", most)
    real, fake = (image_set(name).take(np.arange(90)) for name in ("digits:test", "digits:train"))
    found = fid(real, fake, extractor="digits", se=False)
    bare = fid(*(extract(one, "digits", compute=Compute(cache=False)).embeddings for one in (real, fake)))
    assert float(found) == pytest.approx(float(bare), rel=1e-9)
    assert len(list(cache.glob("features/*.safetensors"))) == (2 if most else 0)


def test_any_block_can_be_drawn_anywhere_in_any_order() -> None:
    whole = image_set(drawn, n=1700, seed=4).array()
    lazy = from_generator(drawn, n=1700, labels=None, seed=4, first=1500)
    for start, stop in ((1500, 1700), (0, 10), (499, 501), (900, 1600)):
        assert np.array_equal(lazy.load(start, stop), whole[start:stop])
    assert lazy.fingerprint == image_set(whole).fingerprint
    assert len(np.unique(whole.reshape(1700, -1), axis=0)) == 1700  # no block repeats another


@pytest.mark.parametrize("in_memory", [0, 200, 10**9])
def test_pixels_come_back_as_they_were_whatever_the_order_they_were_written_in(in_memory: int) -> None:
    spool = Spool((1, 6, 6), in_memory=in_memory)
    for start in (60, 0, 30):
        spool.write(start, PIXELS[start : start + 30])
    assert np.array_equal(spool.read(0, 90), PIXELS)
    assert np.array_equal(spool.read(25, 61), PIXELS[25:61])


def test_a_generator_that_cannot_repeat_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    own = np.random.default_rng(0)
    monkeypatch.setattr("ganeval.images.blocks.room", lambda: 0)  # a full disk: what was drawn cannot be kept
    images = from_generator(
        lambda n, labels, rng: own.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8), n=600, labels=None, seed=0, first=0
    )
    with pytest.raises(WrongInputError, match=r"must draw from the torch\.Generator that it is given"):
        [images.load(row, row + 1) for row in (599, 0)]
    again = from_generator(drawn, n=600, labels=None, seed=0, first=0)
    assert np.array_equal(again.array(), image_set(drawn, n=600, seed=0).array())


def test_nothing_stays_on_the_disk(cache: Path) -> None:
    spool = Spool((1, 6, 6), in_memory=0)
    spool.write(0, PIXELS)
    assert not list((cache / "spool").iterdir())


def test_where_only_moments_are_asked_for_no_row_is_kept_and_the_number_is_the_same() -> None:
    protocol = Protocol(real=PIXELS, extractor="pixels", metrics=("fid",), n=700, floor=False)
    with_error = measure(drawn_larger, protocol)["fid"]
    found = measure(drawn_larger, protocol.with_(options={"fid": {"se": False}}))
    assert found["fid"].value == pytest.approx(with_error.value, rel=1e-10)
    assert found["fid"].signature == with_error.signature
    assert found["fid"].se is None
    assert found["fid"].n == 700
    assert not found.per_sample


JUDGED = ("fid", "inception_score")


def judged(*, se: bool, real: object = "digits:test") -> Protocol:
    options = {name: {"se": se} for name in JUDGED}
    return Protocol(real=real, extractor="digits", metrics=JUDGED, floor=False, options=options)


def assert_same_scores(found: Evaluation, expected: Evaluation) -> None:
    for name in JUDGED:
        assert found[name].value == pytest.approx(expected[name].value, rel=1e-10)
        assert found[name].signature == expected[name].signature
        assert found.classifier == expected.classifier


def test_an_inception_score_of_sums_is_that_of_all_verdicts(tmp_path: Path) -> None:
    images, whole = image_set("digits:train"), measure("digits:train", judged(se=True))
    sums = measure("digits:train", judged(se=False))
    assert_same_scores(sums, whole)
    assert (sums["inception_score"].se, sums.per_sample) == (None, {})
    for part in (1, 2):
        embed(images, Protocol(extractor="digits"), Compute(batch_size=256), part=f"{part}/2", out=tmp_path / "parts")
    assert_same_scores(measure(tmp_path / "parts", judged(se=False)), whole)


def test_a_meter_keeps_sums_of_verdicts_where_they_suffice_and_no_verdicts_where_nobody_looks_at_them() -> None:
    images, whole = image_set("digits:train").array(), measure("digits:train", judged(se=True))
    meter, other = Meter(judged(se=False)), Meter(judged(se=False))
    for at, start in enumerate(range(0, len(images), 400)):
        (meter, other)[at % 2].update(images[start : start + 400])
    meter.merge(other)
    again = Meter(judged(se=False))
    again.load_state_dict(meter.state_dict())
    assert_same_scores(again.compute(), whole)
    assert sum(tensor.nbytes for tensor in meter.state_dict()["tensors"].values()) < 8 * (128 * 130 + 100)
    alone = Meter(judged(se=True).with_(metrics=("fid",), options={}))
    alone.update(images[:400])
    assert "logits" not in alone.state_dict()["tensors"]


def test_sums_of_verdicts_are_in_files_of_statistics_and_refused_where_they_cannot_be(tmp_path: Path) -> None:
    kept = Statistics.of(extract(image_set("digits:train"), "digits", compute=Compute(cache=False)))
    found = Statistics.load(kept.save(tmp_path / "kept.safetensors"))
    assert kept.verdicts is not None
    assert found.verdicts is not None
    assert torch.equal(found.verdicts.total, kept.verdicts.total)
    for wrong in (kept.verdicts.total * 2, -kept.verdicts.total, kept.verdicts.total[:2], kept.verdicts.total * np.nan):
        file = replace(kept, verdicts=Verdicts(kept.passport.n, wrong)).save(tmp_path / "wrong.safetensors")
        with pytest.raises(WrongInputError, match="class probabilities"):
            Statistics.load(file)
