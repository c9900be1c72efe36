"""The shipped members: their cards agree with their weights, and what the cards claim is measured again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.classifiers import CLASSIFIERS
from ganeval.classifiers.card import Card
from ganeval.classifiers.classifier import Classifier, run
from ganeval.classifiers.member import WEIGHTS, Member
from ganeval.core.extractor import Extractor
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import WrongInputError
from ganeval.numerics.intervals import wilson

SHIPPED = sorted(path.stem for path in WEIGHTS.glob("*.json"))
BARS = {  # what each card promises; of cifar10 0.93 was asked for (decision 057)
    "cifar10": 0.90,
    "digits": 0.985,
    "mnist": 0.995,
    "hoda": 0.9945,
}
RECHECKED = 2000  # images of the real test split that are judged again


@pytest.fixture(scope="module", params=SHIPPED)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return _load(request.param)


def _load(name: str) -> Classifier:
    loaded = CLASSIFIERS[name].load()
    assert isinstance(loaded, Classifier)
    return loaded


def _card(classifier: Classifier) -> Card:
    assert classifier.card is not None
    return classifier.card


def _dataset(classifier: Classifier) -> str:
    return classifier.name.removesuffix("-cnn")


def _noise(classifier: Classifier, n: int) -> torch.Tensor:
    shape = DATASETS[_dataset(classifier)].shape
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_every_member_ships_its_weights() -> None:
    assert [spec.name for spec in CLASSIFIERS if isinstance(spec, Member)] == SHIPPED


def test_the_package_stays_small() -> None:
    sizes = [path.stat().st_size for path in WEIGHTS.glob("*.safetensors")]
    assert max(sizes) <= 1.5e6
    assert sum(sizes) <= 6.5e6


def test_a_member_is_an_extractor(classifier: Classifier) -> None:
    assert isinstance(classifier, Extractor)
    assert classifier.class_names == DATASETS[_dataset(classifier)].classes


def test_the_card_states_the_weights_that_are_stored(classifier: Classifier) -> None:
    stored = (WEIGHTS / f"{_dataset(classifier)}.safetensors").read_bytes()
    assert _card(classifier).weights_sha256 == classifier.weights_sha256 == hashlib.sha256(stored).hexdigest()


def test_the_figures_on_the_card_follow_from_its_confusion_matrix(classifier: Classifier) -> None:
    card = _card(classifier)
    counts = np.array(card.confusion)
    right, totals = np.diag(counts), counts.sum(axis=1)
    assert card.accuracy == right.sum() / totals.sum()
    assert card.accuracy_interval == wilson(int(right.sum()), int(totals.sum()))
    assert card.recall == pytest.approx(right / totals)
    assert totals.sum() == card.data["test"]["images"]
    assert classifier.confusion is not None
    assert np.array_equal(classifier.confusion, counts)


def test_the_embedding_has_full_rank_on_the_card(classifier: Classifier) -> None:
    card = _card(classifier)
    assert 64 <= card.embedding_dim <= 128
    assert card.embedding_rank == card.embedding_dim
    assert 1 < card.embedding_condition < 1e5


@pytest.mark.parametrize("name", sorted(set(BARS) & set(SHIPPED)))
def test_the_accuracy_on_the_official_test_split_reaches_its_bar(name: str) -> None:
    assert _card(_load(name)).accuracy >= BARS[name]


def test_probabilities_sum_to_one_even_on_noise(classifier: Classifier) -> None:
    logits = classifier.logits(_noise(classifier, 64))
    assert torch.isfinite(logits).all()
    assert torch.allclose(logits.softmax(1).sum(1), torch.ones(64))


def test_an_image_is_embedded_alike_alone_and_among_others(classifier: Classifier) -> None:
    images = _noise(classifier, 33)
    together, alone = classifier(images), classifier(images[7:8])
    assert torch.allclose(together.embeddings[7:8], alone.embeddings, atol=1e-4)


def test_the_same_images_give_the_same_bits(classifier: Classifier) -> None:
    images = _noise(classifier, 16)
    assert torch.equal(classifier(images).embeddings, _load(_dataset(classifier))(images).embeddings)


def test_grey_written_as_rgb_is_read_as_grey(classifier: Classifier) -> None:
    images = _noise(classifier, 5)[:, :1]
    if DATASETS[_dataset(classifier)].shape[0] == 3:
        with pytest.raises(WrongInputError, match=r"\(n, 3, 32, 32\); got \(5, 1, 32, 32\)"):
            classifier(images)
        return
    assert torch.equal(classifier(images.expand(-1, 3, -1, -1)).embeddings, classifier(images).embeddings)


def test_lower_precision_stays_near(classifier: Classifier) -> None:
    images = _noise(classifier, 16)
    exact, rough = classifier(images).embeddings, classifier.to("cpu", "bf16")(images).embeddings
    assert rough.dtype == torch.float32
    assert 0 < (exact - rough).norm() / exact.norm() < 0.05


def test_the_digits_card_is_measured_again_in_full() -> None:
    classifier, test = _load("digits"), DATASETS["digits"].load("test")
    predicted = classifier.logits(torch.from_numpy(test.images)).argmax(1).numpy()
    assert (predicted == test.labels).mean() == _card(classifier).accuracy


def test_embeddings_are_standardised_on_the_training_images() -> None:
    classifier, train = _load("digits"), DATASETS["digits"].load("train")
    embeddings, _ = run(classifier, torch.from_numpy(train.images))
    assert embeddings.mean(0).abs().max() < 0.1  # the held-out seventh is in here too
    assert (embeddings.std(0) - 1).abs().max() < 0.05


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.study if name == "cifar10" else ())  # four times as long as the others
        for name in SHIPPED
        if name != "digits"
    ],
)
def test_the_recall_on_the_card_is_measured_again_on_real_images(name: str, data_dir: Path) -> None:
    classifier, test = _load(name), DATASETS[name].load("test")
    rows = np.sort(np.random.default_rng(0).permutation(len(test.labels))[:RECHECKED])
    predicted = classifier.logits(torch.from_numpy(test.images[rows])).argmax(1).numpy()
    right = int((predicted == test.labels[rows]).sum())
    low, high = wilson(right, len(rows), level=0.999)
    assert data_dir.is_dir()
    assert low <= _card(classifier).accuracy <= high
