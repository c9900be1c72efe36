"""What stands behind `ganeval zoo list | show NAME | train NAME --out DIR`: functions that return text and paths."""

from __future__ import annotations

from pathlib import Path

from ganeval.classifiers.card import Card
from ganeval.classifiers.catalog import CLASSIFIERS
from ganeval.classifiers.judges import kept_judge, parts_of
from ganeval.classifiers.member import WEIGHTS, Member
from ganeval.core.extractor import ExtractorSpec
from ganeval.core.registry import unknown_name
from ganeval.errors import MissingFileError, UnknownNameError, WrongInputError
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet


def render_list() -> str:
    """One line for each registered classifier: name, what it judges, accuracy with interval where a card says so."""
    return "\n".join(_line(spec) for spec in CLASSIFIERS)


def render_card(name: str) -> str:
    """The card of one classifier, for people."""
    return card_of(name).text()


def card_of(name: str) -> Card:
    """The card of a shipped classifier; what came from elsewhere has none and raises `MissingFileError`."""
    spec = CLASSIFIERS[name]
    path = WEIGHTS / f"{name}.json"
    if not isinstance(spec, Member) or not path.is_file():
        raise MissingFileError(f"The classifier {name!r} has no card; only those trained by this package do.")
    return Card.read(path)


def train(name: str, out: str | Path | None) -> tuple[Path, Path]:
    """Train a member from its recipe; writes `out`/NAME.safetensors and `out`/NAME.json and returns both paths.

    A name that is no member's is labelled images (a folder, a zip, an npz), of which a judge is made; without `out` it
    goes to the user cache, where it is found again.

    The data set is searched, and fetched if need be, like any other. The same machine gives the same bytes.
    """
    trainable = [spec.name for spec in CLASSIFIERS if isinstance(spec, Member) and spec.train]
    if name not in CLASSIFIERS and (Path(name).exists() or any(sign in name for sign in ":/\\.")):
        images = image_set(name)
        path = kept_judge(Path(name).stem, parts_of(images), _class_names(images), None if out is None else Path(out))
        return path, path.with_suffix(".json")
    spec = CLASSIFIERS[name]
    if not isinstance(spec, Member) or spec.train is None:
        raise UnknownNameError(unknown_name("recipe for a classifier", name, trainable))
    if out is None:
        raise WrongInputError(
            f"A shipped classifier is trained into a folder of its own. Pass --out, for example {name}-again."
        )
    return spec.train().write(Path(out), name)


def _class_names(images: ImageSet) -> tuple[str, ...]:
    assert images.labels is not None  # `parts_of` has seen to it
    return images.class_names or tuple(map(str, range(int(images.labels.max()) + 1)))


def _line(spec: ExtractorSpec) -> str:
    path = WEIGHTS / f"{spec.name}.json"
    if not isinstance(spec, Member) or not path.is_file():
        return f"{spec.name:<14} {'':<24} {spec.summary}"
    card = Card.read(path)
    low, high = (100 * end for end in card.accuracy_interval)
    return f"{spec.name:<14} {100 * card.accuracy:6.2f} % [{low:.2f}, {high:.2f}] {spec.summary}"
