"""The balanced-training experiment: what the arms add, what is compared with what, and the study read again."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from ganeval.classifiers.breastmnist import auc
from ganeval.classifiers.member import weight_bytes
from ganeval.datasets.dataset import Split
from ganeval.errors import IncomparableError
from ganeval.numerics.intervals import mcnemar
from reference_models.plumbing.data import resample
from studies.balanced import arms, classifier, experiment, page, statistics, study
from studies.balanced.classifier import Material, train_network
from studies.balanced.statistics import Outcome, Resamples


def a_split(malignant: int, others: int, seed: int = 0) -> Split:
    """Noise, brighter where malignant, in no order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], [malignant, others]))
    images = rng.integers(0, 128, (len(labels), 1, 28, 28)) + 60 * (1 - labels)[:, None, None, None]
    return Split(images.astype(np.uint8), labels.astype(np.int64))


TRAIN = a_split(147, 399)
ARMS = {arm.name: arm for arm in arms.ARMS}


def draw(labels: np.ndarray, seed: int) -> np.ndarray:
    """A generator whose images say what was asked for."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 100, (len(labels), 1, 28, 28)) + 100 * labels[:, None, None, None]
    return images.astype(np.uint8)


# The study


def test_the_study_missed_half_of_the_cancers_and_its_worse_network_found_three_of_four():
    before, after = study.Reading(study.BEFORE), study.Reading(study.AFTER)
    assert study.rate_text(before.malignant) == "50.0 % [35.5, 64.5] (21 of 42)"
    assert study.rate_text(after.malignant) == "76.2 % [61.5, 86.5] (32 of 42)"
    assert study.rate_text(before.right) == "83.3 % [76.7, 88.4] (130 of 156)"
    assert study.rate_text(after.right) == "78.8 % [71.8, 84.5] (123 of 156)"
    figures = [(r.balanced_accuracy, r.precision, r.f1, r.mcc) for r in (before, after)]
    assert np.round(figures, 3).tolist() == [[0.728, 0.808, 0.618, 0.543], [0.78, 0.582, 0.66, 0.52]]


def test_the_figures_are_those_of_scikit_learn():
    from sklearn import metrics

    (tp, fn), (fp, tn) = study.AFTER
    truth = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])
    called = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn])
    reading = study.Reading(study.AFTER)
    assert reading.mcc == pytest.approx(metrics.matthews_corrcoef(truth, called))
    assert reading.f1 == pytest.approx(metrics.f1_score(truth, called))
    assert reading.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, called))


def test_the_bounds_of_mcnemar_are_those_of_all_tables_with_these_margins():
    for before, after in (((21, 42), (32, 42)), ((109, 114), (91, 114)), ((5, 9), (5, 9))):
        (right, n), (now, _) = before, after
        possible = [
            mcnemar(gained, lost)
            for gained in range(n - right + 1)
            for lost in range(right + 1)
            if right + gained - lost == now
        ]
        assert study.mcnemar_bounds(before, after) == pytest.approx((min(possible), max(possible)))


def test_the_smallest_difference_is_found_in_four_of_five_test_sets():
    n, rate = 156, 0.78
    found = study.smallest_differences(n, rate, (0.9,))
    rng = np.random.default_rng(0)
    better = rng.binomial(n, rate + found["independent"] / 2, 20_000) / n
    worse = rng.binomial(n, rate - found["independent"] / 2, 20_000) / n
    error = np.sqrt((better * (1 - better) + worse * (1 - worse)) / n)
    assert ((better - worse) / error > 1.96).mean() == pytest.approx(0.8, abs=0.03)
    assert found["90% agreed"] == pytest.approx(2.8016 * math.sqrt(0.1 / n), abs=1e-4)


def test_np_resize_moves_a_disc_and_interpolation_does_not():
    y, x = np.mgrid[:64, :64]
    disc = (((y - 31.5) ** 2 + (x - 31.5) ** 2) < 200).astype(np.float32)[None]

    def centre(image: np.ndarray) -> float:
        return float((image[0].sum(axis=1) * np.arange(len(image[0]))).sum() / image.sum())

    small = resample(torch.from_numpy(disc)[None], (1, 28, 28))[0].numpy()
    assert centre(small) == pytest.approx(13.5, abs=0.01)
    assert small.sum() == pytest.approx(disc.sum() * (28 / 64) ** 2, rel=0.01)
    assert np.resize(disc, (1, 28, 28)).sum() == 0  # its first 784 pixels are the empty rows above the disc


# The arms


@pytest.mark.parametrize("name", list(ARMS))
def test_arms_change_nothing_of_the_real_images(name):
    material = ARMS[name].build(TRAIN, draw, 0)
    np.testing.assert_array_equal(material.images[:546], TRAIN.images)
    np.testing.assert_array_equal(material.labels[:546], TRAIN.labels)
    assert material.images.dtype == np.uint8


@pytest.mark.parametrize("name", page.IMAGES)
def test_252_images_called_malignant_balance_the_classes(name):
    material = ARMS[name].build(TRAIN, draw, 0)
    assert np.bincount(material.labels).tolist() == [399, 399]
    assert material.images.shape == (798, 1, 28, 28)
    assert material.weights is None


@pytest.mark.parametrize("name", page.IMAGES)
def test_one_seed_repeats_and_another_adds_other_images(name):
    first, again, other = (ARMS[name].build(TRAIN, draw, seed).images for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_class_weights_balance_the_loss_and_keep_its_size():
    weights = ARMS["class weights"].build(TRAIN, draw, 0).weights
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    assert weights[TRAIN.labels == 0].sum() == pytest.approx(weights[TRAIN.labels == 1].sum())


def keys(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def test_oversampling_repeats_malignant_images_as_evenly_as_it_can():
    real = keys(TRAIN.images[TRAIN.labels == 0])
    counts = Counter(keys(ARMS["oversampling"].build(TRAIN, draw, 0).images[546:]))
    assert set(counts) == set(real)
    assert Counter(counts.values()) == {1: 42, 2: 105}


def test_augmentation_changes_what_oversampling_repeats():
    plain, changed = (ARMS[name].build(TRAIN, draw, 0).images[546:] for name in ("oversampling", "augmentation"))
    assert not set(keys(changed)) & set(keys(plain))
    assert np.abs(changed.mean(axis=(1, 2, 3)) - plain.mean(axis=(1, 2, 3))).max() < 10  # still the same images


def test_shuffled_labels_ask_for_both_classes_and_generated_for_one():
    asked = {}

    def note(labels: np.ndarray, seed: int) -> np.ndarray:
        asked["now"] = labels
        return draw(labels, seed)

    ARMS["generated"].build(TRAIN, note, 0)
    assert asked["now"].tolist() == [0] * 252
    ARMS["label-shuffled"].build(TRAIN, note, 0)
    assert 40 < (asked["now"] == 0).sum() < 100  # 68 expected: the share of the training split


def test_garbled_images_have_the_first_pixels_of_the_enlarged_ones():
    whole, garbled = (ARMS[name].build(TRAIN, draw, 0).images[546:] for name in ("generated", "np.resize"))
    large = resample(torch.from_numpy(whole).float(), (1, 64, 64)).round().numpy()
    np.testing.assert_array_equal(garbled[:, 0].reshape(252, 784), large.reshape(252, 4096)[:, :784])


# Training


def test_weights_of_one_change_nothing_and_the_label_of_an_image_of_weight_zero_is_irrelevant():
    train, half = a_split(20, 20), 2.0 * (np.arange(40) % 2)
    other = np.where(half == 0, 1 - train.labels, train.labels)
    plain, ones, blind, misled = (
        weight_bytes(train_network(Material(train.images, labels, weights), seed=0, steps=2))
        for labels, weights in ((train.labels, None), (train.labels, np.ones(40)), (train.labels, half), (other, half))
    )
    assert plain == ones
    assert blind == misled
    assert blind != plain


def test_the_score_is_high_for_malignant():
    train = a_split(40, 40)
    network = train_network(Material(train.images, train.labels), seed=0, steps=12)
    assert auc(classifier.malignancy(network, train.images), train.labels == 0) > 0.99


@dataclass
class Fake:
    """A data set of the same kind, small, that counts how often each split is read."""

    opened: Counter[str] = field(default_factory=Counter)

    def load(self, split: str) -> Split:
        self.opened[split] += 1
        return a_split(*{"train": (20, 30), "val": (6, 6), "test": (8, 10)}[split], seed=len(split))


@pytest.fixture
def small(monkeypatch, tmp_path):
    data = Fake()
    monkeypatch.setattr(experiment, "DATASETS", {"breastmnist": data})
    monkeypatch.setattr(classifier, "CHOICE_SEEDS", (7,))
    chosen = tuple(ARMS[name] for name in ("none", "oversampling", "generated"))
    return data, experiment.Experiment(tmp_path / "cells", chosen, range(2))


def test_the_test_split_is_opened_once_and_after_everything(small):
    data, trial = small
    experiment.prepare(trial, (2, 3))
    experiment.train_all(trial)
    assert [(arm.name, seed) for arm, seed in trial.unfinished()] == [("generated", 0), ("generated", 1)]
    with pytest.raises(IncomparableError, match=r"2 are not, the first generated with seed 0"):
        experiment.test_scores(trial)
    experiment.train_all(trial, draw, "0001-some")
    assert data.opened["test"] == 0
    scores, labels = experiment.test_scores(trial)
    again, _ = experiment.test_scores(trial)
    assert data.opened["test"] == 1
    assert {name: values.shape for name, values in scores.items()} == dict.fromkeys(scores, (2, 18))
    assert all(np.array_equal(scores[name], again[name]) for name in scores)
    assert labels.tolist() == data.load("test").labels.tolist()


def test_more_seeds_open_the_test_split_again_and_the_setup_says_so(small):
    data, trial = small
    experiment.prepare(trial, (2,))
    experiment.train_all(trial, draw, "0001-some")
    few, _ = experiment.test_scores(trial)
    more = replace(trial, seeds=range(3))
    with pytest.raises(IncomparableError, match="3 are not, the first none with seed 2"):
        experiment.test_scores(more)
    experiment.train_all(more, draw, "0001-some")
    many, _ = experiment.test_scores(more)
    assert data.opened["test"] == 2
    assert all(np.array_equal(many[name][:2], few[name]) for name in few)
    assert more.setup["opened"] == [2, 3]
    assert page._opened([2]) == "once, when all 16 networks of 2 seeds were trained."
    assert page._opened([2, 3]).startswith(
        "first when all 16 networks of 2 seeds were trained, and again when there were 3"
    )


def test_a_finished_network_is_kept_and_a_lost_one_comes_back_the_same(small):
    _, trial = small
    experiment.prepare(trial, (2,))
    experiment.train_all(trial, draw, "0001-some")
    paths = [trial.weights(arm, seed) for arm in trial.arms for seed in trial.seeds]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
    paths[3].unlink()
    experiment.train_all(trial, draw, "0001-some")
    assert {path: path.read_bytes() for path in paths} == {path: content for path, (content, _) in before.items()}
    assert [path.stat().st_mtime_ns == before[path][1] for path in paths] == [True] * 3 + [False] + [True] * 2


def test_other_settings_and_another_generator_are_refused(small):
    _, trial = small
    experiment.prepare(trial, (2,))
    with pytest.raises(IncomparableError, match="trained with another candidates"):
        experiment.prepare(trial, (2, 3))
    experiment.train_all(replace(trial, arms=trial.arms[2:]), draw, "0001-some")
    with pytest.raises(IncomparableError, match="trained with another generator"):
        experiment.train_all(trial, draw, "0002-other")


def test_the_length_of_training_is_that_with_the_best_area_on_val(small):
    _, trial = small
    experiment.prepare(trial, (2, 12))
    setup = trial.setup
    assert setup["steps"] == max(setup["choice"], key=lambda row: row["val_auc"])["steps"]
    assert {row["steps"] for row in setup["choice"]} == {2, 12}


# Statistics

LABELS = np.repeat([0, 1], [6, 9])


def an_outcome(seed: int, seeds: int = 3, shift: float = 0.0) -> Outcome:
    rng = np.random.default_rng(seed)
    return Outcome(rng.normal(shift, 1, (seeds, 15)).round(1) + 0.5 * (LABELS == 0), LABELS)


def test_figures_are_means_over_seeds_of_what_each_network_does():
    outcome = an_outcome(0)
    found = statistics.figures(outcome)
    malignant, called = LABELS == 0, outcome.scores > 0
    assert found["recall"].value == pytest.approx(called[:, malignant].mean())
    assert found["specificity"].value == pytest.approx((~called[:, ~malignant]).mean())
    assert found["accuracy"].value == pytest.approx((called == malignant).mean())
    assert found["AUC"].value == pytest.approx(np.mean([auc(row, malignant) for row in outcome.scores]))
    areas = [auc(row, malignant) for row in outcome.scores]
    assert found["AUC"].over_seeds == pytest.approx(np.std(areas, ddof=1))
    assert all(figure.interval[0] <= figure.value <= figure.interval[1] for figure in found.values())


def test_comparisons_count_images_on_which_the_votes_differ():
    base, other = an_outcome(0), an_outcome(1, shift=0.5)
    result = statistics.compare({"none": base, "one": other, "same": base})
    right = {name: (o.scores.mean(0) > 0) == (LABELS == 0) for name, o in (("none", base), ("one", other))}
    malignant = LABELS == 0
    assert result["one"].gained["recall"] == (right["one"] & ~right["none"] & malignant).sum()
    assert result["one"].lost["specificity"] == (right["none"] & ~right["one"] & ~malignant).sum()
    p = mcnemar(result["one"].gained["accuracy"], result["one"].lost["accuracy"])
    assert result["one"].p["accuracy"] == pytest.approx(min(1, 2 * p))  # Holm over two arms
    assert result["same"].p == {"recall": 1, "specificity": 1, "accuracy": 1}
    assert all(figure.interval == (0, 0) for figure in result["same"].differences.values())


def test_a_moved_threshold_finds_more_and_ranks_the_same():
    outcome = an_outcome(0)
    moved = statistics.shifted(outcome, 0.27)
    before, after = statistics.figures(outcome), statistics.figures(moved)
    assert after["recall"].value >= before["recall"].value
    assert after["AUC"] == before["AUC"]
    np.testing.assert_allclose(moved.scores > 0, 1 / (1 + np.exp(-outcome.scores)) > 0.27)


def test_intervals_cover_differences_of_arms_when_seeds_and_images_vary():
    """Scores with a part of the image, a part of the seed and a part of both;
    the true difference of recall is known.
    """
    rng, covered = np.random.default_rng(0), []
    labels = np.repeat([0, 1], [42, 20])
    for trial in range(150):
        image, seed = rng.normal(0, 1, 62), rng.normal(0, 0.3, (2, 10, 1))
        arm = image + seed + rng.normal(0, 0.5, (2, 10, 62)) + np.array([0.0, 0.4])[:, None, None]
        one, other = (Outcome(scores, labels) for scores in arm)
        draws = Resamples.draw(*one.sizes, rng_seed=trial, repeats=300)
        difference = other.resampled(draws)["recall"] - one.resampled(draws)["recall"]
        low, high = np.quantile(difference, [0.025, 0.975])
        covered.append(low <= _phi(0.4 / math.sqrt(1.34)) - 0.5 <= high)
    assert np.mean(covered) > 0.9


def _phi(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2


# The page


@pytest.fixture(scope="module")
def text():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [42, 114])
    scores = {name: rng.normal(0, 1, (3, 156)) + (labels == 0) - 0.5 for name in ARMS}
    setup = {
        "steps": 130,
        "recipe": {"batch": 64},
        "generator": "0001-some",
        "cpu_seconds": dict.fromkeys(ARMS, 9.0),
        "choice": [{"steps": 130, "val_auc": 0.9}],
    }
    return page.render(page.outcomes(scores, labels, 147 / 546), setup, "balanced --seeds 3")


def test_the_page_reads_the_study_with_malignant_as_class_0(text):
    assert "Class 0 is malignant" in text
    assert "**missed 21 of 42 cancers**" in text
    assert "| 50.0 % [35.5, 64.5] (21 of 42)** |" in text.replace("**50", "50")
    assert "72.8 %" in text
    assert "78.0 %" in text


def test_the_page_has_a_row_for_every_arm_and_a_difference_for_all_but_the_first(text):
    table, pairs = (
        text.split(f"## {head}")[1].split("\n## ")[0] for head in ("The experiment", "Against no balancing")
    )
    for name in (*ARMS, page.MOVED):
        assert f"| {name} |" in table
        assert (f"| {name} |" in pairs) == (name != "none")
    assert not re.search(r"\b(nan|inf)\b", text)
