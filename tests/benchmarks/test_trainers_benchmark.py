"""The plain transcriptions train the very systems that our trainers train; the race and its page say who was faster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmarks import trainers
from benchmarks.trainers import ENTRIES, Entry, Paced, Row, measure, page, training_images
from benchmarks.transcriptions import TRANSCRIPTIONS, PlaneDiscriminator, shuffled
from benchmarks.updates import convolutions, sentence
from ganeval.errors import WrongInputError
from ganeval.runs.directory import create_run
from reference_models import cgan
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Place
from reference_models.plumbing.system import SYSTEMS

UPDATES = 4  # two with a penalty, where the smoke recipe has one every other
QUIET = Options(device="cpu", log_every=1000, checkpoints=0, grids=0, sample_times=0)


def tiny(name: str) -> Any:
    """The smoke recipe without dropout in D, which falls on real and generated images together or apart."""
    config = replace(SYSTEMS[name].profile("smoke"), steps=UPDATES + 1)
    if name in ("cgan", "cdcgan"):
        config = replace(config, r1_every=2)
    return replace(config, dropout=0.0) if name == "cgan_dense" else config


class Diary(Session):
    """Draws from torch's own generator, as the plain code does, and keeps what is logged and which batches were
    seen.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.order.random = torch.default_generator
        self._draw, self.order.batch = self.order.batch, self.seen
        self.losses: list[dict[str, float]] = []
        self.batches: list[tuple[torch.Tensor, torch.Tensor]] = []

    def seen(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = self._draw(size)
        self.batches.append((images, labels))
        return images, labels

    def log(self, **values: torch.Tensor | float) -> None:
        last = {tag: float(torch.as_tensor(value).detach().float().mean()) for tag, value in values.items()}
        self.losses[-1].update(last)

    def steps(self, total: int) -> Iterator[int]:
        for step in super().steps(total):
            if step > UPDATES:
                return
            self.losses.append({})
            torch.manual_seed(step)
            yield step


def ours(name: str, tmp_path: Any) -> Diary:
    place, run = Place(load_data("synthetic"), QUIET), create_run(tmp_path, name, config={}, seeds={}, protocol={})
    torch.manual_seed(0)
    model = SYSTEMS[name].build(tiny(name), place)
    session = Diary(model, place, 0, run)
    SYSTEMS[name].train(tiny(name), model, session)
    return session


def plain(name: str, session: Diary) -> list[dict[str, float]]:
    """The transcription on the batches that our trainer has seen, from the same start and the same random numbers."""
    config, data = tiny(name), session.place.data
    batches = [
        pair
        for images, labels in session.batches
        for pair in zip(images.clone().split(config.batch), labels.split(config.batch), strict=True)
    ]
    torch.manual_seed(0)
    _, channels, height, width = batches[0][0].shape
    fed = seeded(batches, trainers.images_per_update(config))
    training = TRANSCRIPTIONS[name](config, (channels, height, width), len(data.class_names), fed)
    return [next(training) for _ in range(UPDATES)]


def seeded(batches: list[Any], per_update: int) -> Iterator[Any]:
    """The first batch of every update comes with the seed that our trainer had then."""
    for number, pair in enumerate(batches):
        if number % per_update == 0:
            torch.manual_seed(number // per_update + 1)
        yield pair


@pytest.mark.parametrize("name", sorted(TRANSCRIPTIONS))
def test_the_plain_training_has_the_losses_of_ours(name, tmp_path):
    session = ours(name, tmp_path)
    theirs = plain(name, session)
    for step, (mine, other) in enumerate(zip(session.losses, theirs, strict=True), 1):
        assert other
        assert {tag: mine[tag] for tag in other} == pytest.approx(other, rel=2e-4, abs=2e-5), step


def test_every_transcription_is_of_a_system_and_is_raced():
    assert sorted(TRANSCRIPTIONS) == sorted({name.partition(" ")[0] for name in ENTRIES})
    assert set(TRANSCRIPTIONS) <= set(SYSTEMS.names())
    assert set(TRANSCRIPTIONS) >= {  # a new one joins by its file; none of these may be lost
        "acgan",
        "autoencoder",
        "cdcgan",
        "cgan",
        "cgan_dense",
        "dcgan",
        "ddpm",
        "gan_mlp",
        "projection_cgan",
        "rpgan",
        "sngan",
        "vae",
        "wgan_clip",
        "wgan_gp",
    }
    assert {name for name, entry in ENTRIES.items() if entry.bar == 1.3} == {
        "cgan",
        "cgan study004_r1",
        "projection_cgan",
    }


def test_a_block_holds_as_many_penalties_as_any_other():
    for name, entry in ENTRIES.items():
        config = SYSTEMS[name.partition(" ")[0]].profile(entry.recipe)
        assert entry.updates % getattr(config, "r1_every", 1) == 0
        assert entry.updates % getattr(config, "every", 1) == 0


@pytest.mark.parametrize("profile", ["smoke", "study004_r1"])
def test_painted_planes_are_looked_up_planes(profile):
    config, shape = SYSTEMS["cgan"].profile(profile), (1, 28, 28)
    looked_up, painted = cgan.Discriminator(config, shape, 10).eval(), PlaneDiscriminator(config, shape, 10).eval()
    painted.load_state_dict(looked_up.state_dict())
    images, labels = torch.randn(10, *shape), torch.arange(10)
    assert torch.allclose(looked_up(images, labels), painted(images, labels), atol=1e-5)


def test_batches_of_the_data_loader_are_whole_and_every_image_comes_once_an_epoch():
    loader = shuffled(torch.arange(10.0)[:, None, None, None], torch.arange(10), 5)
    for _ in range(2):
        seen = [int(label) for _ in range(2) for label in next(loader)[1]]
        assert sorted(seen) == list(range(10))


def test_a_paced_training_does_the_updates_asked_for_and_waits(tmp_path):
    data = load_data("synthetic")
    with Paced("cgan_dense", SYSTEMS["cgan_dense"].profile("demo"), data, QUIET, tmp_path) as training:
        for asked, done in ((1, 1), (3, 4)):
            training.advance(asked)
            assert training.step == done
    assert not training.running


def test_an_error_in_a_paced_training_is_raised_where_it_is_waited_for(tmp_path):
    data = load_data("synthetic")
    wrong = replace(SYSTEMS["gan_mlp"].profile("smoke"), pack=5)
    with pytest.raises(WrongInputError, match="multiple of pack"), Paced("gan_mlp", wrong, data, QUIET, tmp_path):
        pass


def test_a_race_measures_all_three_on_the_same_data(monkeypatch):
    monkeypatch.setattr(trainers, "WARM", 1)
    row = measure("sngan", Entry("digits", 2, recipe="smoke"), blocks=1)
    assert (row.name, row.batch) == ("sngan", 16)
    assert row.data == "digits:train"
    assert min(row.plain, row.default, row.recommended, *row.ratios, *row.cpu_ratios) > 0


def test_images_are_counted_once_for_every_step_of_a_critic():
    assert trainers.images_per_update(SYSTEMS["wgan_gp"].profile("cpu")) == 5
    assert trainers.images_per_update(SYSTEMS["sngan"].profile("cpu")) == 1
    assert trainers.images_per_update(SYSTEMS["cgan"].profile("cpu")) == 1


def test_blobs_stand_in_for_a_data_set_that_is_not_here(monkeypatch):
    monkeypatch.delenv("GANEVAL_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "nowhere")
    monkeypatch.setattr(trainers, "MOST", 20)
    data = training_images("cifar10")
    assert data.images.shape == (20, 3, 32, 32)
    assert data.used == "cifar10-shaped blobs"


def test_the_page_names_who_is_slower_and_which_bar_is_not_met():
    rows = [
        Row("cgan", "hoda:train", 64, 100.0, 95.0, 120.0, (0.99, 1.25), 1.3),
        Row("vae", "cifar10:train", 256, 100.0, 110.0, 150.0, (1.1, 1.5), 1.0),
    ]
    text = page(rows, blocks=3, limits=[sentence("cgan", 0.8)])
    assert (
        "| `cgan` | hoda:train | 64 | 100 | 95 | 0.95 (0.99) | 120 | 1.20 (1.25) | >= 1.3 | NOT met, 0.92 of it |"
        in text
    )
    assert "| 110 | 1.10 (1.10) | 150 | 1.50 (1.50) | >= 1 | met |" in text
    assert "0.95 to 1.10 times as fast; slower than the plain one: `cgan` (0.95)." in text
    assert "1.20 to 1.50 times as fast." in text
    assert "nothing in float32 can be more than 1.25 times as fast." in text


def test_the_share_of_convolutions_is_all_or_nothing_where_there_is_nothing_else() -> None:
    image, kernel, matrix = torch.zeros(4, 8, 64, 64), torch.zeros(8, 8, 3, 3), torch.zeros(400, 400)
    assert convolutions(lambda: torch.conv2d(image, kernel)) > 0.8
    assert convolutions(lambda: matrix @ matrix) == 0
