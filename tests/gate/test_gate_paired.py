"""The gate over pairs: limits for single images, a generator matched image by image, and how many images that takes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

import ganeval
from ganeval.cli.main import main
from ganeval.gate.estimates import Tail, interval
from ganeval.gate.judge import judge
from ganeval.gate.power import tail_n
from ganeval.gate.presets import PRESETS, preset
from ganeval.gate.rule import GateConfigError, Rule
from ganeval.gate.rules import GateConfig, parse_config
from ganeval.gate.verdict import Check
from ganeval.records.scores import Evaluation

GENERATORS = """
import torch

def original(n, labels, rng):
    x = torch.nn.functional.avg_pool2d(torch.rand(n, 1, 8, 8, generator=rng), 3, 1, 1)
    return (x * 255).round().to(torch.uint8)

def exported(n, labels, rng):
    return (original(n, labels, rng).float() + torch.linspace(-0.6, 0.4, 8)).round().clamp(0, 255).to(torch.uint8)

def broken(n, labels, rng):
    x = original(n, labels, rng)
    x[::20] = 255 - x[::20]
    return x

def ignoring(n, labels, rng):
    return original(n, labels, torch.Generator().manual_seed(5))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "paired_generators.py").write_text(GENERATORS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("paired_generators", None)


def gate(*arguments: str) -> int:
    return main(["gate", "--paired", "--reference", "paired_generators:original", "--generator", *arguments])


def pairs(beyond: int, n: int = 1000) -> Evaluation:
    """n pairs of which `beyond` differ much, the others by nothing."""
    real = np.random.default_rng(0).integers(0, 100, (n, 1, 4, 4), dtype=np.uint8)
    fake = real.copy()
    fake[:beyond] += 100
    return ganeval.evaluate(real, fake, paired=True, metrics=["mse"], extractor="pixels", floor=False)


def check(beyond: int, n: int = 1000) -> Check:
    config = GateConfig(rules=(Rule(metric="mse", image_max=0.01),))
    return judge([pairs(beyond, n)], config).verdict.rules[0].checks[0]


@pytest.mark.parametrize(("beyond", "word"), [(0, "ok"), (2, "ok"), (9, "inconclusive"), (25, "regressed")])
def test_the_worst_images_are_judged_by_how_many_lie_beyond_the_limit(beyond: int, word: str) -> None:
    found = check(beyond)
    assert found.verdict == word
    assert f"{beyond} of 1000 images have mse above 0.01" in found.sentence
    assert found.method == "exact binomial"


def test_too_few_images_are_inconclusive_and_the_sentence_says_how_many_decide() -> None:
    found = check(0, n=200)
    assert (found.verdict, found.n_needed) == ("inconclusive", 459)
    assert "about 459 images" in found.sentence


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_generator_at_the_limit_is_called_neither_more_often_than_alpha(share: float) -> None:
    """Exactly: the chances of both claims at the limit itself, over all counts."""
    n, alpha = 1000, 0.01
    counts = np.arange(n + 1)
    chance = binom.pmf(counts, n, share)
    worse = np.array([Tail(int(k), n).p_above(share) <= alpha for k in counts])
    fine = np.array([Tail(int(k), n).p_below(share) <= alpha for k in counts])
    assert chance[worse].sum() <= alpha
    assert chance[fine].sum() <= alpha


def test_the_number_of_images_is_the_least_that_proves_it() -> None:
    for share, seen in ((0.01, 0.0), (0.01, 0.002), (0.05, 0.01)):
        n = tail_n(share, seen)
        assert n is not None

        def power(m: int, share: float = share, seen: float = seen) -> float:
            most = int(np.sum(binom.cdf(np.arange(m), m, share) <= 0.01)) - 1
            return float(binom.cdf(most, m, seen)) if most >= 0 else 0.0

        assert power(n) >= 0.8
        assert max(power(m) for m in range(1, n, 7)) < 0.8
    assert tail_n(0.01, 0.02) is None


def test_the_interval_of_a_tail_is_exact() -> None:
    low, high = interval(Tail(3, 500), 0.025)
    assert binom.sf(2, 500, low) == pytest.approx(0.025, rel=1e-6)
    assert binom.cdf(3, 500, high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"metric": "ssim", "image_share": 0.01}, "does nothing without image_max or image_min"),
        ({"metric": "ssim", "image_min": 0.9, "image_share": 1.5}, "no share strictly between 0 and 1"),
        ({"metric": "ssim", "image_min": -1}, "No image has a ssim below -1"),
        ({"metric": "mse", "image_max": 1}, "No image has a mse above 1"),
        ({"metric": "mse"}, "can never fail.*image_max"),
    ],
)
def test_a_rule_about_images_that_means_nothing_is_refused(line: dict[str, float], said: str) -> None:
    with pytest.raises(GateConfigError, match=said):
        parse_config({"rule": [line]})


def test_a_metric_without_values_for_single_images_cannot_have_its_worst_judged() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3))
    found = ganeval.evaluate(rows, rows + 0.01, paired=True, metrics=["rfid"], floor=False)
    verdict = judge([found], GateConfig(rules=(Rule(metric="rfid", image_max=1.0),))).verdict
    assert (verdict.exit_code, verdict.rules[0].verdict) == (3, "error")
    assert "no value for single images" in verdict.rules[0].sentence


def test_the_preset_judges_an_export_without_a_rules_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate("paired_generators:exported", "--n", "1000", "--max-n", "1000") == 0
    assert "Copies were not looked for" not in capsys.readouterr().out
    assert gate("paired_generators:broken", "--n", "1000", "--max-n", "1000") == 1
    assert "50 of 1000 images have ssim below 0.9" in capsys.readouterr().out


def test_a_generator_that_ignores_its_seed_is_no_export(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate("paired_generators:ignoring", "--n", "500", "--max-n", "500") == 3
    assert "no closer than shuffled" in capsys.readouterr().out


def test_originals_on_disk_bound_the_number_of_images(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(here / "originals.npz", images=np.random.default_rng(0).integers(0, 255, (60, 1, 8, 8), dtype=np.uint8))
    arguments = ["gate", "--paired", "--real", "originals.npz", "--generator", "paired_generators:original"]
    assert main(arguments) == 3
    assert "originals.npz holds 60. Pass n=60 (in a gate --n 60 --max-n 60)" in capsys.readouterr().out


def test_a_stored_evaluation_of_pairs_is_judged(here: Path) -> None:
    pairs(0).write(here / "result.json")
    (here / "ganeval.toml").write_text('[gate]\n[[gate.rule]]\nmetric = "mse"\nimage_max = 0.01\n')
    assert main(["gate", "result.json"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reference", "paired_generators:original"], "say paired = true"),
        (["--paired", "--reference", "paired_generators:original", "--real", "digits:test"], "name one of them"),
        (["--paired", "--reference", "paired_generators:orignal"], "Did you mean .original."),
    ],
)
def test_a_wrong_reference_is_wrong_use(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (here / "ganeval.toml").write_text('[gate]\n[[gate.rule]]\nmetric = "mse"\nmax = 0.01\n')
    assert main(["gate", "--generator", "paired_generators:exported", *arguments]) == 2
    assert re.search(said, capsys.readouterr().err)


def test_power_says_how_many_images_a_rule_about_the_worst_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", "--tail", "0.01", "--beyond", "0.002"]) == 0
    assert capsys.readouterr().out.startswith("n = 1001 images prove that at most 0.01")
    assert main(["power", "--tail", "0.01", "--beyond", "0.02"]) == 0
    assert "no number of images proves" in capsys.readouterr().out
    assert main(["power", "--tail", "0.01", "--n", "5"]) == 2
    assert main(["power", "--beyond", "0.01"]) == 2


def test_the_preset_leaves_the_judge_out_where_there_is_none() -> None:
    assert [rule.metric for rule in preset("paired")] == [line["metric"] for line in PRESETS["paired"]]
    assert "agreement" not in {rule.metric for rule in preset("paired", judged=False)}
