"""The controls: generators whose fault is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.measure.functions import evaluate
from ganeval.runs.readers.native import read_run
from reference_models.__main__ import main
from reference_models.controls.control import CONTROLS, build, walk
from reference_models.controls.fitted import WIDTHS, log_density
from reference_models.plumbing.data import to_float
from reference_models.plumbing.loading import load_data

NAMES = CONTROLS.names()


@pytest.fixture(scope="module")
def data():
    return load_data("digits")


def rows(images) -> set[bytes]:
    return {image.tobytes() for image in np.asarray(images)}


def test_all_controls_of_the_issue_are_there():
    wanted = "memoriser one_per_class k_per_class train_plus_noise class_mean pca_gaussian kde held_out_real"
    assert set(NAMES) == set(wanted.split())


@pytest.mark.parametrize("name", NAMES)
def test_an_image_depends_on_seed_place_and_label_alone(name, data):
    sample = build(name, data)
    labels = np.random.default_rng(1).integers(0, 10, 230)
    whole = sample(labels, seed=5)
    parts = [sample(labels[a:b], seed=5, start=a) for a, b in ((0, 7), (7, 130), (130, 230))]
    assert np.array_equal(whole, np.concatenate(parts))
    assert whole.dtype == np.uint8
    if name not in ("class_mean", "one_per_class"):
        assert not np.array_equal(whole, sample(labels, seed=6))


@pytest.mark.parametrize("name", NAMES)
def test_a_control_is_a_generator_for_evaluation(name, data):
    scores = evaluate(
        "digits:test",
        build(name, data).generate,
        classifier="digits",
        labels=np.arange(60) % 10,
        n=60,
        metrics=["classifier_score"],
        floor=False,
        cache=False,
    )
    assert (scores["classifier_score"].value or 0) > 0.9


def test_the_memoriser_shows_each_training_image_once_before_any_comes_again(data):
    known = rows(data.images)
    sample, labels = build("memoriser", data), np.arange(800) % 10
    shown = rows(sample(labels, seed=0))
    assert shown <= known
    assert len(shown) == 800
    images, asked = sample.per_class(20, seed=0)
    by_label = {label: rows(data.images[data.labels == label]) for label in range(10)}
    assert all(image.tobytes() in by_label[label] for image, label in zip(images, asked, strict=True))


def test_held_out_images_are_no_training_images(data):
    shown = rows(build("held_out_real", data).per_class(30, seed=0)[0])
    assert shown <= rows(data.held_images)
    assert not shown & rows(data.images)


def test_one_and_ten_per_class_show_one_and_ten_training_images_of_each(data):
    for name, count in (("one_per_class", 10), ("k_per_class", 100)):
        shown = rows(build(name, data).per_class(150, seed=0)[0])
        assert len(shown) == count
        assert shown <= rows(data.images)


def test_a_walk_visits_every_image_of_a_prime_number_before_any_again():
    for step in (1, 10):
        visited = walk(14, 3, 2, step * torch.arange(26)).tolist()
        assert len(set(visited[:13])) == 13
        assert visited[:13] == visited[13:]


def test_the_class_mean_is_the_mean_of_the_class(data):
    image = build("class_mean", data)(np.array([4]), seed=0)[0]
    mean = data.images[data.labels == 4].double().mean(0)
    assert np.abs(image - mean.numpy()).max() <= 0.51


def test_the_gaussian_has_the_mean_and_the_spread_of_its_class(data):
    sample = build("pca_gaussian", data)
    z = torch.randn(4000, *sample.latent, generator=torch.Generator().manual_seed(0))
    drawn = sample.draw(z, torch.full((4000,), 3)).flatten(1)
    known = to_float(data.images[data.labels == 3]).flatten(1)
    torch.testing.assert_close(drawn.mean(0), known.mean(0), atol=0.06, rtol=0)
    assert 0.90 < drawn.var(0).sum() / known.var(0).sum() < 1.0  # 95 % is kept, and no more than needed


def test_the_kernel_density_is_the_mean_of_its_kernels():
    a, b = torch.randn(7, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    kernels = torch.distributions.MultivariateNormal(b, 0.49 * torch.eye(3, dtype=torch.float64))
    wanted = kernels.log_prob(a[:, None]).exp().mean(1).log()
    torch.testing.assert_close(log_density(torch.cdist(a, b).square(), 0.7, 3), wanted)


def test_the_kernel_width_is_the_likeliest_and_not_at_an_end_of_the_range(data):
    sample = build("kde", data)
    z = torch.zeros(20_000, *sample.latent)
    z[:, 1:] = torch.randn(20_000, sample.latent[0] - 1, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(20_000, dtype=torch.int64)
    noise = (sample.draw(z, labels) - sample.draw(torch.zeros(1, *sample.latent), labels[:1])).std()
    width = min(WIDTHS, key=lambda w: abs(w - float(noise)))
    assert abs(width - float(noise)) < 0.01 * width
    assert min(WIDTHS) < width < max(WIDTHS)


def test_a_class_without_images_is_an_error_that_names_it(data):
    with pytest.raises(TooFewSamplesError, match="class '3' of digits has 0"):
        build("memoriser", data.only([0, 1, 2]))


def test_points_in_the_plane_are_refused():
    with pytest.raises(WrongInputError, match="labelled images"):
        build("memoriser", load_data("ring"))


def test_a_control_leaves_a_run_like_any_other(tmp_path, capsys):
    assert main(["k_per_class", "--dataset", "digits", "--out", str(tmp_path), "--sample-per-class", "7"]) == 0
    run = read_run(tmp_path / "0001-k_per_class-digits")
    assert "0001-k_per_class-digits" in capsys.readouterr().out
    assert (run.status, run.protocol["real"], run.protocol["train"]) == ("done", "digits:test", "digits:train")
    assert len(np.load(run.samples[0].path)["arr_0"]) == 70


def test_images_taken_out_of_the_training_split_are_not_compared_with_it(tmp_path):
    assert main(["held_out_real", "--dataset", "digits", "--out", str(tmp_path)]) == 0
    assert "train" not in read_run(tmp_path / "0001-held_out_real-digits").protocol


def test_an_unknown_control_option_is_no_run(tmp_path, capsys):
    assert main(["memoriser", "--dataset", "ring", "--out", str(tmp_path)]) == 2
    assert "labelled images" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
