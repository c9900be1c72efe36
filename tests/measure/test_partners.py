"""Pairs through the one way in: who is whose partner, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganeval
from ganeval.cli.main import main
from ganeval.errors import GanevalError, IncomparableError, WrongInputError
from ganeval.extractors.perceptual import Lpips
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.metrics import METRICS

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 200, (60, 1, 8, 8), dtype=np.uint8)
FAKE = REAL + RNG.integers(0, 9, REAL.shape, dtype=np.uint8)


def test_loose_sets_are_measured_by_no_paired_metric_and_pairs_by_all() -> None:
    loose = ganeval.evaluate(REAL, FAKE, extractor="pixels", floor=False)
    pairs = ganeval.evaluate(REAL, FAKE, extractor="pixels", paired=True, floor=False)
    paired = {m.name for m in METRICS if m.paired and not m.slow}
    assert not paired & set(loose.scores)
    assert set(pairs.scores) == paired | set(loose.scores)
    assert pairs.protocol["paired"] is True


def test_n_takes_the_same_rows_of_both() -> None:
    some = ganeval.mse(REAL, FAKE, n=20, seed=3)
    errors = ganeval.mse(REAL, FAKE).per_sample["error"]
    assert some.n == 20
    assert set(some.per_sample["error"]) <= set(errors)


def test_a_generator_is_paired_with_the_first_images() -> None:
    def draw(n: int, labels: Any, rng: torch.Generator) -> np.ndarray:
        return FAKE[:n]

    assert ganeval.mse(REAL, draw, n=30) == ganeval.mse(REAL[:30], FAKE[:30])


def test_pixels_need_no_weights_and_a_judge_moves_no_number() -> None:
    alone = ganeval.mse(REAL, FAKE)
    judged = ganeval.evaluate(REAL, FAKE, paired=True, classifier="digits", metrics=["mse"])["mse"]
    assert (judged.value, judged.signature) == (float(alone), alone.signature)


@pytest.mark.parametrize(
    ("real", "fake", "kind", "said"),
    [
        (REAL, FAKE[:-1], WrongInputError, "one real image for each.*60.*59.*paired out"),
        (REAL, FAKE[:, :, :7], IncomparableError, "one size.*8 x 8.*7 x 8.*Resize"),
        (REAL, np.repeat(FAKE, 3, axis=1), IncomparableError, "one size.*1 channel.*3 channels"),
        (None, FAKE, WrongInputError, "no real images were named. Pass real="),
    ],
    ids=["unequal length", "unequal size", "grey and colour", "no real images"],
)
@pytest.mark.parametrize("extractor", ["pixels", "digits"])
def test_what_are_no_pairs_is_refused(
    real: Any, fake: Any, kind: type[GanevalError], said: str, extractor: str
) -> None:
    with pytest.raises(kind, match=said):
        ganeval.evaluate(real, fake, paired=True, extractor=extractor)


def test_bare_rows_are_pairs_too_but_have_no_pixels() -> None:
    rows = RNG.normal(size=(40, 5))
    assert ganeval.rfid(rows, rows + 0.01) < 0.01
    with pytest.raises(GanevalError, match=r"mse needs pixels and real_pixels. Pass images"):
        ganeval.mse(rows, rows + 0.01)


def test_the_command_line_measures_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, images in (("a", REAL), ("b", FAKE), ("c", FAKE[::-1])):
        np.savez(tmp_path / f"{name}.npz", images=images)
    sets = ["evaluate", "--real", str(tmp_path / "a.npz"), "--paired", "--metrics", "mse", "ssim", "--fake"]
    assert main([*sets, str(tmp_path / "b.npz")]) == 0
    assert "ssim" in capsys.readouterr().out
    assert main([*sets, str(tmp_path / "c.npz"), "--all"]) == 3
    assert "no closer than shuffled" in capsys.readouterr().out


def test_agreement_tells_how_often_each_side_was_right() -> None:
    real, fake = torch.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]] * 5, torch.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1, 0, 1]] * 5
    rows, labels = torch.arange(10.0)[:, None], torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 1])
    sides = [Features.given(rows, logits=logits, labels=labels) for logits in (real, fake)]
    score = METRICS["agreement"](Pair(*sides, paired=True))
    assert float(score) == 0.8
    assert score.details["changes"] == [[0, 1, 1], [2, 0, 1]]
    assert (score.details["only_real_right"], score.details["only_fake_right"], score.details["mcnemar"]) == (1, 1, 1.0)


def test_perceptual_distances_are_those_of_each_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small random network in the place of the published one, which takes no part in what is tested."""
    g = torch.Generator().manual_seed(0)
    stages, width = [], 3
    for depth, out in zip((2, 2, 3, 3, 3), (4, 4, 4, 4, 4), strict=True):
        layers = []
        for _ in range(depth):
            layers.append((torch.randn(out, width, 3, 3, generator=g) / 5, torch.zeros(out)))
            width = out
        stages.append(tuple(layers))
    network = Lpips(tuple(stages), tuple(torch.ones(4) for _ in range(5)), "random")
    monkeypatch.setattr("ganeval.metrics.probes.lpips.load_lpips", lambda: network)
    large = [ImageSet.from_array(np.kron(images, np.ones((1, 1, 3, 3), np.uint8))) for images in (REAL, FAKE)]
    score = ganeval.lpips_paired(*large)
    assert score.per_sample["distance"][7] == pytest.approx(
        float(network(*(torch.from_numpy(images.load(7, 8)) for images in large))), rel=1e-4
    )
    assert 0 < float(score) == pytest.approx(score.per_sample["distance"].mean(), rel=1e-5)
    assert float(ganeval.lpips_paired(image_set(large[0]), large[0])) == 0


@pytest.mark.parametrize("metric", ["mse", "psnr", "rfid"])
def test_labels_of_files_that_differ_say_that_these_are_no_pairs(metric: str) -> None:
    labels = np.arange(60) % 10
    named = getattr(ganeval, metric)
    network = {"extractor": "pixels"} if metric == "rfid" else {}
    assert np.isfinite(named((REAL, labels), (FAKE, labels), **network))
    assert np.isfinite(named((REAL, labels), FAKE, **network))
    with pytest.raises(GanevalError, match=r"labels of 1 of 60 pairs differ \(first: pair 7, real 7, generated 3\)"):
        named((REAL, labels), (FAKE, np.where(np.arange(60) == 7, 3, labels)), **network)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", ["mse", "psnr", "ssim"])
def test_one_pair_has_a_value_and_no_error(metric: str) -> None:
    score = getattr(ganeval, metric)(REAL[:1], FAKE[:1])
    every = getattr(ganeval, metric)(REAL, FAKE).per_sample
    assert (score.n, score.se, score.interval) == (1, None, None)
    assert float(score) == pytest.approx(next(iter(every.values()))[0], rel=1e-6)
