"""A generator as something that can be asked for more: n -> `Evaluation` of n images, always of the same latents.

The gate and the pytest plugin draw until a rule is decided. One seed gives one stream of latents, cut where n ends, so
two generators that are asked with the same seed, n and labels are asked for the same images: their evaluations can be
paired.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.compute import HERE, Compute
from ganeval.core.registry import load_object
from ganeval.errors import WrongInputError
from ganeval.features.extraction import extract, load_extractor
from ganeval.features.rows import Features
from ganeval.generators.catalog import GENERATORS
from ganeval.images import image_set
from ganeval.images.generated import modules_of
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import Side, matched_labels
from ganeval.images.latents import BLOCK, VERSION
from ganeval.measure.faults import FAULTS, REMEDY, Need, find_fault
from ganeval.measure.measure import measure, require_how
from ganeval.measure.sources import asked_labels, opened_as_is
from ganeval.records.protocol import ROLES, Protocol
from ganeval.records.scores import Evaluation

Images = NDArray[np.uint8]
Asked = NDArray[np.int64] | None


def sampler(
    generator: Callable[..., Any],
    protocol: Protocol,
    compute: Compute = HERE,
    *,
    name: str = "",
    reference: Callable[..., Any] | None = None,
) -> Callable[[int], Evaluation]:
    """A function that draws n images from `generator` and measures them; what they are compared with is opened once.

    generator: `(n, labels, torch.Generator) -> images`. No floors: a gate compares generators, not generator and reals.
    reference: the generator to be matched image by image: it draws what would be the real images, of the same seed.
    """
    require_how(protocol, compute)
    opened = _opened(protocol).with_(floor=False)

    def sample(n: int) -> Evaluation:
        asked = opened.with_(n=n)
        labels = asked_labels(asked)
        latents = latents_id(asked.seed, labels)
        if reference is not None:
            asked = asked.with_(real=image_set(reference, n=n, labels=labels, seed=asked.seed))
        found = measure(generator, asked, compute, latents=latents, name=name)
        return replace(found, protocol=protocol.with_(n=n, floor=False).to_json())

    return sample


def drawing(generator: Callable[..., Any], protocol: Protocol) -> Callable[[int, int], tuple[Images, Asked]]:
    """`(seed, n) -> images, labels`: what `ganeval.gate.calibrate` draws with."""

    def draw(seed: int, n: int) -> tuple[Images, Asked]:
        found = image_set(generator, n=n, labels=asked_labels(protocol.with_(n=n)), seed=seed)
        return found.array(), found.labels

    return draw


def measuring(protocol: Protocol, compute: Compute = HERE) -> Callable[[Images, Asked, str], Evaluation]:
    """`(images, labels, latents) -> Evaluation`; the throw-away images are kept in no cache."""
    named = [one for one in (protocol.extractor, protocol.classifier) if one is not None]
    networks = list(dict.fromkeys(named)) or ["inception"]
    opened = _opened(protocol)

    def by_all(images: ImageSet) -> Features:
        first, *others = (extract(images, one, precision=protocol.precision, compute=compute) for one in networks)
        return replace(first, also=tuple(others))

    seen = {role: by_all(images) for role in ROLES if isinstance(images := getattr(opened, role), ImageSet)}
    known, once = opened.with_(**seen, n=None, floor=False), replace(compute, cache=False)

    def measured(images: Images, labels: Asked, latents: str) -> Evaluation:
        return measure(
            ImageSet.from_array(images, source="drawn", labels=labels), known, once, latents=latents, name="drawn"
        )

    return measured


def _opened(protocol: Protocol) -> Protocol:
    """The protocol with its named sets opened, so that many measurements open and hash them once."""
    named = {role: getattr(protocol, role) for role in ROLES}
    return protocol.with_(**{role: opened_as_is(s) for role, s in named.items() if isinstance(s, (str, Path))})


def latents_id(seed: int, labels: NDArray[np.int64] | None) -> str:
    """Equal strings mean: row by row the same latent and the same label, drawn by one protocol in calls of one size."""
    asked = "none" if labels is None else hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()[:16]
    return f"{VERSION} seed {seed}, {BLOCK} a block, labels {asked}"


def load_generator(where: str) -> Callable[..., Any]:
    """A shipped generator by its name, or the callable that "package.module:function" names; modules of the current
    folder count.

    >>> load_generator("hoda-cgan").class_names[:3]
    ('۰', '۱', '۲')
    """
    if ":" not in where:
        return GENERATORS[where].load()
    found = load_object(where, "generator")
    if not callable(found):
        raise WrongInputError(f"A generator must be callable, (n, labels, rng) -> images; {where!r} is {found!r}.")
    return found


def perturbed(generator: Callable[..., Any], *, scale: float, seed: int) -> Callable[..., Any] | None:
    """The generator with every weight moved by `scale` of its tensor's spread; None where no weights are to be found.

    The weights are those of `ganeval.images.generated.modules_of`. They are moved for the time of a call only.
    """
    import torch

    parameters = list(dict.fromkeys(p for module in modules_of(generator) for p in module.parameters()))
    if not parameters:
        return None
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        moved = [(p, p.clone(), p + _step(p, rng) * scale) for p in parameters]

    def broken(n: int, labels: Any, drawn_with: torch.Generator) -> Any:
        with torch.no_grad():
            try:
                for parameter, _, other in moved:
                    parameter.copy_(other)
                return generator(n, labels, drawn_with)
            finally:
                for parameter, before, _ in moved:
                    parameter.copy_(before)

    functools.update_wrapper(broken, generator, assigned=("__name__",), updated=())
    return broken


def _step(parameter: Any, rng: Any) -> Any:
    import torch

    spread = parameter.float().std() if parameter.numel() > 1 else parameter.float().abs().sum()
    return (torch.randn(parameter.shape, generator=rng).to(parameter) * spread).to(parameter.dtype)


def breaking(
    protocol: Protocol, names: Iterable[str] | None = None
) -> tuple[dict[str, Callable[[Images, Asked, np.random.Generator], Images]], dict[str, str]]:
    """The faults of these names (by default all), ready to break images that are drawn as `protocol` says.

    Also those that had to be left out, with what is missing.
    """
    chosen = [find_fault(name) for name in (FAULTS if names is None else names)]
    train = _training_images(protocol) if any("train" in f.needs for f in chosen) else "nothing"
    lacking: dict[Need, str] = {} if isinstance(train, ImageSet) else {"train": train}
    if asked_labels(protocol.with_(n=1)) is None:
        lacking["labels"] = REMEDY["labels"]
    left_out = {f.name: lacking[min(f.needs & set(lacking))] for f in chosen if f.needs & set(lacking)}
    known = train if isinstance(train, ImageSet) else None
    return {f.name: functools.partial(f, train=known) for f in chosen if f.name not in left_out}, left_out


def _training_images(protocol: Protocol) -> ImageSet | str:
    """The training images, their classes numbered as those that a generator is asked for; or what is missing."""
    if protocol.train is None:
        return REMEDY["train"]
    train = image_set(protocol.train)
    if train.labels is None or asked_labels(protocol.with_(n=1)) is None:
        return train
    judge = load_extractor(protocol.classifier)
    side = Side(train.source, train.labels, train.class_names)
    (found,) = matched_labels([side], judge.class_names, f"the classifier {judge.name}")
    if isinstance(found, str):
        return f"training images of the classifier's classes ({found.rstrip('.')})"
    return train.with_labels(found).with_class_names(tuple(judge.class_names))
