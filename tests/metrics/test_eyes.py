"""Several networks look at the same images: ratios, errors, the one that was held out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import ganeval
from ganeval import image_set
from ganeval.cli.tables import render_evaluation
from ganeval.errors import MissingFileError, TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.gate.entry import Look
from ganeval.gate.rule import GateConfigError
from ganeval.gate.rules import parse_config
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import find_fault
from ganeval.measure.functions import function_of
from ganeval.metrics.eyes import eye_gap, fdr
from ganeval.records.eyes import eyes_of
from ganeval.records.protocol import Protocol

# Shuffled: the digits come writer by writer, and the last writers are not the first.
_DIGITS = image_set("digits:train").take(np.random.default_rng(1).permutation(1000))
REAL, FAKE = _DIGITS.take(np.arange(700)), _DIGITS.take(np.arange(700, 1000))


def two_eyes(seed: int, shift: float) -> Pair:
    """Eight columns seen twice: mixed, and without their signs."""
    mix = torch.randn(8, 8, generator=torch.Generator().manual_seed(99))
    rows = torch.randn(500, 8, generator=torch.Generator().manual_seed(seed))
    rows[350:] += shift
    sides = [(Features.given(x[:350]), Features.given(x[350:])) for x in (rows @ mix, (rows @ mix).abs())]
    return Pair(*sides[0], seed=seed, eyes=(Pair(*sides[1]),))


def test_a_ratio_is_the_distance_of_fakes_over_that_of_real_images_to_the_same_reference() -> None:
    rows = torch.tensor([[0.0], [1.0]] * 30)
    score = fdr(Pair(Features.given(rows), Features.given(rows[:30] + 3), eyes=(Pair(*[Features.given(rows)] * 2),)))
    row = score.details["eyes"][0]
    assert row["ratio"] == pytest.approx(row["distance"] / row["real_against_real"])
    assert row["distance"] == pytest.approx(9.0, abs=1.0)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_error_of_the_ratio_and_of_the_gap_is_what_fresh_samples_spread_by(shift: float) -> None:
    pairs = [two_eyes(seed, shift) for seed in range(80)]
    for metric in (fdr, eye_gap):
        scores = [metric(pair) for pair in pairs]
        values, errors = (np.array([x(s) for s in scores]) for x in (float, lambda s: s.se))
        if metric is eye_gap:
            values, errors = np.log(values), errors / values
        assert 0.8 < errors.mean() / values.std() < 1.6


def test_equal_sets_are_not_called_gamed() -> None:
    assert sum(eye_gap(two_eyes(seed, 0.0)).details["p_value"] <= 0.01 for seed in range(80)) <= 2


def test_an_eye_that_was_held_out_sees_what_the_chosen_one_cannot() -> None:
    """The network of digits hardly sees a checkerboard; the wavelets do."""
    broken = find_fault("checkerboard")(FAKE.array(), None, np.random.default_rng(0), strength=24)
    how: dict[str, Any] = {
        "extractor": "digits",
        "extractors": ["wavelet"],
        "metrics": ["fdr", "eye_gap"],
        "floor": False,
    }
    healthy, gamed = (ganeval.evaluate(REAL, ImageSet.from_array(x), **how) for x in (FAKE.array(), broken))
    assert healthy["eye_gap"].details["p_value"] > 0.01
    assert gamed["eye_gap"].details["p_value"] <= 0.01
    assert gamed["eye_gap"].details["worst"] == "wavelet"
    assert [row.name for row in eyes_of(gamed.scores)] == ["digits-cnn", "wavelet"]
    assert "wavelet" in render_evaluation(gamed)
    assert "chosen" in render_evaluation(gamed)
    assert "fdr.wavelet" in Look.of(gamed).entries


def test_without_an_extractor_or_a_classifier_the_first_eye_is_the_chosen_one() -> None:
    score = function_of("fdr")(REAL, FAKE, extractors=["wavelet", "pixels"])
    assert [row["chosen"] for row in score.details["eyes"]] == [True, False]
    assert score.details["eyes"][0]["name"] == "wavelet"


def test_the_order_of_the_further_eyes_moves_nothing() -> None:
    one, other = (
        function_of("fdr")(REAL, FAKE, extractor="digits", extractors=names)
        for names in (["wavelet", "pixels"], ["pixels", "wavelet", "pixels"])
    )
    assert float(one) == pytest.approx(float(other), rel=1e-12)
    assert one.signature == other.signature


def test_one_eye_alone_cannot_be_held_out() -> None:
    for names in ((), ("digits",)):
        with pytest.raises(UndefinedError, match="extractors="):
            function_of("eye_gap")(REAL, FAKE, extractor="digits", extractors=names)


def test_an_eye_without_weights_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", _offline)
    with pytest.raises(MissingFileError, match="extractors"):
        function_of("fdr")(REAL, FAKE, extractor="digits", extractors=["dinov2-vit-s-14"])


def _offline(*_: Any, **__: Any) -> str:
    raise OSError("no network")


def test_an_eye_that_gives_every_image_one_row_is_refused() -> None:
    rows = torch.randn(90, 2, generator=torch.Generator().manual_seed(0))
    blind = Pair(Features.given(torch.zeros(60, 2)), Features.given(torch.zeros(30, 2)))
    with pytest.raises(UndefinedError, match="distance 0"):
        fdr(Pair(Features.given(rows[:60]), Features.given(rows[60:]), eyes=(blind,)))


def test_too_few_images_for_a_ratio_are_refused() -> None:
    pair = two_eyes(0, 0.0)
    few = [replace(eye.fake, embeddings=eye.fake.embeddings[:9]) for eye in (pair, *pair.eyes)]
    assert pair.real is not None
    assert pair.eyes[0].real is not None
    with pytest.raises(TooFewSamplesError, match="Pass more images"):
        fdr(Pair(pair.real, few[0], eyes=(Pair(pair.eyes[0].real, few[1]),)))


@pytest.mark.parametrize("wrong", ["wavelet", 3, {"wavelet": 1}, [7], [""], [["wavelet"]]])
def test_extractors_that_are_no_list_of_networks_are_refused(wrong: Any) -> None:
    with pytest.raises(WrongInputError, match="extractors must be"):
        Protocol(extractors=wrong)


def test_extractors_come_from_a_file_as_they_are_written_there() -> None:
    assert Protocol.parse({"extractors": ["wavelet", "pixels"]}).to_json() == {"extractors": ["wavelet", "pixels"]}


def test_a_file_with_rules_names_further_networks_in_a_list() -> None:
    rule = {"metric": "fdr.wavelet", "max": 4.0}
    config = parse_config({"real": "a", "extractors": ["wavelet"], "rule": [rule]})
    assert config.protocol.extractors == ("wavelet",)
    with pytest.raises(GateConfigError, match="extractors must be of type list"):
        parse_config({"real": "a", "extractors": "wavelet", "rule": [rule]})


def test_rows_of_a_foreign_evaluation_that_are_not_whole_are_left_out() -> None:
    from ganeval.records.scores import ScoreRecord

    broken = [{"name": "x", "ratio": float("nan")}, 7, {"ratio": 1, "se": 0, "distance": 2, "real_against_real": True}]
    assert eyes_of({"fdr": ScoreRecord("fdr", "ok", 1.0, details={"eyes": broken})}) == []
