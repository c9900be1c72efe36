"""The pages of studies: latents on small digits, and what the steps of a diffusion model buy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

from ganeval.records.scores import ScoreRecord
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies import ddpm as diffusion
from studies.latent import page as latent_page
from studies.latent import spaces as latent
from studies.latent.spaces import Images, Space, Study, choose, encoded, flat, measure_latents, spaces_of
from studies.trained import trained

TINY = {"net": "dense", "units": 32, "steps": 200, "batch": 64}
ROWS = (
    Study("PCA", 41.5, 42.35),
    Study("Isomap, the rest embedded", None, 33.61),
    Study("autoencoder, dense", 44.91, 45.77, "autoencoder", ({**TINY, "latent": 4},)),
    Study("VAE, dense", 43.61, 44.39, "vae", ({**TINY, "latent": 4}, {**TINY, "latent": 8})),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("latent")
    images, rows = measure_latents(root / "runs", dataset="digits", rows=ROWS, select=300)
    return root, latent_page.write_page(images, rows, root / "pages", "digits", seed=0)


def test_every_method_has_a_row_with_intervals_beside_the_published_numbers(study):
    lines = study[1].read_text().splitlines()
    for row in ROWS:
        (line,) = (line for line in lines if line.startswith(f"| {row.name} |"))
        assert len(re.findall(r"\*\*\d+\.\d\d\*\* \[\d+\.\d\d, \d+\.\d\d\] \(\d+, \d+\)", line)) == 2
        assert row.paper is not None
        assert f"{row.paper:.2f}" in line
    with Image.open(study[0] / "pages" / "latent-traversal.png") as picture:
        assert picture.size == (2 * 8 * latent_page.SIDE,) * 2
    with Image.open(study[0] / "pages" / "latent-samples.png") as picture:
        assert picture.size == (2 * 8 * latent_page.SIDE, 2 * 8 * 2)


def test_finished_runs_of_the_same_recipe_are_not_trained_again(study):
    before = sorted(path.name for path in (study[0] / "runs").iterdir())
    assert len(before) == 3
    measure_latents(study[0] / "runs", dataset="digits", rows=ROWS[2:], select=300)
    assert sorted(path.name for path in (study[0] / "runs").iterdir()) == before


def test_d_and_k_are_the_best_of_the_selection_images(study):
    images = Images.of("digits", 300, seed=0)
    chosen = choose(images, list(spaces_of(ROWS[0], images, study[0], "digits", 0)))
    best = max(chosen.selected.values())
    assert chosen.selected[chosen.d, chosen.score.details["k"]] == best
    assert chosen.score.n == len(images.report.labels)


def test_the_report_split_does_not_choose(study):
    images = Images.of("digits", 300, seed=0)
    spaces = list(spaces_of(ROWS[0], images, study[0], "digits", 0))
    shuffled = [replace(space, report=space.report[::-1]) for space in spaces]
    one, other = choose(images, spaces), choose(images, shuffled)
    assert (one.d, one.score.details["k"]) == (other.d, other.score.details["k"])
    assert float(one.score) > 0.9 > float(other.score)


def test_the_selection_images_are_training_images_that_do_not_vote_while_they_choose():
    images = Images.of("digits", 300, seed=0)
    rows = [{row.tobytes() for row in part.images} for part in (images.vote, images.select, images.report)]
    assert len(images.select.images) == 300
    assert not rows[1] & rows[2]
    assert not rows[0] & rows[1]


def test_fewer_dimensions_of_pca_are_the_pca_of_fewer_dimensions():
    images = Images.of("digits", 300, seed=0)
    spaces = list(spaces_of(ROWS[0], images, None, "digits", 0))  # pyright: ignore[reportArgumentType] - not trained
    again = PCA(20).fit(flat(images.vote.images))
    theirs = again.transform(flat(images.report.images))
    np.testing.assert_allclose(np.abs(spaces[0].report), np.abs(theirs), atol=1e-3)
    back = again.inverse_transform(theirs)
    assert spaces[0].error == pytest.approx(np.square(back - flat(images.report.images)).mean(), rel=1e-4)


def test_angles_do_not_know_lengths():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3)).astype(np.float32)
    rows -= rows.mean(axis=0)
    lengths = rng.uniform(1, 9, size=(50, 1)).astype(np.float32)
    space = Space(3, rows, rows, rows * lengths, rows).by_angle()
    np.testing.assert_allclose(space.report, space.select, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(space.vote, axis=1), 1, rtol=1e-5)


def test_the_error_of_a_network_is_that_of_its_decoded_images(study):
    images = Images.of("digits", 300, seed=0)
    config = replace(SYSTEMS["vae"].profile("cpu"), **TINY, latent=8)
    space = encoded(trained(study[0] / "runs", "vae", "digits", config, 0, latent.OPTIONS), images)
    assert space.error is not None
    assert 0 < space.error < np.square(flat(images.report.images) - flat(images.vote.images).mean(axis=0)).mean()


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    root = tmp_path_factory.mktemp("ddpm")
    options = Options(device="cpu", sample_per_class=2)
    fit("ddpm", SYSTEMS["ddpm"].profile("smoke"), dataset="digits", out=root / "runs", options=options)
    return root, diffusion.main(dataset="digits", runs=root / "runs", out=root, per_class=12, nfes=(1, 3))


def test_gan_test_stands_beside_cas_recall_and_coverage(steps):
    lines = steps[1].read_text().splitlines()
    heads = next(line for line in lines if "GAN-test" in line)
    assert all(beside in heads for beside in ("CAS", "recall", "coverage"))
    assert sum(line.startswith(("| 1 |", "| 3 |")) for line in lines) == 2


def test_the_reading_says_which_scores_few_evaluations_move():
    def at(nfe, **values):
        value = dict.fromkeys((*diffusion.NAMED, *diffusion.CURVES), 0.5) | values
        scores: Any = {key: ScoreRecord(key, "ok", one, se=0.01) for key, one in value.items()}
        return diffusion.AtNfe(nfe, np.zeros((1, 1, 2, 2), np.uint8), np.zeros(1, np.int64), scores)

    said = diffusion.reading([at(2, recall=0.3, gan_train=0.45, precision=0.9), at(20), at(50)])
    assert said.startswith("From 20 evaluations on")
    assert "With 2 evaluations, against 50: CAS, recall lower; precision higher." in said


def test_a_picture_has_one_row_for_each_number_of_evaluations(steps):
    with Image.open(steps[0] / "ddpm.png") as picture:
        assert picture.size == (2 * 8 * 20, 2 * 8 * 2)


def test_more_evaluations_give_other_images_of_the_same_latents(steps):
    from reference_models.plumbing.system import open_sampler

    (path,) = (steps[0] / "runs").iterdir()
    one, three, again = (open_sampler(path, device="cpu", nfe=n)(np.arange(4), seed=0) for n in (1, 3, 3))
    assert not np.array_equal(one, three)
    np.testing.assert_array_equal(three, again)
    assert torch.from_numpy(one).dtype == torch.uint8
