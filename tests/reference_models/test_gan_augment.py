"""Augmentation of what a discriminator sees: identity at strength 0, gradients, ranges, seeds, the ADA controller."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from ganeval.errors import UnknownNameError, WrongInputError
from ganeval.runs.directory import RunDirectory
from ganeval.runs.readers.native import read_run
from reference_models.plumbing import augment as a
from reference_models.plumbing.augment import CHANGES, OUTSIDE, POLICY, Augmenter
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.seeds import generator
from reference_models.plumbing.system import SYSTEMS, fit
from tests.reference_models.stopping import whole_and_resumed

NAME = "projection_cgan"
EVERYTHING = (*POLICY, "flip")


def images(n: int = 64, channels: int = 1, size: int = 16) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=generator(0)) * 2 - 1


def augmenter(mode: Any = "diff", seed: int = 1, **more: Any) -> Augmenter:
    return Augmenter(mode, generator(seed), **more)


def state(run: RunDirectory) -> dict[str, Any]:
    path = run.checkpoint()
    assert path is not None
    return decode_state(path.read_bytes())


def test_strength_zero_returns_the_very_same_images_and_draws_nothing():
    rng = generator(1)
    before, x = rng.get_state(), images()
    for mode in ("none", "ada"):
        assert Augmenter(mode, rng)(x) is x
    assert torch.equal(rng.get_state(), before)


@pytest.mark.parametrize("p", [0.25, 1.0])
@pytest.mark.parametrize("name", ["brightness", "contrast", "cutout"])
def test_p_is_the_share_of_images_that_are_changed(name, p):
    augment, x = augmenter(policy=(name,)), images(2000)
    augment.p = p
    changed = (augment(x) != x).flatten(1).any(dim=1).double().mean().item()
    assert changed == pytest.approx(p, abs=4 * (p * (1 - p) / 2000) ** 0.5 + 1e-9)


def test_one_seed_repeats_and_images_are_changed_independently():
    x = images(1).expand(64, 1, 16, 16)
    first = augmenter()(x)
    assert torch.equal(first, augmenter()(x))
    assert not torch.equal(first, augmenter(seed=2)(x))
    assert len({image.numpy().tobytes() for image in first}) == 64


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", EVERYTHING)
def test_gradients_flow_through_every_change(name, channels):
    """Against finite differences, in double precision."""
    x = images(3, channels, 8).double().requires_grad_()

    def drawn_alike(x: torch.Tensor) -> torch.Tensor:
        return augmenter(policy=(name,))(x)

    assert torch.autograd.gradcheck(drawn_alike, (x,))


def test_a_translation_moves_whole_pixels_by_at_most_an_eighth_and_fills_with_background():
    x = torch.full((500, 1, 16, 24), OUTSIDE)
    x[:, :, 8, 12] = 1.0
    moved = augmenter(policy=("translation",))(x)
    assert torch.equal(moved.unique(), torch.tensor([-1.0, 1.0]))
    places = (moved == 1).nonzero()[:, 2:]
    assert len(places) == 500
    assert sorted({int(row) - 8 for row in places[:, 0]}) == [-2, -1, 0, 1, 2]
    assert sorted({int(column) - 12 for column in places[:, 1]}) == [-3, -2, -1, 0, 1, 2, 3]
    bright = a.translation(torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1))
    assert (bright == OUTSIDE).sum() == 16 * 16 - 14 * 14


def test_a_cutout_hides_a_square_of_a_quarter_of_the_side_anywhere():
    hidden = augmenter(policy=("cutout",))(torch.ones(3000, 1, 16, 16)) == OUTSIDE
    areas = hidden.sum(dim=(1, 2, 3))
    assert areas.max() == 16
    assert areas.min() == 4  # the centre is inside, at worst in a corner
    assert hidden.any(dim=0).all()
    assert (hidden.any(dim=3).sum(dim=2) * hidden.any(dim=2).sum(dim=2) == areas[:, None]).all()  # a rectangle


def test_brightness_and_contrast_stay_in_their_ranges():
    x = images(500)
    added = augmenter(policy=("brightness",))(x) - x
    assert added.amax() < 0.5 + 1e-6
    assert added.amin() > -0.5 - 1e-6
    assert (added.flatten(1).amax(dim=1) - added.flatten(1).amin(dim=1)).max() < 1e-5
    stretched = augmenter(policy=("contrast",))(x)
    factor = stretched.flatten(1).std(dim=1) / x.flatten(1).std(dim=1)
    assert 0.5 <= factor.min() < 0.55
    assert 1.45 < factor.max() <= 1.5001
    torch.testing.assert_close(stretched.mean(dim=(1, 2, 3)), x.mean(dim=(1, 2, 3)))


def test_saturation_is_for_colours_and_keeps_the_mean_of_the_channels():
    grey, colour = images(8), images(8, 3)
    assert torch.equal(augmenter(policy=("saturation",))(grey), grey)
    changed = augmenter(policy=("saturation",))(colour)
    assert not torch.equal(changed, colour)
    torch.testing.assert_close(changed.mean(dim=1), colour.mean(dim=1))


def test_flips_are_no_part_of_the_policy_unless_asked_for():
    assert "flip" not in POLICY
    x = images(1000)
    mirrored = (augmenter(policy=("flip",))(x) == x.flip(3)).flatten(1).all(dim=1)
    assert mirrored.double().mean().item() == pytest.approx(0.5, abs=0.07)


def test_ada_rises_while_the_discriminator_is_sure_and_falls_while_it_is_not():
    augment = augmenter("ada", ramp=1000)
    sure = torch.ones(50)
    for _ in range(3):
        augment.observe(sure)
    assert augment.p == 0
    augment.observe(sure)
    assert augment.p == pytest.approx(200 / 1000)  # four batches of 50 of the 1,000 images that p needs from 0 to 1
    assert augment.r_t == 1
    for _ in range(40):
        augment.observe(sure)
    assert augment.p == 1
    in_doubt = torch.tensor([1.0] * 30 + [-1.0] * 20)  # r_t = 0.2, below the target of 0.6
    for _ in range(4):
        augment.observe(in_doubt)
    assert augment.p == pytest.approx(0.8)


def test_diff_and_none_keep_their_strength():
    for mode, p in (("diff", 1.0), ("none", 0.0)):
        augment = augmenter(mode, ramp=10)
        for _ in range(8):
            augment.observe(torch.ones(50))
        assert augment.p == p


def test_the_state_is_restored_in_the_middle_of_an_interval():
    ours = augmenter("ada", ramp=1000)
    for _ in range(6):
        ours.observe(torch.ones(50))
    theirs = augmenter("ada", ramp=1000)
    theirs.load_state_dict(ours.state_dict())
    for augment in (ours, theirs):
        augment.observe(torch.ones(50))
        augment.observe(torch.ones(50))
    assert ours.p == theirs.p == pytest.approx(0.4)


def test_another_mode_and_unknown_names_are_refused():
    with pytest.raises(WrongInputError, match="is 'diff'; the state is of 'ada'"):
        augmenter("diff").load_state_dict(augmenter("ada").state_dict())
    with pytest.raises(UnknownNameError, match="Did you mean 'cutout'"):
        augmenter(policy=("cut_out",))
    with pytest.raises(UnknownNameError, match="Did you mean 'ada'"):
        augmenter("adaa")
    assert set(EVERYTHING) == set(CHANGES)


def test_a_look_moves_no_random_state():
    rng = generator(4)
    augment, before = Augmenter("diff", rng), rng.get_state()
    assert not torch.equal(augment.look(images()), images())
    assert torch.equal(rng.get_state(), before)


@pytest.mark.parametrize("mode", ["diff", "ada"])
def test_a_trainer_with_augmentation_resumes_bit_for_bit(mode, tmp_path, monkeypatch):
    config = replace(SYSTEMS[NAME].profile("smoke"), steps=12, augment=mode, flips=True)
    options = Options(device="cpu", log_every=2, checkpoints=3, sample_per_class=3, grids=2)
    if mode == "ada":  # a discriminator that is sure from the first step, so that p is on its way when the run stops
        config = replace(config, ada_ramp=100)
        observe = Augmenter.observe
        monkeypatch.setattr(Augmenter, "observe", lambda self, logits: observe(self, torch.ones_like(logits)))
    whole, resumed = whole_and_resumed(NAME, config, options, 7, tmp_path, monkeypatch)
    ours, theirs = map(state, (whole, resumed))
    for name in ("generator", "discriminator"):
        assert all(torch.equal(value, theirs["held"][name][key]) for key, value in ours["held"][name].items())
    assert ours["held"]["augment"] == theirs["held"]["augment"]
    assert ours["held"]["augment"]["p"] == 1
    assert ("augment/p" in read_run(resumed.path).curves) == (mode == "ada")


def test_without_augmentation_a_checkpoint_knows_nothing_of_it(tmp_path):
    run = fit(NAME, SYSTEMS[NAME].profile("smoke"), dataset="synthetic", out=tmp_path, options=Options(device="cpu"))
    assert "augment" not in state(run)["held"]
