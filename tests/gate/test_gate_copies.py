"""A generator that shows its training images is red by the rules that come with the gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.cli.main import main
from ganeval.gate.baseline import Baseline
from ganeval.gate.commands import GateOptions, options_config
from ganeval.gate.judge import Against, judge
from ganeval.gate.presets import PRESETS, preset
from ganeval.gate.rules import GateConfig
from ganeval.images.imageset import ImageSet
from ganeval.measure.generators import sampler
from ganeval.records.protocol import Protocol


def blobs(n: int, seed: int) -> np.ndarray:
    """Smooth 8 x 8 images of 12 degrees of freedom: no two of one distribution are alike."""
    rng = np.random.default_rng([seed, 0xB10B])
    basis = np.random.default_rng(7).normal(size=(12, 64))
    return np.clip(128 + 12 * rng.normal(size=(n, 12)) @ basis, 0, 255).astype(np.uint8).reshape(n, 1, 8, 8)


TRAIN, REAL = blobs(2000, 1), ImageSet.from_array(blobs(1000, 2), source="real")


def generator(copied: float, noise: int = 0):
    def draw(n, labels, rng):
        fresh = blobs(n, int(torch.randint(2**31, (1,), generator=rng)))
        rows = np.arange(n) % 1000 < round(1000 * copied)
        grain = np.random.default_rng(3).integers(-noise, noise + 1, TRAIN.shape) if noise else 0
        fresh[rows] = np.clip(TRAIN + grain, 0, 255).astype(np.uint8)[: rows.sum()]
        return torch.from_numpy(fresh)

    return draw


def gate(then, now, name: str, train):
    config = GateConfig(rules=preset(name, judged=False, trained=train is not None), looks=1)
    how = Protocol(real=REAL, train=train, extractor="pixels", metrics=config.metrics)
    draw = [sampler(g, how.with_(seed=s)) for g, s in (then, now)]
    return judge(draw[1], config.with_(n=1000), Against(Baseline.of([draw[0](1000)], name="b"))).verdict


@pytest.mark.parametrize("name", sorted({*PRESETS} - {"paired"}))  # pairs ask whether an export is the same
@pytest.mark.parametrize("noise", [0, 1])
def test_five_percent_of_copies_are_red_by_every_preset(name: str, noise: int):
    train = ImageSet.from_array(TRAIN, source="train")
    verdict = gate((generator(0.0), 0), (generator(0.05, noise), 1), name, train)
    assert {rule.metric: rule.verdict for rule in verdict.rules}["changed_copies"] == "regressed"
    assert not [note for note in verdict.notes if "training images" in note]


def test_a_healthy_generator_is_not_called_a_copier():
    train = ImageSet.from_array(TRAIN, source="train")
    words = [gate((generator(0.0), s), (generator(0.0), s + 50), "default", train).rules[2].verdict for s in range(3)]
    assert "regressed" not in words


def test_without_training_images_the_gate_says_that_it_did_not_look():
    verdict = gate((generator(0.0), 0), (generator(0.05), 1), "default", None)
    assert [note for note in verdict.notes if "Copies were not looked for: no training images were named" in note]


def test_other_training_images_do_not_compare_for_copies_and_do_for_the_rest():
    config = GateConfig(rules=preset("default", judged=False))
    sets = [ImageSet.from_array(images, source="t") for images in (TRAIN, TRAIN[:1500])]
    how = Protocol(real=REAL, extractor="pixels", metrics=config.metrics)
    then, now = (sampler(generator(0.0), how.with_(train=t))(500) for t in sets)
    verdict = judge([now], config, Against(Baseline.of([then], name="b"))).verdict
    assert {rule.metric: rule.verdict for rule in verdict.rules}["changed_copies"] == "incomparable"
    assert {rule.verdict for rule in verdict.rules if rule.metric != "changed_copies"} == {"ok"}


def test_the_share_nearer_to_the_training_images_can_be_limited():
    train = ImageSet.from_array(TRAIN, source="train")
    rules = GateConfig(rules=preset("default", judged=False)).with_(rules=(), n=1000)
    from ganeval.gate.rules import parse_config

    rules = parse_config({"rule": [{"metric": "nn_ratio.nearer_train", "max": 0.6}]})
    for copied, word in ((0.0, "ok"), (0.5, "regressed")):
        how = Protocol(real=REAL, train=train, extractor="pixels", metrics=rules.metrics)
        found = sampler(generator(copied), how)(1000)
        assert judge([found], rules).verdict.verdict == word


def test_training_and_heldout_images_are_named_in_the_file_and_on_the_command_line(tmp_path: Path):
    path = tmp_path / "ganeval.toml"
    path.write_text(
        '[gate]\ntrain = "hoda:train"\nheldout = "a/"\n[[gate.rule]]\nmetric = "copies"\nmargin_abs = 0.02\n'
    )
    config, _ = options_config(GateOptions(config=path))
    assert (config.protocol.train, config.protocol.heldout) == ("hoda:train", "a/")
    config, notes = options_config(GateOptions(config=path), {"train": "b", "heldout": "c"})
    assert config.protocol.train == "b"
    assert "train is 'b' by the command line; ganeval.toml says 'hoda:train'." in notes


def test_copies_are_found_from_the_command_line(tmp_path: Path, monkeypatch):
    np.savez(tmp_path / "train.npz", arr_0=TRAIN.transpose(0, 2, 3, 1))
    np.savez(tmp_path / "real.npz", arr_0=REAL.array().transpose(0, 2, 3, 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    (tmp_path / "ganeval.toml").write_text(
        '[gate]\nbaseline = "b.json"\nlooks = 1\nn = 1000\nreal = "real.npz"\ntrain = "train.npz"\nextractor = '
        '"pixels"\n[[gate.rule]]\nmetric = "copies"\nmargin_abs = 0.02\n'
    )
    (tmp_path / "drawn_here.py").write_text(
        "from test_gate_copies import generator\nhonest, copier = generator(0.0), generator(0.05)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["gate", "--generator", "drawn_here:honest", "--update-baseline", "--reason", "r"]) == 0
    assert main(["gate", "--generator", "drawn_here:copier"]) == 1
    for wrong in ("drawn_here:none", "no_such_module:f", "drawn_here", "drawn_here:TRAIN.shape"):
        assert main(["gate", "--generator", wrong]) == 2
    (tmp_path / "broken_here.py").write_text("1 / 0")
    assert main(["gate", "--generator", "broken_here:f"]) == 2
