"""Pipelines of diffusers: what they return is measured as it is saved, and what cannot be is said with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval import Compute, Protocol, image_set, measure
from ganeval.errors import WrongInputError
from ganeval.images.latents import seed_of

diffusers = pytest.importorskip("diffusers", reason="these are its pipelines")
pytestmark = pytest.mark.filterwarnings("ignore")

PROTOCOL = Protocol(real="digits:test", classifier="digits", labels="none", n=40, metrics=("fid", "kid"), floor=False)
GIVEN, ALONE = PROTOCOL.with_(n=None), Compute(cache=False)


def pipeline(kind: str = "DDIM", channels: int = 1, **network: Any) -> Any:
    torch.manual_seed(0)
    blocks = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2, "norm_num_groups": 4}
    sizes = {"sample_size": 8, "layers_per_block": 1, "block_out_channels": (8, 8)}
    unet = diffusers.UNet2DModel(in_channels=channels, out_channels=channels, **blocks, **sizes, **network)
    scheduler = getattr(diffusers, f"{kind}Scheduler")(num_train_timesteps=20)
    made = getattr(diffusers, f"{kind}Pipeline")(unet=unet.train(), scheduler=scheduler)
    made.set_progress_bar_config(disable=True)
    return made


def drawn(pipe: Any, n: int = 40, **how: Any) -> Any:
    """What the first block of images is made of."""
    seed = torch.Generator().manual_seed(seed_of(PROTOCOL.seed, 0))
    pipe.unet.eval()
    found = pipe(batch_size=n, generator=seed, num_inference_steps=2, **how)
    pipe.unet.train()
    return found


def values(images: Any, protocol: Protocol = GIVEN) -> list[float | None]:
    found = measure(images, protocol, ALONE)
    return [found[name].value for name in PROTOCOL.metrics]


@pytest.mark.parametrize("kind", ["DDIM", "DDPM"])
def test_a_pipeline_that_is_wrapped_gives_the_number_of_the_images_that_it_saves(kind: str, tmp_path: Path) -> None:
    pipe = pipeline(kind)
    for number, image in enumerate(drawn(pipe).images):
        image.save(tmp_path / f"{number:03}.png")
    saved = values(tmp_path)

    def sample(n: int, labels: object, rng: torch.Generator) -> Any:
        return pipe(batch_size=n, generator=rng, num_inference_steps=2).images

    assert values(sample, PROTOCOL) == saved
    assert pipe.unet.training
    assert values(drawn(pipe).images) == saved
    assert values((drawn(pipe, output_type="np").images * 255).round().astype("uint8")) == saved
    assert values(lambda n, labels, rng: drawn(pipe, n, return_dict=False), PROTOCOL) == saved


@pytest.mark.parametrize("kind", ["DDIM", "DDPM"])
def test_a_bare_pipeline_is_answered_with_the_line_that_wraps_it(kind: str) -> None:
    with pytest.raises(
        WrongInputError, match=r"Pipeline has it as generator=.*pipe\(batch_size=n, generator=rng\)\.images"
    ):
        measure(pipeline(kind), PROTOCOL)


def test_the_random_numbers_are_not_handed_over_as_something_else() -> None:
    def other(n: int, generator: Any = None, labels: Any = None) -> np.ndarray:
        raise AssertionError

    with pytest.raises(
        WrongInputError, match=r"other has it as generator=\. Wrap it: lambda n, labels, rng: f\(n, gen"
    ):
        measure(other, PROTOCOL)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda found: found, "Pass its .images"),
        (lambda found: [*found.images[:5], None, *found.images[5:]], "item 5 of list is no image but None"),
        (lambda found: [found.images[:20], found.images[20:]], r"Of lists of images join them: \[image for batch"),
        (lambda found: np.stack([np.asarray(one) / 255 for one in found.images]), r"pass \(x \* 255\)\.round\(\)"),
        (lambda found: torch.stack([torch.rand(1, 8, 8) * 2 - 1 for _ in found.images]), r"\(x \+ 1\) \* 127\.5"),
    ],
)
def test_what_a_pipeline_returns_besides_images_is_said_with_the_remedy(make: Any, said: str) -> None:
    with pytest.raises(WrongInputError, match=said):
        measure(make(drawn(pipeline())), GIVEN)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda found: found, "returned ImagePipelineOutput, which holds images. Return its .images"),
        (lambda found: [*found.images[1:], None], "number 39 is NoneType"),
        (lambda found: [found.images[0].convert("RGB"), *found.images[1:]], "images of one shape"),
        (lambda found: [one.convert("CMYK") for one in found.images], "image 0 of generator .* its mode is 'CMYK'"),
        (lambda found: (found.images, [False] * 40), "Labels of generator .* must be integers; got bool"),
    ],
)
def test_what_a_wrapped_pipeline_must_not_return_is_said(make: Any, said: str) -> None:
    pipe = pipeline()
    with pytest.raises(WrongInputError, match=said):
        measure(lambda n, labels, rng: make(drawn(pipe, n)), PROTOCOL)


def test_images_of_a_palette_are_their_colours_whether_drawn_or_given() -> None:
    images = [image.convert("P") for image in drawn(pipeline(channels=3)).images]
    whole = image_set(images).array()
    assert whole.shape == (40, 3, 8, 8)
    assert np.array_equal(image_set(lambda n, labels, rng: images[:n], n=40).array(), whole)


def test_a_conditional_network_is_asked_for_the_classes_in_turn() -> None:
    pipe = pipeline(num_class_embeds=10)
    asked: list[list[int]] = []

    def sample(n: int, labels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        asked.append(labels.tolist())
        x = torch.randn(n, 1, 8, 8, generator=rng)
        pipe.scheduler.set_timesteps(2)
        for t in pipe.scheduler.timesteps:
            x = pipe.scheduler.step(pipe.unet(x, t, class_labels=labels).sample, t, x).prev_sample
        return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)

    found = measure(sample, PROTOCOL.with_(labels="balanced", metrics=("classifier_score",)), ALONE)
    assert found["classifier_score"].ok
    assert asked == [[i % 10 for i in range(40)]]
