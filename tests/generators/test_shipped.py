"""The shipped generators: small, offline, those of their cards, and the networks that the reference model trained."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import safetensors.torch
import torch

import ganeval
from ganeval.cli.main import main
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import BrokenRunError, UnknownNameError, WrongInputError
from ganeval.generators.catalog import GENERATORS
from ganeval.generators.shipped import READER, WEIGHTS, of_today
from ganeval.images import image_set
from reference_models.plumbing.data import Data
from reference_models.plumbing.styles import StyleEmbedding, Styles
from reference_models.projection_cgan import Config
from reference_models.projection_cgan import Generator as Trained

NAMES = ("hoda-cgan", "mnist-cgan")


def test_the_shelf_names_and_gives_them():
    assert tuple(ganeval.generators) == NAMES
    with pytest.raises(UnknownNameError, match="hoda-cgan"):
        ganeval.generators["hoda-gan"]


def test_the_front_door_stays_free_of_torch():
    code = (
        "import sys, ganeval\nshelf = ganeval.generators\nassert 'torch' not in sys.modules\n"
        f"assert tuple(shelf) == {NAMES}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_small_and_the_card_says_what_they_are(name):
    shipped = ganeval.generators[name]
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size <= 1.5e6
    dataset = DATASETS[name.removesuffix("-cgan")]
    assert shipped.class_names == dataset.classes
    assert shipped.card["licence"] == dataset.licence
    scores = shipped.card["measured"]["scores"]
    assert {"classifier_score", "gan_train", "recall", "coverage"} <= set(scores)
    assert scores["classifier_score"]["interval"][0] > 0.88
    if name == "hoda-cgan":
        assert any("non-commercial" in note for note in shipped.card["notes"])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_network_that_the_reference_model_trained(name):
    shipped = ganeval.generators[name]
    stored = safetensors.torch.load_file(WEIGHTS / f"{name}.safetensors")
    recipe = {key: tuple(value) if isinstance(value, list) else value for key, value in shipped.card["recipe"].items()}
    config, shape = Config(**recipe), tuple(shipped.card["shape"])
    styles = Styles.found(Data.empty(name, shipped.class_names, shape), config.styles)
    trained = Trained(config, shape, len(shipped.class_names), styles).eval()
    weights = {of_today(key): value.float() if value.is_floating_point() else value for key, value in stored.items()}
    for table in (module for module in trained.modules() if isinstance(module, StyleEmbedding)):
        torch.nn.init.zeros_(table.whole)  # what is shipped has it in the rows of the styles
    unlike = trained.load_state_dict(weights, strict=False)
    of_images = {"styles.centres", "styles.style_of"}
    needless = {key for key in unlike.missing_keys if key in of_images or key.endswith(".whole")}
    assert set(unlike.missing_keys) == needless, "the images' centres are not needed to draw"
    assert all(key.startswith(READER) for key in unlike.unexpected_keys)
    z, labels = torch.randn(30, shipped.latent_dim, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 10
    with torch.no_grad():
        expected = ((trained(z, labels).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    assert torch.equal(shipped.decode(z, labels), expected)


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_images_of_the_classes_asked_for(name):
    shipped = ganeval.generators[name]
    labels = np.repeat(np.arange(10), 20)
    drawn = [image_set(shipped, n=200, labels=labels, seed=seed).array() for seed in (3, 3, 4)]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    judge = ganeval.load_extractor(name.removesuffix("-cgan"))
    shown = judge(torch.from_numpy(drawn[0])).logits.argmax(1).numpy()
    assert (shown == labels).mean() > 0.85


def test_a_class_that_it_does_not_know_is_a_sentence():
    with pytest.raises(WrongInputError, match="classes 0 to 9"):
        ganeval.generators["mnist-cgan"].decode(torch.zeros(1, 64), torch.tensor([10]))


def test_other_weights_than_the_cards_are_refused(tmp_path):
    for suffix in (".json", ".safetensors"):
        (tmp_path / f"mnist-cgan{suffix}").write_bytes(
            (WEIGHTS / f"mnist-cgan{suffix}").read_bytes() + b" " * (suffix[1] == "s")
        )
    with pytest.raises(BrokenRunError, match="weights of its card"):
        GENERATORS["mnist-cgan"].load(tmp_path)


def test_the_command_line_asks_it_by_its_name(capsys):
    how = ["--real", "mnist:test", "--classifier", "mnist", "--n", "100", "--metrics", "classifier_score"]
    assert main(["evaluate", "--generator", "mnist-cgan", *how]) == 0
    assert "classifier_score" in capsys.readouterr().out
    assert main(["evaluate", "--generator", "mnist-gan", *how]) == 2
    assert "Did you mean 'mnist-cgan'" in capsys.readouterr().err
