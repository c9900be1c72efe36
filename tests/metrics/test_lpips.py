"""LPIPS: torch-fidelity's network on the same seeded weights, and the diversity of sets made with known variety."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch_fidelity.sample_similarity_lpips as theirs
from safetensors.torch import save_file
from torch import nn
from torchvision.models import vgg16

from ganeval.errors import MissingFileError, TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.extractors.perceptual import HEADS, STAGES, TRUNK, Lpips, load_lpips
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics import METRICS

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def weights() -> tuple[State, State]:
    """VGG16's convolutions and LPIPS heads, seeded: He-scaled, so that no stage dies, and positive heads."""
    g = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in vgg16(weights=None).state_dict().items() if k.startswith("features")}
    trunk = {
        name: torch.randn(shape, generator=g) * ((2 / shape[1:].numel()) ** 0.5 if len(shape) == 4 else 0.1)
        for name, shape in shapes.items()
    }
    widths = [shapes[f"features.{numbers[-1]}.bias"][0] for numbers in STAGES]
    heads = {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1, generator=g) for i, c in enumerate(widths)}
    return trunk, heads


@pytest.fixture(scope="module")
def folder(weights: tuple[State, State], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("weights")
    for state, published in zip(weights, (TRUNK, HEADS), strict=True):
        save_file(state, place / f"{Path(published.name).stem}.safetensors")
    return place


@pytest.fixture
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(folder))


def noise(n: int, seed: int = 0, side: int = 16, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def features(images: np.ndarray, labels: np.ndarray | None = None) -> Features:
    rows = Features.given(images.reshape(len(images), -1) / 255.0, labels=labels)
    return Features(rows.embeddings, rows.passport, labels=rows.labels, images=ImageSet.from_array(images))


def their_network(weights: tuple[State, State], monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    trunk, heads = weights
    with torch.device("meta"):
        whole = vgg16(weights=None)
    whole.features.load_state_dict({k.removeprefix("features."): v for k, v in trunk.items()}, assign=True)
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: heads)
    monkeypatch.setattr(theirs, "torchvision_load_pretrained_vgg16", lambda: whole)
    return theirs.SampleSimilarityLPIPS("lpips-vgg16")


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 16)])
def test_distances_are_torch_fidelitys_on_the_same_weights(
    shape: tuple[int, int, int], weights: tuple[State, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    g = torch.Generator().manual_seed(1)
    a, b = (torch.randint(0, 256, (4, *shape), generator=g, dtype=torch.uint8) for _ in range(2))
    expected = their_network(weights, monkeypatch)(*(x.expand(-1, 3, -1, -1) for x in (a, b)))
    ours = Lpips.of(*weights, "")(a, b)
    torch.testing.assert_close(ours, expected.flatten(), rtol=1e-4, atol=1e-6)
    assert float(ours.min()) > 0.01


def test_equal_images_are_at_distance_zero(weights: tuple[State, State]) -> None:
    some = torch.from_numpy(noise(3))
    assert Lpips.of(*weights, "")(some, some).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.usefixtures("installed")
def test_a_generator_of_one_image_a_class_has_no_diversity_beside_that_of_real_pairs() -> None:
    labels = np.repeat([0, 1], 8)
    score = METRICS["lpips"](Pair(features(noise(16, 1), labels), features(noise(2)[labels], labels)))
    assert float(score) == 0.0
    assert score.details["ratio"] == 0.0 < score.details["real"]
    assert set(score.details["by_class"]) == set(score.details["real_by_class"]) == {"0", "1"}


@pytest.mark.usefixtures("installed")
def test_the_same_images_in_another_order_have_the_same_diversity_and_ratio_one() -> None:
    real = features(noise(20))
    score = METRICS["lpips"](Pair(real, real.take(np.arange(19, -1, -1))))
    assert float(score) == pytest.approx(score.details["real"], rel=1e-6)
    assert score.details["ratio"] == pytest.approx(1.0, rel=1e-6)
    assert score.se is not None
    assert score.details["ratio_se"] == pytest.approx(score.se * 2**0.5 / float(score), rel=1e-5)


@pytest.mark.usefixtures("installed")
def test_less_contrast_between_images_is_less_diversity() -> None:
    images = noise(16)
    near = (0.2 * images + 0.8 * images[:1]).round().astype(np.uint8)
    wide, narrow = (METRICS["lpips"](Pair(None, features(x))) for x in (images, near))
    assert narrow < wide
    assert "real" not in narrow.details


@pytest.mark.usefixtures("installed")
def test_images_too_small_or_too_few_are_refused() -> None:
    with pytest.raises(WrongInputError, match="16 pixels or more; got 8 x 8"):
        METRICS["lpips"](Pair(None, features(noise(4, side=8))))
    with pytest.raises(TooFewSamplesError, match="two pairs"):
        METRICS["lpips"](Pair(None, features(noise(3))))
    with pytest.raises(UndefinedError, match="needs pixels"):
        METRICS["lpips"](Pair(None, Features.given(np.zeros((4, 2)))))


@pytest.mark.usefixtures("no_weights")
def test_without_weights_the_error_names_what_works_offline() -> None:
    with pytest.raises(MissingFileError, match=r"GANEVAL_WEIGHTS.*ms_ssim and embedding_spread"):
        METRICS["lpips"](Pair(None, features(noise(4))))


def test_other_weights_are_refused_by_the_name_of_what_they_lack(weights: tuple[State, State]) -> None:
    trunk, heads = weights
    with pytest.raises(WrongInputError, match=r"lin4\.model\.1\.weight"):
        Lpips.of(trunk, {k: v for k, v in heads.items() if k != "lin4.model.1.weight"}, "")


def test_the_suite_does_not_fetch_weights_unasked() -> None:
    assert METRICS["lpips"].slow


@pytest.mark.usefixtures("installed")
def test_the_network_remembers_which_weights_it_has() -> None:
    first, second = load_lpips().weights_sha256.split("+")
    assert len(first) == len(second) == 64
    assert first != second
