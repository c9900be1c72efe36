"""Everything meets here: images, networks, metrics, floors, and reasons where there is no number."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganeval
from ganeval import classifier_score, evaluate, fid
from ganeval.core.compute import Compute
from ganeval.errors import (
    IncomparableError,
    MissingFileError,
    TooFewSamplesError,
    UndefinedError,
    UnknownNameError,
    WrongInputError,
)
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.records.scores import Evaluation

QUICK = ("fid", "kid", "precision", "recall", "classifier_score", "class_balance", "authenticity")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(
        "digits:test", image_set("digits:train", n=300), classifier="digits", train="digits:train", metrics=QUICK
    )


def test_every_metric_has_a_value_an_error_and_a_floor(evaluation: Evaluation) -> None:
    assert set(evaluation.scores) == set(QUICK)
    assert all(record.ok for record in evaluation.scores.values())
    assert evaluation["fid"].se is not None
    assert evaluation["fid"].floor is not None
    assert (evaluation["classifier_score"].value or 0) > 0.97


def test_copies_of_the_training_set_are_found_when_it_is_known(evaluation: Evaluation) -> None:
    assert evaluation["authenticity"].value == 0.0


def test_the_record_comes_back_from_its_file(evaluation: Evaluation, tmp_path: Path) -> None:
    path = evaluation.write(tmp_path / "result.json")
    back = Evaluation.read(path, per_sample=True)
    assert back == evaluation
    assert back.protocol_hash == evaluation.protocol_hash
    assert np.array_equal(back.per_sample["fid.influence"], evaluation.per_sample["fid.influence"])
    json.loads(path.read_text(), parse_constant=pytest.fail)


def test_a_metric_that_cannot_be_computed_says_why_and_the_others_are_delivered() -> None:
    rng = np.random.default_rng(0)
    result = evaluate(
        rng.normal(size=(60, 4)), rng.normal(size=(50, 4)), metrics=("fid", "classifier_score"), floor=False
    )
    assert result["fid"].ok
    assert result["classifier_score"].status.startswith("not computed: classifier_score needs labels and logits")
    assert result["classifier_score"].value is None


def test_the_same_call_gives_the_same_numbers() -> None:
    images = image_set("digits:train", n=120)
    first, again = (evaluate("digits:test", images, classifier="digits", metrics=("fid", "kid")) for _ in range(2))
    assert first.scores == again.scores


def test_a_generator_is_drawn_and_evaluated() -> None:
    pool = torch.from_numpy(image_set("digits:train").array())

    def draw(n: int, labels: torch.Tensor | None, g: torch.Generator) -> torch.Tensor:
        return pool[torch.randint(len(pool), (n,), generator=g)]

    result = evaluate("digits:test", generator=draw, n=100, classifier="digits", metrics=("fid",))
    assert result["fid"].n == 100


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor], ids=["a list", "an array", "a tensor"])
def test_labels_of_every_kind_say_how_many_images_a_generator_draws(kind: Callable[[list[int]], Any]) -> None:
    asked: list[int] = []

    def draw(n: int, labels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        asked.extend(labels.tolist())
        return torch.randint(256, (n, 8, 8), generator=rng, dtype=torch.uint8)

    result = evaluate(
        "digits:test", generator=draw, labels=kind([3, 1] * 20), extractor="pixels", metrics=["fid"], floor=False
    )
    assert (result["fid"].n, asked) == (40, [3, 1] * 20)


def test_labels_that_number_nothing_are_refused_for_a_generator_too() -> None:
    with pytest.raises(WrongInputError, match="Labels of the generator must be integers"):
        evaluate("digits:test", generator=lambda n, labels, rng: None, labels=torch.zeros(30), extractor="pixels")


def test_fid_without_weights_names_the_offline_choices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GANEVAL_WEIGHTS", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    with pytest.raises(MissingFileError, match=r"extractor='hoda'|classifier|zoo"):
        fid(images, images)


def test_a_score_behaves_like_the_number_it_is() -> None:
    score = fid("digits:test", "digits:train", extractor="digits", n=200)
    assert score < 20
    assert "digits-cnn" in score.signature
    assert score.interval is not None
    assert score.interval[0] < score < score.interval[1]


def test_classifier_score_takes_images_and_labels() -> None:
    images = image_set("digits:test")
    assert images.labels is not None
    assert classifier_score(images.array(), images.labels, classifier="digits") > 0.97


def test_classifier_score_without_a_judge_names_the_judges() -> None:
    images = image_set("digits:test", n=50)
    with pytest.raises(UndefinedError, match=r"Pass classifier=, one of: .*digits"):
        classifier_score(images, images.labels)


def test_features_of_two_networks_are_not_compared() -> None:
    a = ganeval.extract(image_set("digits:test", n=60), ganeval.load_extractor("digits"), compute=Compute(cache=False))
    b = ganeval.extract(image_set("digits:test", n=60), ganeval.load_extractor("pixels"), compute=Compute(cache=False))
    with pytest.raises(IncomparableError, match="must come from one extractor"):
        ganeval.Pair(a, b)


MISTAKES = [
    (lambda: fid(np.zeros((9, 2)), np.zeros((9, 2)), k=3), UnknownNameError, "no option of fid named 'k'"),
    (lambda: evaluate(np.ones((9, 2)), np.ones((9, 2)), metrics=["kidd"]), UnknownNameError, "Did you mean 'kid'"),
    (lambda: evaluate(np.ones((9, 2))), WrongInputError, "Expected generated images or generator="),
    (
        lambda: evaluate(np.ones((9, 2)), np.ones((9, 2)), n=10),
        TooFewSamplesError,
        "10 images of array were asked for; it holds 9",
    ),
    (lambda: fid("digits:test", "digits:train", extractor="digit"), UnknownNameError, "Did you mean 'digits'"),
    (lambda: Features.given(np.full((3, 2), np.nan)), WrongInputError, "row 0 holds NaN"),
    (lambda: fid(np.ones((9, 2)), np.ones((9, 3))), IncomparableError, "dim"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES)
def test_mistakes_are_sentences(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()


def test_importing_ganeval_loads_no_torch() -> None:
    code = "import sys, ganeval, ganeval.gate.commands, ganeval.report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_metric_is_a_public_function() -> None:
    assert {"fid", "vendi", "coverage", "evaluate"} <= set(dir(ganeval))
    assert ganeval.coverage.__doc__
    with pytest.raises(AttributeError, match="Did you mean"):
        _ = ganeval.fidd


@pytest.mark.parametrize(
    "labels",
    [
        np.array([True, False] * 20),
        np.arange(40) - 5,
        np.linspace(0, 1, 40),
        np.full(40, np.nan),
        ["a"] * 40,
        np.eye(40),
        [None] * 40,
        np.arange(40).astype(object),
        5,
        torch.rand(40),
    ],
    ids=[
        "booleans",
        "negative",
        "fractions",
        "NaN",
        "names",
        "one-hot",
        "None",
        "objects",
        "one number",
        "floating tensor",
    ],
)
def test_labels_that_are_no_class_indices_are_refused_at_every_door(labels: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(WrongInputError, match=r"[Ll]abels"):
        Features.given(rows, labels=labels)
    with pytest.raises(WrongInputError, match=r"[Ll]abels"):
        evaluate(rows, rows, labels=labels, metrics=["intra_kid"])


def test_class_indices_of_every_integer_kind_are_taken() -> None:
    for dtype in (np.uint8, np.uint16, np.int32, np.uint64):
        assert Features.given(np.zeros((3, 2)), labels=np.array([0, 1, 2], dtype)).labels.tolist() == [0, 1, 2]


def test_images_with_labels_and_a_list_of_files_are_taken_as_real_images(tmp_path: Path) -> None:
    digits, fakes = image_set("digits:test", n=60), image_set("digits:train", n=60)
    options = {"extractor": "pixels", "metrics": ["fid", "kid"], "floor": False}
    expected = evaluate(digits, fakes, **options)
    files = []
    for number, image in enumerate(digits.array()):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(image[0]).save(files[-1])
    given = {"pair": (digits.array(), digits.labels), "files": files, "names": [str(path) for path in files]}
    for kind, real in given.items():
        found = evaluate(real, fakes, **options)
        for name in ("fid", "kid"):
            assert found[name].value == pytest.approx(expected[name].value, rel=1e-9), (kind, name)
    for train in (given["pair"], files):
        assert evaluate(digits, fakes, **{**options, "metrics": ["copies"]}, train=train)["copies"].ok


def test_the_words_for_labels_mean_the_same_through_every_function() -> None:
    def draw(n: int, labels: torch.Tensor | None, rng: torch.Generator) -> torch.Tensor:
        return torch.randint(0, 99 if labels is None else 9, (n, 1, 8, 8), generator=rng).to(torch.uint8)

    how = {"classifier": "digits", "n": 40}
    asked = [fid("digits:test", draw, labels=word, **how) for word in (None, "balanced", "none")]
    assert asked[0] == asked[1] != asked[2]
    whole = evaluate("digits:test", draw, labels="none", metrics=["fid"], floor=False, **how)
    assert whole["fid"].value == float(asked[2])
    with pytest.raises(WrongInputError, match=r"one of balanced, none; got 'fake\.npz'.*named real="):
        ganeval.class_balance("digits:test", "fake.npz", classifier="digits")
