"""Three questions to the critics and their kin: what does a constraint cost, what does a class head cost,
are modes lost?

`compare` trains one generator against four discriminators on the 8 x 8 digits, each for about a CPU-minute.
`prototypes` trains the ACGAN on the 8 x 8 digits with a light and a heavy classification loss. `stacks` trains the
relativistic pair on stacked digits and counts modes. A finished run of the same recipe is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.classifiers.zoo import card_of
from ganeval.core.compute import Compute
from ganeval.features.extraction import extract
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation, Score
from ganeval.runs.directory import RunDirectory
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import RunRecord
from reference_models.bands.equal_n import MANIFOLD, OPTIONS, at_equal_n
from reference_models.plumbing.options import Options
from reference_models.plumbing.stacked import CHANNELS, JUDGED, STACKED, judged_modes
from reference_models.plumbing.system import SYSTEMS, open_sampler
from studies.trained import trained

ARITHMETIC = Options(device="cpu", amp=True, channels_last=True, threads=1)
COMPARED_ON = "mnist"
COMPARED = {"wgan_clip": 2500, "wgan_gp": 930, "sngan": 5600, "rpgan": 4300}  # steps that take five CPU-minutes each
D_WIDTH = 32  # of all four
PROTOTYPES_ON = "digits"
WEIGHTS = (1.0, 30.0)  # of the classification loss, light and heavy
PROTOTYPE_STEPS = 1200
PROTOTYPE_SEEDS = 5
STACKS = {"stacked_mnist": 15_000, "stacked_digits": 1500}  # steps; the first within 20 CPU-minutes


@dataclass(frozen=True, eq=False)
class Judged:
    """A finished run and what was measured on fresh images of it."""

    run: RunRecord
    info: Mapping[str, Any]  # run.json
    images: NDArray[np.uint8]
    whole: Evaluation  # all fakes against the whole test split
    equal: Evaluation  # 2,000 against 2,000


@dataclass(frozen=True, eq=False)
class Stacks:
    """Modes captured on the way, in the images kept, and at the end, in 26,000 new ones."""

    run: RunRecord
    info: Mapping[str, Any]
    images: NDArray[np.uint8]
    course: tuple[tuple[int, Score], ...]
    modes: Score
    real: Score  # of as many stacks of test digits, read by the same judge


def trained_with(root: Path, system: str, dataset: str, seed: int, options: Options, **changes: Any) -> RunDirectory:
    """The run of the profile `cpu` with some fields changed."""
    return trained(root, system, dataset, replace(SYSTEMS[system].profile("cpu"), **changes), seed, options)


def compare(root: Path, seed: int, n: int) -> tuple[dict[str, Judged], Evaluation]:
    """Each of the four, and as many training images in the place of fakes."""
    options = replace(ARITHMETIC, sample_per_class=100, log_every=50, grids=5, checkpoints=2)
    runs = {
        name: trained_with(root, name, COMPARED_ON, seed, options, steps=steps, d_width=D_WIDTH)
        for name, steps in COMPARED.items()
    }
    metrics = ("fid", "kid", *MANIFOLD)
    train, test = (image_set(f"{COMPARED_ON}:{split}") for split in ("train", "test"))
    real = at_equal_n(test, train, COMPARED_ON, metrics, seed)
    judged = {name: judge(run, COMPARED_ON, metrics, n // 10, seed) for name, run in runs.items()}
    return judged, real


def prototypes(root: Path, seed: int, per_class: int) -> dict[float, list[Judged]]:
    """The ACGAN with a light and with a heavy classification loss, seed by seed."""
    options = replace(ARITHMETIC, sample_per_class=100, log_every=50, grids=5, checkpoints=2)
    train = partial(trained_with, root, "acgan", PROTOTYPES_ON, options=options, steps=PROTOTYPE_STEPS)
    metrics = ("classifier_score", "gan_train", *MANIFOLD, "intra_recall", "kid")
    seeds = range(seed, seed + PROTOTYPE_SEEDS)
    return {
        w: [judge(train(seed=s, auxiliary=w), PROTOTYPES_ON, metrics, per_class, seed) for s in seeds] for w in WEIGHTS
    }


def stacks(root: Path, seed: int) -> dict[str, Stacks]:
    """The relativistic pair on three digits at once, by data set."""
    return {name: stack(root, name, steps, seed) for name, steps in STACKS.items()}


def stack(root: Path, name: str, steps: int, seed: int) -> Stacks:
    options = replace(ARITHMETIC, sample_times=6, sample_per_class=5, log_every=100, grids=10)
    run = trained_with(root, "rpgan", name, seed, options, steps=steps)
    record = read_run(run.path)
    images, _ = open_sampler(run.path, device="cpu").evenly(JUDGED // 1000, seed)
    course = []
    for kept in record.samples:
        with np.load(kept.path) as arrays:
            course.append((int(kept.step), modes_of(arrays["arr_0"].transpose(0, 3, 1, 2), STACKED[name])))
    modes = modes_of(images, STACKED[name])
    return Stacks(record, run.info, images, tuple(course), modes, real_modes(name, seed))


def real_modes(name: str, seed: int) -> Score:
    """Test digits in stacks drawn at random: what a perfect generator would score, judge and all."""
    digits = image_set(f"{STACKED[name]}:test")
    read = read_digits(np.concatenate(list(digits.batches(1000))), STACKED[name])
    rows = np.random.default_rng(seed).integers(0, len(read), (JUDGED, CHANNELS))
    return judged_modes(read[rows], np.array(card_of(STACKED[name]).confusion))


def modes_of(images: NDArray[np.uint8], judge: str) -> Score:
    """Modes of stacks uint8 (n, 3, h, w), each channel read by the judge of single digits."""
    singles = np.ascontiguousarray(images).reshape(-1, 1, *images.shape[2:])
    return judged_modes(read_digits(singles, judge).reshape(-1, CHANNELS), np.array(card_of(judge).confusion))


def read_digits(images: NDArray[np.uint8], judge: str) -> NDArray[np.int64]:
    """The judge's first choice for each grey image (n, 1, h, w)."""
    logits = extract(ImageSet.from_array(images, source="channels"), judge, compute=Compute(cache=False)).logits
    assert logits is not None
    return logits.argmax(dim=1).cpu().numpy()


def judge(run: RunDirectory, dataset: str, metrics: tuple[str, ...], per_class: int, seed: int) -> Judged:
    """Fresh images of a run against the test split: all of them, and at equal n."""
    record, sampler = read_run(run.path), open_sampler(run.path, device="cpu")
    images, labels = sampler.evenly(per_class, seed)
    fakes = ImageSet.from_array(
        images, source=record.name, labels=labels, class_names=record.class_names if labels is not None else ()
    )
    train = f"{dataset}:train" if labels is not None else None
    step, test = int(run.info["step"]), image_set(f"{dataset}:test")
    whole = evaluate(
        test,
        fakes,
        classifier=dataset,
        train=train,
        metrics=metrics,
        options=OPTIONS,
        seed=seed,
        name=record.name,
        step=step,
        floor=labels is not None,
        cache=False,
    )
    run.write_evaluation(whole, step)
    return Judged(record, run.info, images, whole, at_equal_n(test, fakes, dataset, ("fid", "kid", *MANIFOLD), seed))
