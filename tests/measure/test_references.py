"""A published mean and covariance, or rows of features, wherever real images may stand."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

import ganeval
from ganeval import Protocol, evaluate, fid, fid_debiased, kid, measure
from ganeval.classifiers import CLASSIFIERS
from ganeval.cli.main import main
from ganeval.core.extractor import ExtractorSpec
from ganeval.errors import GanevalError, IncomparableError, UndefinedError, WrongInputError
from ganeval.features.extraction import registered
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.images import image_set
from ganeval.metrics import METRICS
from ganeval.records.given import notes_on
from ganeval.records.scores import Evaluation

SEEN = ganeval.extract(image_set("digits:train"), "pixels")
FAKE = image_set("digits:test")
KNOWN = Statistics.of(SEEN)
MU = KNOWN.gaussian.mean.numpy()
SIGMA = KNOWN.gaussian.covariance.matrix.numpy()  # pyright: ignore[reportOptionalMemberAccess]
TRUE = fid("digits:train", FAKE, extractor="pixels")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("published")
    np.savez(place / "moments.npz", mu=MU, sigma=SIGMA)
    np.savez(place / "adm.npz", arr_0=image_set("digits:train").array()[:200, 0], mu=MU, sigma=SIGMA)
    np.save(place / "rows.npy", SEEN.embeddings.numpy())
    KNOWN.save(place / "own.safetensors")
    return place


@pytest.mark.parametrize("name", ["moments.npz", "adm.npz", "rows.npy", "own.safetensors"])
def test_any_of_them_gives_the_fid_of_the_images_with_its_error(place: Path, name: str) -> None:
    found = fid(place / name, FAKE, extractor="pixels")
    assert found == pytest.approx(TRUE, rel=1e-8)
    assert found.se == pytest.approx(TRUE.se, rel=1e-8)


def test_statistics_beside_images_serve_fid_and_the_images_the_rest(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        e = evaluate(place / "adm.npz", FAKE, extractor="pixels", metrics=["fid", "kid"], floor=False)
    few = image_set("digits:train").take(np.arange(200))
    assert e["fid"].value == pytest.approx(TRUE, rel=1e-8)
    assert e["kid"].value == pytest.approx(kid(few, FAKE, extractor="pixels"), rel=1e-12)
    assert "mean and covariance: fid. From its images: kid." in caplog.text
    assert e.real.n == 200
    assert e.sets["moments"]["metrics"] == ["fid"]
    assert any("fid" in note for note in notes_on(e))


def test_the_images_beside_statistics_are_not_opened_where_nobody_asks(place: Path) -> None:
    e = evaluate(place / "adm.npz", FAKE, extractor="pixels", metrics=["fid"])
    assert e.real.given
    assert e.real.n == 0


def test_a_file_that_names_no_network_needs_the_callers_word(place: Path) -> None:
    for name in ("moments.npz", "adm.npz", "rows.npy"):
        with pytest.raises(WrongInputError, match=r"which network.*extractor="):
            fid(place / name, FAKE)


def test_the_evaluation_says_whose_word_the_network_is_and_survives_its_file(place: Path, tmp_path: Path) -> None:
    e = measure(FAKE, Protocol(real=str(place / "moments.npz"), extractor="pixels", metrics=("fid",)))
    again = Evaluation.read(e.write(tmp_path / "e.json"))
    assert again.real.given
    assert again.real.extractor == "pixels"
    assert not again.fake.given
    assert any("caller's word" in note for note in notes_on(again))
    assert "published mean and covariance" in again.measured


def test_statistics_of_ours_are_measured_by_their_own_network(place: Path) -> None:
    assert fid(place / "own.safetensors", FAKE) == pytest.approx(TRUE, rel=1e-8)
    assert fid(place / "own.safetensors", FAKE).signature == TRUE.signature


def test_statistics_of_ours_refuse_another_network(place: Path) -> None:
    with pytest.raises(IncomparableError, match=r"statistics by pixels.*digits-cnn"):
        fid(place / "own.safetensors", FAKE, extractor="digits")


def test_another_width_than_the_networks_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "short.npz", mu=MU[:9], sigma=SIGMA[:9, :9])
    with pytest.raises(IncomparableError, match="9 numbers; pixels makes 64"):
        fid(tmp_path / "short.npz", FAKE, extractor="pixels")


def test_what_needs_rows_says_so_and_what_to_pass(place: Path) -> None:
    with pytest.raises(UndefinedError, match=r"mean and a covariance alone.*Pass the images"):
        kid(place / "moments.npz", FAKE, extractor="pixels")
    e = evaluate(place / "moments.npz", FAKE, extractor="pixels", metrics=["fid", "precision"])
    assert e["fid"].ok
    assert "mean and a covariance alone" in e["precision"].status


def test_what_n_would_be_needed_for_is_named(place: Path) -> None:
    with pytest.raises(UndefinedError, match="divided by n needs n"):
        fid(place / "moments.npz", FAKE, extractor="pixels", convention="stylegan3")
    known = fid(place / "own.safetensors", FAKE, convention="stylegan3")
    assert known == pytest.approx(fid("digits:train", FAKE, extractor="pixels", convention="stylegan3"), rel=1e-8)


def test_held_out_images_give_the_floor_of_published_statistics(place: Path) -> None:
    how = {"heldout": "digits:train", "extractor": "pixels", "metrics": ["fid"]}
    floor = evaluate(place / "moments.npz", FAKE, **how)["fid"].floor
    assert floor is not None
    assert floor.against == "heldout"
    assert evaluate(place / "moments.npz", FAKE, extractor="pixels", metrics=["fid"])["fid"].floor is None


def test_a_second_network_judges_the_fakes_beside_a_published_reference(place: Path) -> None:
    e = evaluate(
        place / "moments.npz", FAKE, extractor="pixels", classifier="digits", metrics=["fid", "classifier_score"]
    )
    assert e["fid"].value == pytest.approx(TRUE, rel=1e-8)
    assert e["classifier_score"].ok


def test_two_files_are_compared_without_the_network_that_made_them(place: Path) -> None:
    found = fid(place / "moments.npz", place / "rows.npy", extractor="inception")
    assert found == pytest.approx(0, abs=1e-9)
    assert "x:inception" in found.signature
    with pytest.raises(WrongInputError, match="which network"):
        fid(place / "moments.npz", place / "rows.npy")


def test_bare_rows_are_compared_with_a_file_as_with_bare_rows(place: Path) -> None:
    rows = SEEN.embeddings.numpy() + 1
    assert fid(place / "moments.npz", rows) == pytest.approx(fid(SEEN.embeddings.numpy(), rows), rel=1e-9)


def test_moments_of_fakes_give_a_distance_without_an_error_that_says_why() -> None:
    mine = Statistics.of(ganeval.extract(FAKE, "pixels"))
    found = fid("digits:train", mine)
    assert found == pytest.approx(TRUE, rel=1e-8)
    assert found.se is None
    assert "rows" in found.details["no_error"]
    assert found.signature == TRUE.signature
    with pytest.raises(UndefinedError, match=r"generated images.*mean and a covariance alone"):
        kid("digits:train", mine)
    with pytest.raises(UndefinedError, match=r"generated images.*mean and a covariance alone"):
        fid_debiased("digits:train", mine)
    with pytest.raises(WrongInputError, match="no part"):
        fid("digits:train", mine, n=100)


def test_statistics_cannot_be_what_a_generator_was_trained_on(place: Path) -> None:
    with pytest.raises(WrongInputError, match="train must be images"):
        evaluate("digits:train", FAKE, extractor="pixels", train=place / "moments.npz")


def test_spatial_moments_serve_sfid(tmp_path: Path) -> None:
    rows = torch.randn(60, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    passport = Features.given(rows).passport
    real, fake = (Features(part, passport, spatial=part[:, :3] ** 2) for part in (rows, rows + 0.5))
    direct = ganeval.sfid(real, fake)
    known = Statistics.of(real)
    assert ganeval.sfid(known, fake) == pytest.approx(direct, rel=1e-9)
    assert ganeval.sfid(known, fake).se == pytest.approx(direct.se, rel=1e-9)


def test_the_command_line_takes_one_as_its_reference(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moments = str(place / "moments.npz")
    assert (
        main(["evaluate", "--real", moments, "--fake", "digits:test", "--extractor", "pixels", "--metrics", "fid"]) == 0
    )
    said = capsys.readouterr().out
    assert f"{TRUE:}" in said
    assert "caller's word" in said
    assert main(["evaluate", "--real", moments, "--fake", "digits:test"]) == 2
    assert "--extractor" in capsys.readouterr().err


def test_statistics_without_rows_are_no_images(place: Path) -> None:
    with pytest.raises(GanevalError, match=r"mu, sigma.*real="):
        image_set(place / "moments.npz")


def _kept(precision: str = "fp32", extractor: str = "pixels") -> Features:
    """Rows as `ganeval embed` keeps them, without their images."""
    passport = dataclasses.replace(SEEN.passport, extractor=extractor, precision=precision)
    return dataclasses.replace(SEEN, images=None, passport=passport)


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(
    "how", [{"extractor": "inception"}, {"extractor": "dinov2-vit-l-14", "classifier": "inception"}]
)
@pytest.mark.parametrize("fake", ["rows", "moments", "bare rows"])
def test_rows_of_another_network_are_refused_although_the_named_one_is_not_here(how: dict[str, str], fake: str) -> None:
    bare = Features.given(SEEN.embeddings)
    given = {"rows": _kept(), "moments": Statistics.of(_kept()), "bare rows": bare}[fake]
    real = bare if fake == "bare rows" else _kept()
    assert fid(real, given, se=False) == pytest.approx(0, abs=1e-9)
    with pytest.raises(WrongInputError, match=r"asked for is .*, whose weights are not here\. Leave extractor="):
        fid(real, given, se=False, **how)


@pytest.mark.usefixtures("no_weights")
def test_rows_of_the_named_network_need_no_weights_but_its_precision() -> None:
    kept = _kept(extractor="inception")
    for name in ("inception", "inception:torch-fidelity"):  # two words for one network
        assert fid(kept, kept, extractor=name) == pytest.approx(0, abs=1e-9)
    with pytest.raises(WrongInputError, match="by inception in fp32; asked for is inception in bf16"):
        fid(kept, kept, extractor="inception", precision="bf16")


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("name", [metric.name for metric in METRICS if metric.eye])
def test_a_metric_with_a_network_of_its_own_takes_no_rows_of_another(name: str) -> None:
    kept, bare, eye = _kept(), Features.given(SEEN.embeddings), METRICS[name].eye
    for how in ({}, {"extractor": "pixels"}):
        found = measure(kept, Protocol(real=kept, metrics=(name,), floor=False, **how))[name]
        assert f"was made by pixels in fp32; asked for is {eye}" in found.status
    assert measure(bare, Protocol(real=bare, metrics=(name,), floor=False))[name].ok  # taken at their word, as by fid
    named = _kept(extractor=eye)
    assert measure(named, Protocol(real=named, metrics=(name,), floor=False))[name].ok


@pytest.mark.parametrize("name", ["digits", "wavelet"])
def test_images_go_through_the_network_that_made_the_rows_beside_them(name: str) -> None:
    kept = dataclasses.replace(ganeval.extract(FAKE, name), images=None)
    assert fid("digits:train", kept) == fid("digits:train", FAKE, extractor=name)


def test_a_network_that_has_no_name_here_has_to_be_passed() -> None:
    with pytest.raises(WrongInputError, match=r"was made by 'mine', and the other images have to go through the same"):
        fid("digits:test", _kept(extractor="mine"))
    assert fid(_kept(extractor="mine"), _kept(extractor="mine")) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("spec", list(CLASSIFIERS), ids=lambda spec: spec.name)
def test_a_classifier_is_found_by_the_name_that_its_results_show(spec: ExtractorSpec) -> None:
    assert registered(spec.load().name) is spec


def test_two_names_of_a_classifier_are_one_network() -> None:
    names, plain = ("fid", "fdr"), {"classifier": "digits", "extractors": ("wavelet",)}
    twice = {"extractor": "digits", "classifier": "digits-cnn", "extractors": ("wavelet", "digits-cnn")}
    one, other = (
        measure(FAKE, Protocol(real="digits:train", metrics=names, floor=False, **how)) for how in (plain, twice)
    )
    assert [(one[name].value, one[name].signature) for name in names] == [
        (other[name].value, other[name].signature) for name in names
    ]
