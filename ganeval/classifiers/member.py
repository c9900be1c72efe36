"""What the shipped members share: train on a data set's train split, settle, measure, store, load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from ganeval.classifiers.calibration import fit_temperature
from ganeval.classifiers.card import Card, quality
from ganeval.classifiers.classifier import Classifier, require_live, run, spectrum
from ganeval.classifiers.committee import Committee
from ganeval.classifiers.network import SmallCNN, empty_folded, to_unit
from ganeval.classifiers.training import Recipe, fit, fixed_threads, stratified_split
from ganeval.core.extractor import ExtractorSpec
from ganeval.core.files import write_atomic
from ganeval.datasets.dataset import DATASETS, Split
from ganeval.errors import BrokenRunError, MissingFileError
from ganeval.images.imageset import ImageSet

WEIGHTS = Path(__file__).parent / "weights"
MAX_WEIGHTS_BYTES = 64 * 2**20
Network = SmallCNN | Committee


@dataclass(frozen=True, eq=False)
class Part:
    """Labelled images with a line that says where they come from."""

    split: str
    images: torch.Tensor  # uint8 (n, c, h, w)
    labels: torch.Tensor  # int64 (n,)

    @classmethod
    def of(cls, split: str, content: Split, rows: np.ndarray | None = None) -> Part:
        chosen = slice(None) if rows is None else rows
        images, labels = (
            content.images[chosen].copy(),
            content.labels[chosen].copy(),
        )  # readers may give read-only arrays
        return cls(split, torch.from_numpy(images), torch.from_numpy(labels))

    def record(self, seen: frozenset[bytes] = frozenset()) -> dict[str, Any]:
        """For the card; `in_train` counts the images that are, pixel for pixel, among the `seen` digests."""
        images = ImageSet.from_array(self.images.numpy(), labels=self.labels.numpy())
        known = len(seen) and sum(digest in seen for digest in self.digests())
        return {"split": self.split, "images": len(images), "sha256": images.fingerprint, "in_train": known}

    def digests(self) -> list[bytes]:
        return [hashlib.sha256(image.tobytes()).digest() for image in self.images.numpy()]


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with its card, not yet written."""

    network: Network
    card: Card

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Store weights and card as `stem`.safetensors and `stem`.json; returns both paths."""
        weights = write_atomic(folder / f"{stem}.safetensors", weight_bytes(self.network))
        return weights, self.card.write(folder / f"{stem}.json")


@dataclass(frozen=True, eq=False)
class Member(ExtractorSpec):
    """A classifier of the zoo that this package can also train."""

    train: Callable[[], Trained] | None = None


def member(recipe: Recipe, dataset: str, *, held_out: float, summary: str, licence: str) -> Member:
    """The usual member: one network, trained on `train` less the share `held_out`, which sets the temperature."""
    return Member(
        name=dataset,
        load=partial(load_stored, dataset, partial(empty_folded, recipe.architecture)),
        licence=licence,
        summary=summary,
        shape=recipe.architecture.shape,
        train=partial(train_member, recipe, dataset, held_out=held_out, licence=licence),
    )


def train_member(recipe: Recipe, dataset: str, *, held_out: float, licence: str) -> Trained:
    content = DATASETS[dataset].load("train")
    kept, held = stratified_split(content.labels, held_out, recipe.seed)
    parts = {
        "train": Part.of(f"{dataset}:train", content, kept),
        "held out": Part.of(f"{dataset}:train", content, held),
        "test": Part.of(f"{dataset}:test", DATASETS[dataset].load("test")),
    }
    network = fit(parts["train"].images, parts["train"].labels, recipe, progress=dataset)
    return settled(dataset, network, parts, recipe=asdict(recipe), seed=recipe.seed, licence=licence)


@fixed_threads(1)
def settled(
    dataset: str,
    network: Network,
    parts: Mapping[str, Part],
    *,
    recipe: Mapping[str, Any],
    seed: int,
    licence: str,
    notes: tuple[str, ...] = (),
    extra: Mapping[str, Any] | None = None,
    class_names: tuple[str, ...] = (),
    command: str = "",
) -> Trained:
    """Standardise on `train`, calibrate on `held out`, measure on `test`, and write it all on a card.

    `class_names` and `command` are those of the registered data set where they are not given.
    """
    settle(network, parts["train"].images, parts["held out"], dataset)
    digest = hashlib.sha256(weight_bytes(network)).hexdigest()
    classifier = classifier_of(printed_name(dataset), network, class_names or DATASETS[dataset].classes, digest)
    embeddings, _ = run(classifier, parts["train"].images)
    require_live(embeddings, classifier.name)
    rank, condition = spectrum(embeddings)
    temperature = float(network.temperature)
    _, logits = run(classifier, parts["test"].images)
    seen = frozenset(parts["train"].digests())
    measured = quality(logits.numpy(), parts["test"].labels.numpy(), temperature)
    card = Card(
        name=classifier.name,
        class_names=classifier.class_names,
        architecture=network.summary(),
        parameters=sum(p.numel() for p in network.parameters()),
        preprocessing=classifier.preprocessing,
        data={use: part.record(seen if use != "train" else frozenset()) for use, part in parts.items()},
        recipe=json.loads(json.dumps(recipe)),
        seed=seed,
        command=command or f"ganeval zoo train {dataset} --out DIR",
        weights_sha256=digest,
        temperature=temperature,
        embedding_dim=embeddings.shape[1],
        embedding_rank=rank,
        embedding_condition=condition,
        licence=licence,
        notes=notes,
        extra=extra,
        **vars(measured),
    )
    return Trained(network, card)


def settle(network: Network, train: torch.Tensor, held_out: Part | None, name: str) -> None:
    """Set the three buffers that are learnt after training; a unit that never changes is only centred."""
    plain = classifier_of(name, network, (str(k) for k in range(network.architecture.classes)), "")
    embeddings = run(plain, train)[0].double()
    spread = embeddings.std(0)
    network.mean.copy_(embeddings.mean(0))
    network.std.copy_(spread.where(spread > 0, 1.0))
    if held_out is not None:
        _, logits = run(plain, held_out.images)
        network.temperature.fill_(fit_temperature(logits.numpy(), held_out.labels.numpy()))


def printed_name(dataset: str) -> str:
    """What stands beside every number that this member's features gave: "hoda-cnn"."""
    return f"{dataset}-cnn"


def classifier_of(
    name: str, network: Network, class_names: Iterable[str], digest: str, card: Card | None = None
) -> Classifier:
    """A `Classifier` around a network of this package."""
    a = network.architecture
    colour = "grey" if a.shape[0] == 1 else "RGB"
    return Classifier(
        name=name,
        class_names=tuple(class_names),
        weights_sha256=digest,
        module=network,
        preprocessing=f"{colour} {a.shape[1]}x{a.shape[2]}, no resizing, (x / 255 - {a.pixel_mean}) / {a.pixel_std}",
        preprocess=partial(to_unit, shape=a.shape, name=name),
        card=card,
        confusion=None if card is None else np.array(card.confusion, dtype=np.int64),
    )


def load_stored(name: str, empty: Callable[[], Network], folder: Path = WEIGHTS) -> Classifier:
    """Read `name`.safetensors and its card from `folder`; the weights must have the SHA-256 that the card states.

    `empty` makes a network of the stored shape.
    """
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise MissingFileError(
            f"Expected the weights of {name} in {path}; there is no such file. Run: ganeval zoo train {name} --out "
            f"{folder}"
        )
    if path.stat().st_size > MAX_WEIGHTS_BYTES:
        raise BrokenRunError(f"{path} is larger than {MAX_WEIGHTS_BYTES // 2**20} MiB; no zoo member is.")
    data, card = path.read_bytes(), Card.read(folder / f"{name}.json")
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.weights_sha256:
        raise BrokenRunError(
            f"{path} should have the SHA-256 {card.weights_sha256} of its card; it has {digest}. Restore or retrain it."
        )
    network = empty()
    try:
        network.load_state_dict(safetensors.torch.load(data))
    except (SafetensorError, RuntimeError) as error:
        raise BrokenRunError(f"{path} does not hold {network.summary()}: {error}") from error
    return classifier_of(card.name, network, card.class_names, digest, card)


def weight_bytes(network: Network) -> bytes:
    """The weights as one safetensors document; equal weights give equal bytes.

    A tensor whose values all are half-precision numbers is stored as such: half the size, and nothing is lost.
    """
    return safetensors.torch.save({name: _smallest(value.contiguous()) for name, value in network.state_dict().items()})


def _smallest(value: torch.Tensor) -> torch.Tensor:
    half = value.half()
    return half if value.ndim and bool((half.float() == value).all()) else value
