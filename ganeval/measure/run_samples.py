"""Samples that no evaluation exists for yet: found in run directories, and measured.

How: what the caller says comes first, then what run.json says. Another trainer's run says nothing: then real images
that lie beside the run count, else a registered data set that the run's configuration or name mentions and whose images
have the samples' shape. Where that leaves a doubt, the run is refused with what to pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.compute import HERE, Compute
from ganeval.core.files import require_regular
from ganeval.core.tiling import JPEG, Size
from ganeval.datasets.dataset import DATASETS, Dataset
from ganeval.errors import BrokenRunError, GanevalError, WrongInputError, printable
from ganeval.images.imageset import ImageSet
from ganeval.records.protocol import NETWORKS, ROLES, Protocol
from ganeval.records.scores import Evaluation
from ganeval.runs import layout
from ganeval.runs.directory import open_run
from ganeval.runs.parsing import pictures_below
from ganeval.runs.readers.npz import image_shape, latents_of
from ganeval.runs.reals import real_beside
from ganeval.runs.record import RunRecord, SampleSet

Shape = tuple[int, int, int]
Layer = tuple[str, Mapping[str, Any]]  # who says it, and what
NAMED = (*ROLES, *NETWORKS)
KEYS = frozenset({"data", "dataset", "dataset_name", "data_name", "train_data_dir", "data_dir"})
NO_REAL = "nothing says which real images to compare with. Pass --real, for example --real mnist:test or --real FOLDER"
NO_NETWORK = "nothing says which network looks at the images. Pass --classifier NAME or --extractor inception"


@dataclass(frozen=True)
class Pending:
    """One sample set to measure, and how; `because` says why where it was inferred, `notes` what was overridden."""

    run: RunRecord
    samples: SampleSet
    protocol: Protocol
    because: str = ""
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """How many there are, as far as a look at the file's header or the folder's names tells."""
        return len(self.samples.files) or _looked_at(self.samples.path)[0]


@dataclass(frozen=True)
class Survey:
    """What is to be evaluated, and which runs have samples that cannot be, with the reason."""

    waiting: tuple[Pending, ...] = ()
    refused: tuple[tuple[RunRecord, str], ...] = ()


def survey(runs: tuple[RunRecord, ...], *said: Layer) -> Survey:
    """Every sample set that waits, and every refusal. `said`: who says what of the protocol, the first one decides."""
    waiting: list[Pending] = []
    refused: list[tuple[RunRecord, str]] = []
    for run in runs:
        sets = {} if run.error else _undone(run)
        if not sets:
            continue
        try:
            protocol, because, notes = _how(run, next(iter(sets.values())), said)
        except GanevalError as error:
            refused.append((run, str(error)))
            continue
        waiting += [Pending(run, samples, protocol, because, notes) for samples in sets.values()]
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


def _how(run: RunRecord, samples: SampleSet, said: tuple[Layer, ...]) -> tuple[Protocol, str, tuple[str, ...]]:
    """The protocol, why where it was inferred, and what was overridden; raises `WrongInputError` where too little is
    known.
    """
    own, dropped = said_by_run(run)
    inferred, because = {}, ""
    if not any(layer.get("real") for _, layer in (*said, ("run.json", own))):
        inferred, because = _inferred(run, samples)
        if not inferred:
            raise WrongInputError(because)
    protocol, notes = Protocol.layered(*said, ("run.json", own), ("what was found", inferred))
    if protocol.classifier is None and protocol.extractor is None:
        raise WrongInputError(NO_NETWORK)
    return protocol, because, (*dropped, *notes)


def said_by_run(run: RunRecord) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the run says, without a classifier that nothing here has; another program may have written anything."""
    said = {key: value for key, value in run.protocol.items() if key in NAMED and isinstance(value, str)}
    known = _classifiers()
    if said.get("classifier", known[0]) in known or _is_own(said["classifier"]):
        return said, ()
    missing = said.pop("classifier")
    return said, (f"run.json names the classifier {missing!r}, which is not here; known: {', '.join(known)}.",)


def _is_own(name: str) -> bool:
    from ganeval.classifiers.judges import is_judge

    return ":" in name or is_judge(name)


def _classifiers() -> list[str]:
    from ganeval.classifiers import CLASSIFIERS

    return CLASSIFIERS.names()


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
    """The protocol of a registered data set: its test split, by the shipped classifier of that name where there is
    one.
    """
    protocol = {"real": f"{data.name}:test", **({"train": f"{data.name}:train"} if "train" in data.splits else {})}
    return {**protocol, "classifier": data.name} if data.name in _classifiers() else protocol


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
            files = pictures_below(path)
            return len(files), _picture_shape(files[0]) if files else None
        shape = image_shape(path)
    except (OSError, ValueError):
        return 0, None
    return (0, None) if shape is None else (shape[0], (shape[3], shape[1], shape[2]))


def _picture_shape(path: Path) -> Shape | None:
    from PIL import Image

    with Image.open(require_regular(path)) as picture:
        return (1 if picture.mode in ("1", "L") else 3, picture.height, picture.width)


def evaluate_pending(
    pending: Pending,
    compute: Compute = HERE,
    *,
    generator: Callable[[Path], Any] | None = None,
    keep: Callable[[Evaluation], None] | None = None,
) -> Evaluation:
    """Measure one sample set and write result.json into its run; raises `GanevalError` with the run's name before it.

    generator: from a run's folder to its generator, for what only a generator can show: interpolations between latents.
    A run that it cannot open is measured without. Another trainer's folder gets one hidden folder, `.ganeval`, nothing
    else.
    """
    from ganeval.measure.measure import measure

    chosen = pending.samples
    step, file = int(chosen.step), Path(chosen.path)
    try:
        source = _tiles(chosen, pending.protocol.real) if chosen.sheet is not None else list(chosen.files) or file
        evaluation = measure(
            source,
            pending.protocol,
            compute,
            labels=_sure_labels(chosen, pending.protocol.real),
            latents=latents_of(file),
            name=pending.run.id,
            step=step,
            exhibits=True,
            generator=_opened(generator, pending.run.path),
        )
        _write(evaluation, pending.run, step)
    except BrokenRunError:
        raise
    except GanevalError as error:
        raise type(error)(f"{pending.run.id}, step {step}: {error}") from error
    if keep is not None:
        keep(evaluation)
    return evaluation


def _tiles(samples: SampleSet, real: str) -> NDArray[np.uint8]:
    """The images (n, h, w[, 3]) of pictures that are laid out of many: of so many, by separators, or of the real
    size.
    """
    known = _images_of(real)
    size = None if known is None else known.shape[1:]
    tiles = [_cut(path, samples.sheet or (0, 0), size, samples.frame) for path in samples.files or (samples.path,)]
    if len({tile.shape[1:] for tile in tiles}) > 1:
        sizes = " and ".join(sorted({" x ".join(map(str, tile.shape[1:])) for tile in tiles}))
        raise WrongInputError(f"Expected sheets whose images have one size; got {sizes}. Keep those of one size.")
    return np.concatenate(tiles)


def _cut(picture: Path, layout: tuple[int, int], size: Size | None, frame: int | None) -> NDArray[np.uint8]:
    from ganeval.images import image_set
    from ganeval.images.decode import decode_frame
    from ganeval.numerics.sheets import Sheet, sheet_of

    if frame is None:
        (image,) = next(iter(image_set([picture]).batches(1)))
    else:
        image = decode_frame(picture, frame, printable(picture.name))
    pixels = np.ascontiguousarray(np.asarray(image).transpose(1, 2, 0).squeeze())
    sheet = Sheet(*layout, 0) if all(layout) else sheet_of(pixels, size, lossy=picture.suffix.lower() in JPEG)
    if sheet is None:
        height, width = pixels.shape[:2]
        real = "real images, whose size is not known" if size is None else f"real images of {size[0]} x {size[1]}"
        raise WrongInputError(
            f"Expected a picture of many images; {printable(picture.name)} has no separators between them, and its "
            f"{height} x {width} pixels are no whole number of {real}. Save the images one by one."
        )
    return sheet.tiles(pixels)


def _sure_labels(samples: SampleSet, real: str) -> tuple[int, ...] | None:
    """The classes that names seem to say, if the real images have as many classes; else they may be batches."""
    known = _images_of(real) if samples.labels else None
    labels = None if known is None else known.labels
    return None if labels is None or {*labels.tolist()} != {*samples.labels} else samples.labels


def _images_of(real: Any) -> ImageSet | None:
    """The real images; None where features or statistics stand for them."""
    from ganeval.measure.sources import opened_as_is

    found = opened_as_is(real)
    return found if isinstance(found, ImageSet) else None


def _opened(generator: Callable[[Path], Any] | None, run: Path) -> Any:
    try:
        return None if generator is None else generator(run)
    except Exception:  # noqa: BLE001 - a user's function may raise anything; the run is measured without its walks
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
