"""Which checkpoint was best, asked of images that are neither trained on nor reported on."""

from __future__ import annotations

from ganeval import kid
from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet
from reference_models.plumbing.data import Data
from reference_models.plumbing.points import Points
from reference_models.plumbing.sampling import Sampler


def require_judge(data: Data, judge: str) -> None:
    """Ask the judge once, of the held-out images themselves: what it cannot look at is refused before the training, not
    at its first checkpoint.
    """
    if judge in ("", "auto"):
        return
    if isinstance(data, Points):
        raise WrongInputError(f"--judge looks at images; {data.name} is a set of points. Leave --judge out.")
    held = _held(data)
    kid(held, held, extractor=judge, cache=False)


def selection_score(draw: Sampler, data: Data, judge: str, per_class: int, seed: int) -> float:
    """Kernel distance (lower is better) of fresh fakes to the held-out images, in the embedding of `judge`.

    KID and not FID: unbiased at the few images a training can spare. The held-out split is `data`'s: `val`,
    `remaining`, or a part of the training split that was put aside.
    """
    images, labels = draw.evenly(per_class, seed)
    fake = ImageSet.from_array(images, source="training", labels=labels)
    return float(kid(_held(data), fake, extractor=judge, cache=False))


def _held(data: Data) -> ImageSet:
    return ImageSet.from_array(data.held_images.cpu().numpy(), source=f"{data.name}, held out")
