"""Judges from elsewhere: torch modules, scikit-learn pipelines, third-party packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, LinearSVC
from torch import nn

from ganeval import evaluate, extract, fid, image_set
from ganeval.classifiers import CLASSIFIERS, train_classifier, wrap, wrap_sklearn
from ganeval.classifiers.classifier import Classifier, run
from ganeval.classifiers.hog import hog
from ganeval.classifiers.sklearn_member import estimator_digest, hog_transformer
from ganeval.core import registry
from ganeval.core.extractor import Extractor
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import IncomparableError, UnknownNameError, WrongInputError
from ganeval.features.extraction import load_extractor

TRAIN, TEST = DATASETS["digits"].load("train"), DATASETS["digits"].load("test")
TRAIN_IMAGES, TEST_IMAGES = torch.from_numpy(TRAIN.images), torch.from_numpy(TEST.images)
TEST_LABELS = torch.from_numpy(TEST.labels)
ROWS = TRAIN.images.reshape(len(TRAIN.images), -1) / 255


def _network() -> nn.Module:
    """A random projection and a least-squares head: a real classifier without a training loop."""
    generator = torch.Generator().manual_seed(0)
    hidden, head = nn.Linear(64, 40), nn.Linear(40, 10)
    with torch.no_grad():
        hidden.weight.copy_(torch.randn(40, 64, generator=generator) / 8)
        hidden.bias.copy_(torch.randn(40, generator=generator))
        features = torch.relu(hidden(torch.from_numpy(ROWS).float())).double()
        targets = torch.nn.functional.one_hot(torch.from_numpy(TRAIN.labels)).double() - 0.1
        gram = features.T @ features + torch.eye(40)
        head.weight.copy_(torch.linalg.solve(gram, features.T @ targets).T)
        head.bias.zero_()
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), head)


def _wrapped(**options: object) -> Classifier:
    arguments = {
        "name": "mine",
        "preprocess": lambda x: x.float() / 255,
        "preprocessing": "x / 255",
        "class_names": tuple("0123456789"),
        "layer": "1",
        **options,
    }
    return wrap(_network(), **arguments)  # pyright: ignore[reportArgumentType] - one dictionary for every variant


def _svm() -> Pipeline:
    pipeline = make_pipeline(hog_transformer((8, 8), cell=2), PCA(32, whiten=True, random_state=0), SVC(C=10))
    return pipeline.fit(ROWS, TRAIN.labels)


def test_any_module_becomes_an_extractor() -> None:
    judge = _wrapped()
    assert isinstance(judge, Extractor)
    assert judge(TEST_IMAGES[:7]).embeddings.shape == (7, 40)


def test_a_wrapped_module_is_standardised_on_the_training_images() -> None:
    embeddings, _ = run(_wrapped(layer="1", train=TRAIN_IMAGES), TRAIN_IMAGES)
    assert embeddings.mean(0).abs().max() < 1e-4
    assert (embeddings.std(0) - 1).abs().max() < 1e-4


def test_dead_units_are_refused() -> None:
    dead = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))
    with torch.no_grad():
        dead[1].bias[3] = -1000.0  # pyright: ignore[reportIndexIssue] - a Linear's bias is a tensor
    with pytest.raises(WrongInputError, match="before the last activation"):
        wrap(
            dead,
            name="dead",
            preprocess=lambda x: x.float() / 255,
            preprocessing="x / 255",
            class_names=tuple("0123456789"),
            layer="2",
            train=TRAIN_IMAGES,
        )


def test_the_temperature_makes_held_out_images_likelier_and_moves_no_decision() -> None:
    raw, cool = _wrapped(), _wrapped(held_out=(TEST_IMAGES, TEST_LABELS))
    loss = nn.functional.cross_entropy
    assert loss(cool.logits(TEST_IMAGES), TEST_LABELS) < loss(raw.logits(TEST_IMAGES), TEST_LABELS) - 0.1
    assert torch.equal(cool.logits(TEST_IMAGES).argmax(1), raw.logits(TEST_IMAGES).argmax(1))


def test_the_confusion_matrix_counts_the_test_images() -> None:
    judge = _wrapped(test=(TEST_IMAGES, TEST_LABELS))
    right = (judge.logits(TEST_IMAGES).argmax(1) == TEST_LABELS).sum()
    assert judge.confusion is not None
    assert judge.confusion.sum() == 450
    assert np.trace(judge.confusion) == right


def test_wrapping_leaves_the_module_alone() -> None:
    module = _network().train()
    wrap(module, name="m", preprocess=lambda x: x / 255, preprocessing="", class_names=tuple("0123456789"), layer="1")
    assert module.training
    assert all(p.requires_grad for p in module.parameters())


def test_other_weights_have_another_digest() -> None:
    assert _wrapped().weights_sha256 == _wrapped().weights_sha256
    assert _wrapped().weights_sha256 != _wrapped(train=TRAIN_IMAGES).weights_sha256


def test_an_unknown_layer_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Known: 0, 1, 2, 3"):
        _wrapped(layer="penultimate")


def test_a_module_without_layer_and_logits_cannot_have_classes() -> None:
    with pytest.raises(WrongInputError, match="its network gave logits of shape None"):
        _wrapped(layer=None)(TEST_IMAGES[:2])


def test_a_backbone_without_a_head_serves_as_an_extractor() -> None:
    backbone = _wrapped(layer=None, class_names=())
    found = backbone(TEST_IMAGES[:2])
    assert found.logits is None
    assert found.embeddings.ndim == 2


def test_too_few_class_names_are_refused() -> None:
    with pytest.raises(WrongInputError, match="Name every class"):
        _wrapped(class_names=("a", "b"))(TEST_IMAGES[:2])


def test_hog_and_an_svm_judge_digits_well() -> None:
    judge = wrap_sklearn(
        _svm(),
        name="digits-svm",
        class_names="0123456789",
        shape=(1, 8, 8),
        train=TRAIN_IMAGES,
        held_out=(TEST_IMAGES[::2], TEST_LABELS[::2]),
        test=(TEST_IMAGES[1::2], TEST_LABELS[1::2]),
    )
    assert isinstance(judge, Extractor)
    assert judge(TEST_IMAGES[:4]).embeddings.shape == (4, 32)
    assert judge.confusion is not None
    assert np.trace(judge.confusion) / judge.confusion.sum() >= 0.97


def test_nearest_neighbours_never_say_minus_infinity() -> None:
    pipeline = make_pipeline(PCA(16, random_state=0), KNeighborsClassifier(1)).fit(ROWS, TRAIN.labels)
    judge = wrap_sklearn(pipeline, name="digits-knn", class_names="0123456789", shape=(1, 8, 8))
    logits = judge.logits(TEST_IMAGES)
    assert torch.isfinite(logits).all()
    assert (logits.argmax(1) == TEST_LABELS).float().mean() > 0.95


def test_two_class_decisions_become_two_logits() -> None:
    chosen = TRAIN.labels < 2
    pipeline = make_pipeline(PCA(4, random_state=0), LinearSVC(random_state=0)).fit(ROWS[chosen], TRAIN.labels[chosen])
    judge = wrap_sklearn(pipeline, name="zero-one", class_names="01", shape=(1, 8, 8))
    images = TEST_IMAGES[TEST_LABELS < 2]
    assert (judge.logits(images).argmax(1) == TEST_LABELS[TEST_LABELS < 2]).all()


def test_other_training_data_give_another_estimator_digest() -> None:
    one, two = (make_pipeline(PCA(4, random_state=0), KNeighborsClassifier(1)) for _ in range(2))
    one.fit(ROWS, TRAIN.labels)
    two.fit(ROWS[1:], TRAIN.labels[1:])
    assert estimator_digest(one) == estimator_digest(one)
    assert estimator_digest(one) != estimator_digest(two)


def test_an_unfitted_pipeline_is_refused() -> None:
    with pytest.raises(WrongInputError, match="fitted pipeline whose classes are 0 to 9"):
        wrap_sklearn(make_pipeline(SVC()), name="new", class_names="0123456789", shape=(1, 8, 8))


def test_a_vertical_edge_and_a_horizontal_edge_have_different_histograms() -> None:
    edge = np.zeros((8, 8))
    edge[:, 4:] = 1.0
    both = hog(np.stack([edge.ravel(), edge.T.ravel()]), shape=(8, 8), bins=4)
    assert both[0].reshape(4, 4)[:, [1, 2, 3]].sum() == 0
    assert both[1].reshape(4, 4)[:, [0, 1, 3]].sum() == 0


def test_a_package_elsewhere_adds_a_classifier_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "foreign_judges.py").write_text(
        "from ganeval.core.extractor import ExtractorSpec\n"
        "JUDGE = ExtractorSpec(name='foreign', load=lambda: None, summary='from elsewhere')\n"
    )
    info = tmp_path / "foreign_judges-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-judges\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganeval.classifiers]\nforeign = foreign_judges\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_CACHE", {})
    assert CLASSIFIERS["foreign"].summary == "from elsewhere"
    assert "digits" in CLASSIFIERS


def test_arrays_serve_where_tensors_do() -> None:
    arrays = _wrapped(train=TRAIN.images, held_out=(TEST.images, TEST.labels), test=(TEST.images, TEST.labels))
    tensors = _wrapped(train=TRAIN_IMAGES, held_out=(TEST_IMAGES, TEST_LABELS), test=(TEST_IMAGES, TEST_LABELS))
    assert arrays.weights_sha256 == tensors.weights_sha256
    assert np.array_equal(arrays.confusion, tensors.confusion)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_forests_grown_on_other_data_have_another_estimator_digest(kind: Any) -> None:
    options: dict[str, Any] = {"max_iter": 2} if kind is HistGradientBoostingClassifier else {"n_estimators": 3}
    first, again, other = (
        kind(random_state=0, **options).fit(ROWS[rows], TRAIN.labels[rows])
        for rows in (slice(300), slice(300), slice(9, 309))
    )
    assert estimator_digest(make_pipeline(first)) == estimator_digest(make_pipeline(again))
    assert estimator_digest(make_pipeline(first)) != estimator_digest(make_pipeline(other))


def test_a_module_in_training_mode_judges_in_evaluation_mode() -> None:
    judge = _wrapped()
    judge.module.train()
    assert not judge.to("cpu").module.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": TRAIN.images / np.float32(255)}, r"looks at uint8 images .n, c, h, w.*got torch.float32"),
        ({"train": TRAIN.images[0]}, "looks at uint8 images"),
        ({"train": "digits:train"}, "looks at uint8 images"),
        ({"held_out": TEST.images}, r"held_out= must be a pair \(images, labels\)"),
        ({"test": [TEST.images, TEST.labels]}, r"test= must be a pair \(images, labels\)"),
        ({"test": (TEST.images, TEST.labels + 1)}, "one label from 0 to 9"),
        ({"held_out": (TEST.images, TEST.labels[:9])}, "one label per image: 450 images"),
    ],
)
def test_what_a_judge_cannot_be_settled_with_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        _wrapped(**options)


def test_image_sets_serve_where_arrays_do() -> None:
    assert _wrapped(train=image_set("digits:train")).weights_sha256 == _wrapped(train=TRAIN_IMAGES).weights_sha256
    short = train_classifier(image_set("digits:test"), TEST_LABELS, 10, steps=2, val=(TEST.images, TEST.labels))
    assert torch.isfinite(short.logits(image_set("digits:test").take(np.arange(9)))).all()


def test_what_is_no_module_is_sent_to_where_it_belongs() -> None:
    with pytest.raises(WrongInputError, match="See wrap_sklearn for pipelines"):
        wrap(_svm(), name="svm", preprocess=lambda x: x, preprocessing="none")  # pyright: ignore[reportArgumentType]


def test_a_backbone_without_a_head_embeds_and_is_asked_nothing_about_classes() -> None:
    backbone = wrap(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()),
        name="b",
        preprocess=lambda x: x / 255,
        preprocessing="x / 255",
        train=None,
    )
    found = evaluate(
        "digits:train", "digits:test", classifier=backbone, metrics=["fid", "classifier_score"], floor=False
    )
    assert found["fid"].ok
    assert "needs logits" in found["classifier_score"].status
    with pytest.raises(WrongInputError, match="has no classes"):
        wrap(
            nn.Flatten(),
            name="b",
            preprocess=lambda x: x / 255,
            preprocessing="x / 255",
            test=(TEST.images, TEST.labels),
        )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"class_names": ("a", "b")}, "10 different names"),
        ({"class_names": ("a",) * 10}, "10 different names"),
        ({"n_classes": 1}, "at least 2 classes"),
        ({"steps": 0}, "steps must be"),
        ({"epochs": float("nan")}, "epochs must be"),
        ({"seed": "a"}, "seed must be"),
        ({"images": np.zeros((4, 5, 8, 8), np.uint8), "labels": [0, 1, 0, 1]}, "grey or RGB"),
    ],
)
def test_a_judge_that_makes_no_sense_is_not_trained(changed: dict[str, object], words: str) -> None:
    asked = {"images": TEST.images, "labels": TEST.labels, "n_classes": 10, "epochs": 1, **changed}
    with pytest.raises(WrongInputError, match=words):
        train_classifier(**asked)  # pyright: ignore[reportArgumentType] - the mistakes themselves


@pytest.mark.parametrize("labels", [TEST.labels / 1.0, TEST.labels > 3, TEST.labels + 1, TEST.labels[:-1]])
def test_labels_that_number_no_class_settle_no_judge(labels: np.ndarray) -> None:
    with pytest.raises(WrongInputError, match=r"[Ll]abel"):
        _wrapped(held_out=(TEST_IMAGES, labels))


def test_classes_of_one_name_and_pipelines_that_are_none_are_refused() -> None:
    with pytest.raises(WrongInputError, match="different names"):
        _wrapped(class_names=("a",) * 10)
    with pytest.raises(WrongInputError, match="make_pipeline"):
        wrap_sklearn(SVC().fit(ROWS, TRAIN.labels), name="x", class_names="0123456789", shape=(1, 8, 8))
    with pytest.raises(WrongInputError, match=r"\(c, h, w\)"):
        wrap_sklearn(_svm(), name="x", class_names="0123456789", shape=(8, 8))  # pyright: ignore[reportArgumentType]


SCALES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "255": lambda x: x.float() / 255,
    "256": lambda x: x.float() / 256,
    "centred": lambda x: x.float() / 127.5 - 1,
    "reversed": lambda x: 1 - x.float() / 255,
    "mirrored": lambda x: x.flip(3).float() / 255,
}


class _Bent(nn.Module):
    """The same weights whatever the activation, which is no module and so has no name."""

    def __init__(self, activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.inner, self.activation = _network(), activation

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.activation(self.inner[1](images.flatten(1)))  # pyright: ignore[reportIndexIssue]
        return hidden, self.inner[3](hidden)  # pyright: ignore[reportIndexIssue]


def _by_preprocess() -> list[Classifier]:
    return [_wrapped(preprocess=scale, preprocessing="my own") for scale in SCALES.values()]


def _by_activation() -> list[Classifier]:
    activations = (torch.relu, torch.tanh, nn.functional.gelu)
    say = {"name": "m", "preprocess": SCALES["255"], "preprocessing": "x / 255", "class_names": "0123456789"}
    return [wrap(_Bent(f), **say) for f in activations]  # pyright: ignore[reportArgumentType]


def _by_transformer() -> list[Classifier]:
    scales = (lambda x: x, lambda x: 2 * x)
    pipes = [make_pipeline(FunctionTransformer(f), KNeighborsClassifier(3)).fit(ROWS, TRAIN.labels) for f in scales]
    return [wrap_sklearn(pipe, name="m", class_names="0123456789", shape=(1, 8, 8)) for pipe in pipes]


def _from_module(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Classifier]:
    lines = ["import torch", "from torch import nn", "from ganeval.classifiers import wrap", "net = nn.Flatten()"]
    for name, made in (("a", "x / 255"), ("b", "x / 64")):
        lines.append(f"{name} = wrap(net, name='m', preprocess=lambda x: {made}, preprocessing='mine')")
    (folder / "own_judges_of_a_user.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(folder))
    return [load_extractor(f"own_judges_of_a_user:{name}") for name in "ab"]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("door", [_by_preprocess, _by_activation, _by_transformer, _from_module])
def test_wraps_that_do_other_things_to_an_image_are_never_taken_for_one(door, tmp_path, monkeypatch) -> None:
    judges = door(tmp_path, monkeypatch) if door is _from_module else door()
    seen = [extract(image_set(TEST_IMAGES[:40]), judge, cache=False) for judge in judges]
    assert len({one.passport.weights_sha256 for one in seen}) == len(judges)
    with pytest.raises(IncomparableError):
        fid(seen[0], seen[1])


def test_a_wrap_is_the_same_one_when_it_is_made_again() -> None:
    assert _by_preprocess()[0].weights_sha256 == _by_preprocess()[0].weights_sha256
    state = torch.get_rng_state()
    assert _by_transformer()[0].weights_sha256 == _by_transformer()[0].weights_sha256
    assert torch.equal(torch.get_rng_state(), state)


def test_networks_for_images_of_no_usual_shape_are_told_apart_by_the_code_of_their_functions() -> None:
    def made(by: float) -> Classifier:
        net = nn.Sequential(nn.Flatten(), nn.Linear(7 * 9, 3))
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.fill_(0.1)
        return wrap(net, name="m", preprocess=lambda x: x.float() / by, preprocessing="mine", layer="0")

    assert made(255).weights_sha256 == made(255).weights_sha256 != made(64).weights_sha256
