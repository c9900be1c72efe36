from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from ganeval import Meter, Protocol, image_set, measure
from ganeval.errors import GanevalError, IncomparableError, TooFewSamplesError, WrongInputError
from ganeval.records.scores import Evaluation

FAKE = image_set("digits:test")
PIXELS, LABELS = FAKE.array()[:180], np.arange(180) % 10
JUDGED = Protocol(
    real="digits:train", classifier="digits", floor=False, metrics=("fid", "kid", "coverage", "classifier_score")
)
TWO = Protocol(real="digits:train", extractor="pixels", classifier="digits", floor=False, metrics=("fid", "modes"))
MOMENTS = Protocol(
    real="digits:train", extractor="pixels", floor=False, metrics=("fid",), options={"fid": {"se": False}}
)


def fed(protocol: Protocol, size: int, *, labels: bool = True, part: slice = slice(None)) -> Meter:
    meter, pixels, asked = Meter(protocol), PIXELS[part], LABELS[part]
    for at in range(0, len(pixels), size):
        meter.update(pixels[at : at + size], asked[at : at + size] if labels else None)
    return meter


def assert_equal(found: Evaluation, whole: Evaluation) -> None:
    assert list(found) == list(whole)
    for name in whole:
        assert found[name].value == pytest.approx(whole[name].value, rel=1e-10, abs=1e-10), name
        assert (found[name].se or 0) == pytest.approx(whole[name].se or 0, rel=1e-6), name
        assert found[name].signature == whole[name].signature


@pytest.mark.parametrize("size", [1, 7, 256])
@pytest.mark.parametrize("protocol", [TWO, MOMENTS])
def test_batches_of_any_size_give_what_measure_gives(protocol: Protocol, size: int) -> None:
    assert_equal(fed(protocol, size).compute(), measure((PIXELS, LABELS), protocol))


def test_a_classifier_that_is_both_networks_gives_what_measure_gives() -> None:
    whole, found = measure((PIXELS, LABELS), JUDGED), fed(JUDGED, 60).compute()
    for name in whole:
        assert found[name].value == pytest.approx(whole[name].value, rel=1e-5), (
            name
        )  # its rows differ by batch: float32


def test_meters_of_parts_merge_to_the_meter_of_all() -> None:
    for protocol in (TWO, MOMENTS):
        one, other = fed(protocol, 50, part=slice(70)), fed(protocol, 50, part=slice(70, None))
        one.merge(other)
        assert one.n == 180
        assert_equal(one.compute(), measure((PIXELS, LABELS), protocol))
    with pytest.raises(IncomparableError, match="two protocols"):
        one.merge(Meter(TWO))


@pytest.mark.parametrize("protocol", [TWO, MOMENTS])
def test_a_state_goes_through_a_file_without_pickle_and_is_fed_on(protocol: Protocol) -> None:
    file = io.BytesIO()
    torch.save(fed(protocol, 64, part=slice(100)).state_dict(), file)
    file.seek(0)
    meter = Meter(protocol)
    meter.load_state_dict(torch.load(file, weights_only=True))
    meter.update(PIXELS[100:], LABELS[100:])
    assert_equal(meter.compute(), measure((PIXELS, LABELS), protocol))


def test_moments_alone_are_kept_where_every_metric_is_content_with_them() -> None:
    few, many = (fed(MOMENTS, 60, part=slice(n)).state_dict()["tensors"] for n in (60, 180))
    assert {name: value.shape for name, value in few.items()} == {name: value.shape for name, value in many.items()}


def test_a_meter_without_images_says_so_and_forgets_when_it_is_reset() -> None:
    meter = fed(MOMENTS, 60)
    meter.reset()
    assert meter.n == 0
    with pytest.raises(TooFewSamplesError, match="update"):
        meter.compute()
    meter.load_state_dict(Meter(MOMENTS).state_dict())
    assert meter.n == 0


def test_what_is_no_state_and_what_does_not_fit_are_refused() -> None:
    meter = fed(TWO, 60)
    with pytest.raises(WrongInputError, match="schema"):
        meter.load_state_dict({"n": 3})
    with pytest.raises(GanevalError, match="labels"):
        meter.update(PIXELS[:5])
    assert meter.n == 180


def test_a_state_of_other_metrics_is_refused_with_what_they_need() -> None:
    state, moments = fed(TWO, 90).state_dict(), fed(MOMENTS, 90).state_dict()
    for meter, foreign in ((Meter(MOMENTS), state), (Meter(TWO), moments)):
        with pytest.raises(IncomparableError, match="of the images; the state holds"):
            meter.load_state_dict(foreign)
        assert meter.n == 0


@pytest.mark.parametrize("lacking", ["tensors", "passport", "keeps"])
def test_a_state_that_lacks_something_is_refused(lacking: str) -> None:
    state = fed(MOMENTS, 64).state_dict()
    for broken in ({**state, lacking: None}, {key: value for key, value in state.items() if key != lacking}):
        with pytest.raises(WrongInputError, match="Save it again"):
            Meter(MOMENTS).load_state_dict(broken)


def test_what_cannot_be_joined_is_refused_when_it_comes_and_leaves_the_meter_as_it_was() -> None:
    larger = np.zeros((3, 1, 9, 9), np.uint8)
    for protocol in (TWO, MOMENTS):
        meter = fed(protocol, 90, part=slice(90))
        with pytest.raises(IncomparableError, match="one shape"):
            meter.update(larger + np.arange(3, dtype=np.uint8)[:, None, None, None])
        assert meter.n == 90
        assert meter.compute()["fid"].n == 90
    with pytest.raises(IncomparableError, match="always, or never"):
        fed(TWO, 90).update(PIXELS[:9])


@pytest.mark.parametrize("other", [None, 3, "meter"])
def test_only_another_meter_is_merged(other: object) -> None:
    meter = fed(MOMENTS, 90)
    for one in (other, meter):
        with pytest.raises(WrongInputError, match="another meter"):
            meter.merge(one)  # pyright: ignore[reportArgumentType]
