"""Samples that no evaluation exists for yet: found in run directories, evaluated as their run says, else as it is told.

A run of ours says in run.json what to compare with. Another trainer's run does not: then what the caller names counts,
else real images that lie beside the run, else a registered data set that the run's configuration or name mentions and
whose images have the samples' shape. Where that leaves a doubt, the run is refused with what to pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.datasets.dataset import DATASETS, Dataset
from ganeval.errors import BrokenRunError, GanevalError, WrongInputError, printable
from ganeval.records.scores import Evaluation
from ganeval.runs import layout
from ganeval.runs.directory import open_run
from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.readers.npz import image_shape, latents_of
from ganeval.runs.record import RunRecord, SampleSet
from ganeval.runs.series import real_beside

Shape = tuple[int, int, int]
KEYS = frozenset({"data", "dataset", "dataset_name", "data_name", "train_data_dir", "data_dir"})
NO_REAL = "nothing says which real images to compare with. Pass --real, for example --real mnist:test or --real FOLDER"
NO_EYE = "nothing says which network looks at the images. Pass --classifier NAME or --extractor inception"


@dataclass(frozen=True)
class Pending:
    """One sample set to evaluate, and how: `protocol` has at least "real". `because` says why where it was inferred."""

    run: RunRecord
    samples: SampleSet
    protocol: dict[str, Any]
    because: str = ""

    @property
    def images(self) -> int:
        """How many there are, as far as a look at the file's header or the folder's names tells."""
        return len(self.samples.files) or _looked_at(self.samples.path)[0]


@dataclass(frozen=True)
class Survey:
    """What is to be evaluated, and which runs have samples that cannot be, with the reason."""

    waiting: tuple[Pending, ...] = ()
    refused: tuple[tuple[RunRecord, str], ...] = ()


def pending_of(runs: tuple[RunRecord, ...], told: Mapping[str, str] | None = None) -> Iterator[Pending]:
    """The sample sets without an evaluation at their step, of runs that say what to compare with or that `told` covers."""
    return iter(survey(runs, told).waiting)


def survey(runs: tuple[RunRecord, ...], told: Mapping[str, str] | None = None) -> Survey:
    """Every sample set that waits, and every refusal. `told` may hold "real", "train", "classifier" and "extractor"."""
    waiting: list[Pending] = []
    refused: list[tuple[RunRecord, str]] = []
    for run in runs:
        sets = {} if run.error else _undone(run)
        if not sets:
            continue
        protocol, because = _protocol(run, next(iter(sets.values())), told or {})
        if protocol:
            waiting += [Pending(run, samples, dict(protocol), because) for samples in sets.values()]
        else:
            refused.append((run, because))
    return Survey(tuple(waiting), tuple(refused))


def _undone(run: RunRecord) -> dict[int, SampleSet]:
    """By step, the first sample set of each. Another trainer's samples that are newer than their result count again."""
    done = {e.step for e in run.evaluations}
    sets: dict[int, SampleSet] = {}
    for samples in run.samples:
        step = int(samples.step)
        if step not in done or (run.reader != "ganeval" and _newer(samples.path, layout.result_path(run.path, step))):
            sets.setdefault(step, samples)
    return sets


def _newer(samples: Path, result: Path) -> bool:
    try:
        return samples.stat().st_mtime > result.stat().st_mtime
    except OSError:
        return True


def _protocol(run: RunRecord, samples: SampleSet, told: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """How to evaluate, and why if the run does not say it itself; an empty protocol with the reason of a refusal."""
    if run.protocol.get("real"):
        return dict(run.protocol), ""
    found = {key: value for key, value in told.items() if value}
    because = ""
    if "real" not in found:
        inferred, because = _inferred(run, samples)
        if not inferred:
            return {}, because
        found = {**inferred, **found}
    if not found.get("classifier") and not found.get("extractor"):
        return {}, NO_EYE
    return found, because


def _inferred(run: RunRecord, samples: SampleSet) -> tuple[dict[str, str], str]:
    if (real := real_beside(run.path)) is not None:
        return {"real": str(real)}, f"{real.name} lies beside it"
    shape = _looked_at(samples.path)[1]
    named = _mentioned(run)
    fits = [data for data in named if data.shape == shape and "test" in data.splits]
    if len(fits) != 1:
        return {}, NO_REAL if not named else f"{NO_REAL}; it mentions {_shapes(named)}, its images are {_size(shape)}"
    return _standard(fits[0]), f"it mentions {fits[0].name} and has images of that size"


def _standard(data: Dataset) -> dict[str, str]:
    """The protocol of a registered data set: its test split, by the shipped classifier of that name where there is one."""
    from ganeval.classifiers import CLASSIFIERS

    protocol = {"real": f"{data.name}:test", **({"train": f"{data.name}:train"} if "train" in data.splits else {})}
    return {**protocol, "classifier": data.name} if data.name in CLASSIFIERS.names() else protocol


def _mentioned(run: RunRecord) -> list[Dataset]:
    """Registered data sets whose name is a word of the run's name or of its configuration's data entry."""
    said = [run.name, run.id, *(str(v) for k, v in _flat(run.config) if k.rsplit(".", 1)[-1].lower() in KEYS)]
    words = {word for text in said for word in re.split(r"[^a-z0-9]+", text.lower())}
    return [data for data in DATASETS if data.name in words]


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shapes(named: list[Dataset]) -> str:
    return ", ".join(f"{data.name} ({_size(data.shape)})" for data in named)


def _size(shape: Shape | None) -> str:
    return (
        "of unknown size" if shape is None else f"{shape[1]} x {shape[2]} with {shape[0]} channel{'s' * (shape[0] > 1)}"
    )


def _looked_at(path: Path) -> tuple[int, Shape | None]:
    """Number and (c, h, w) of the images of a sample set, from a header and from names only."""
    try:
        if path.is_dir():
            files = _pictures(path)
            return len(files), _picture_shape(files[0]) if files else None
        shape = image_shape(path)
    except (OSError, ValueError):
        return 0, None
    return (0, None) if shape is None else (shape[0], (shape[3], shape[1], shape[2]))


def _pictures(folder: Path) -> list[Path]:
    own = [folder / name for name in names_in(folder)]
    inner = [path / name for path in own if path.is_dir() and not path.name.startswith(".") for name in names_in(path)]
    return [path for path in (*own, *inner) if path.suffix.lower() in IMAGES]


def _picture_shape(path: Path) -> Shape | None:
    from PIL import Image

    with Image.open(path) as picture:
        return (1 if picture.mode in ("1", "L") else 3, picture.height, picture.width)


def evaluate_pending(
    pending: Pending, *, device: str = "auto", metrics: tuple[str, ...] | None = None,
    generator: Callable[[Path], Any] | None = None, keep: Callable[[Evaluation], None] | None = None,
) -> Evaluation:  # fmt: skip
    """Evaluate one sample set and write result.json into its run; raises `GanevalError` with the run's name before it.

    generator: from a run's folder to its generator, for what only a generator can show: walks between latents. A run that
    it cannot open is evaluated without. Another trainer's folder gets one hidden folder, `.ganeval`, and nothing else.
    """
    from ganeval.images import image_set
    from ganeval.measure.evaluation import evaluate
    from ganeval.measure.generators import with_latents

    chosen, protocol = pending.samples, pending.protocol
    step, file = int(chosen.step), Path(chosen.path)
    try:
        source = _tiles(file) if chosen.sheet else list(chosen.files) or file
        samples = image_set(source, labels=_sure_labels(chosen, protocol["real"]))
        evaluation = evaluate(
            protocol["real"], samples, classifier=protocol.get("classifier"),
            extractor=protocol.get("extractor"), train=protocol.get("train"), metrics=metrics,
            name=pending.run.id, step=step, device=device, evidence=True, generator=_opened(generator, pending.run.path),
        )  # fmt: skip
        evaluation = with_latents(evaluation, latents_of(file), samples.labels)
        _write(evaluation, pending.run, step)
    except BrokenRunError:
        raise
    except GanevalError as error:
        raise type(error)(f"{pending.run.id}, step {step}: {error}") from error
    if keep is not None:
        keep(evaluation)
    return evaluation


def _tiles(picture: Path) -> NDArray[np.uint8]:
    """The images (n, h, w[, 3]) of a picture that is laid out of many, by its separators."""
    from ganeval.images import image_set
    from ganeval.numerics.sheets import sheet_of

    (image,) = next(iter(image_set([picture]).batches(1)))
    pixels = np.ascontiguousarray(np.asarray(image).transpose(1, 2, 0).squeeze())
    sheet = sheet_of(pixels)
    if sheet is None:
        raise WrongInputError(
            f"Expected a picture of many images with separators between them; {printable(picture.name)} has none. Save the "
            "images one by one."
        )
    return sheet.tiles(pixels)


def _sure_labels(samples: SampleSet, real: str) -> tuple[int, ...] | None:
    """The classes that names seem to say, if the real images have as many classes; else they may be batches."""
    from ganeval.images import image_set

    labels = image_set(real).labels if samples.labels else None
    return None if labels is None or {*labels.tolist()} != {*samples.labels} else samples.labels


def _opened(generator: Callable[[Path], Any] | None, run: Path) -> Any:
    try:
        return None if generator is None else generator(run)
    except (GanevalError, OSError):
        return None


def _write(evaluation: Evaluation, run: RunRecord, step: int) -> None:
    if run.reader == "ganeval":
        open_run(run.path).write_evaluation(evaluation, step)
        return
    path = layout.result_path(run.path, step)
    try:
        evaluation.write(path)
    except OSError as error:
        raise GanevalError(
            f"its evaluation could not be written to {path.parent} ({error.strerror or error}). Make the folder "
            "writable or copy the run."
        ) from error
