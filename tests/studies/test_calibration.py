"""The metrics' calibration on the controls: who must see which fault, as orderings and not as values."""

from __future__ import annotations

import pytest

from reference_models.controls.control import CONTROLS
from studies.controls.calibration import HEALTHY, SIZES, calibrate, verdicts

FAULTY = [name for name in CONTROLS.names() if name != HEALTHY]


@pytest.fixture(scope="module")
def found():
    return dict(calibrate("digits", SIZES["digits"]))


def score(found, name: str, metric: str) -> float:
    value = found[name][metric].value
    assert value is not None, found[name][metric].status
    return value


@pytest.mark.parametrize("name", ["memoriser", "one_per_class", "k_per_class", "class_mean"])
def test_gan_test_is_perfect_for_copies_and_for_collapse(found, name):
    assert score(found, name, "classifier_score") > 0.99
    assert verdicts(found)["classifier_score", name] != "seen"


def test_whoever_compares_with_the_training_set_sees_the_memoriser_and_nobody_else_does(found):
    said = verdicts(found)
    sees = {metric for (metric, name), verdict in said.items() if name == "memoriser" and verdict == "seen"}
    assert {"authenticity", "copies", "ct", "nn_ratio", "fld"} <= sees
    assert not sees & {"fid", "kid", "precision", "recall", "density", "coverage", "classifier_score", "mmd_test"}
    assert score(found, "memoriser", "copies") == 1
    assert score(found, "memoriser", "authenticity") == 0


def test_collapse_is_seen_by_recall_coverage_and_cas_and_hidden_from_precision(found):
    few = ["one_per_class", "k_per_class", HEALTHY]
    for metric in ("recall", "coverage", "gan_train", "intra_recall", "vendi", "birthday"):
        values = [score(found, name, metric) for name in few]
        assert values == sorted(values), metric
        assert values[0] < values[-1]
    for metric in ("fid", "intra_fid", "duplicates", "prd_recall"):
        assert (score(found, "one_per_class", metric) > score(found, HEALTHY, metric)) == (metric != "prd_recall")
    assert score(found, "one_per_class", "recall") == 0
    assert score(found, "one_per_class", "precision") > 0.8


def test_mean_distances_within_the_whole_set_miss_ten_images_a_class(found):
    said = verdicts(found)
    assert score(found, "k_per_class", "embedding_spread") > 0.8 * score(found, HEALTHY, "embedding_spread")
    for blind in ("inception_score", "modes", "missing_classes", "class_balance", "precision", "classifier_score"):
        assert said[blind, "k_per_class"] in ("blind", "fooled"), blind


@pytest.mark.parametrize("name", ["train_plus_noise", "kde"])
def test_noise_costs_precision_and_density_but_neither_recall_nor_cas(found, name):
    for metric in ("precision", "density", "clipped_density", "realism", "coverage"):
        assert verdicts(found)[metric, name] == "seen", metric
    assert verdicts(found)["recall", name] != "seen"
    assert score(found, name, "gan_train") > score(found, "k_per_class", "gan_train")


def test_the_mean_of_a_class_fools_what_asks_for_typical_images(found):
    said = verdicts(found)
    for metric in ("precision", "density", "realism", "inception_score"):
        assert said[metric, "class_mean"] == "fooled", metric
    for metric in ("recall", "coverage", "fid", "kid", "intra_recall", "gan_train"):
        assert said[metric, "class_mean"] == "seen", metric


def test_a_gaussian_is_nearer_to_the_data_than_noise_and_farther_than_real_images(found):
    for metric in ("fid", "kid", "mmd_rbf", "c2st", "sliced_wasserstein"):
        values = [score(found, name, metric) for name in (HEALTHY, "pca_gaussian", "kde")]
        assert values == sorted(values), metric


@pytest.mark.parametrize("name", FAULTY)
def test_no_fault_escapes_the_panel(found, name):
    """For every control one of these is worse; at 400 images the Gaussian is seen by the distances alone."""
    panel = ("classifier_score", "gan_train", "precision", "recall", "coverage", "copies", "fid", "kid")
    assert "seen" in {verdicts(found)[metric, name] for metric in panel}
