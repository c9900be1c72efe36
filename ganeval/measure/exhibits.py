"""What a person wants to see behind the numbers: points, neighbours, best and worst images, of one evaluation.

Nothing here is a score. The arrays are those of `ganeval.runs.evidence`; an evaluation carries them to the run's folder
and the report shows them. Everything is drawn with `seed`; images larger than 64 pixels are shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import GanevalError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.generated import evaluating
from ganeval.measure.pairs import Pairs
from ganeval.metrics.missing import found_modes
from ganeval.metrics.probes.generator import LatentGenerator, slerp, walked
from ganeval.numerics.nearest import nearest_between

POINTS = 600  # of the map, of each set
SHOWN = 32  # fakes with their neighbours
GALLERY, NEAR = 24, 3  # fakes at the ends of an order, each with so many reals
PER_CELL = 6
CELLS = 160  # of the confusion matrix with examples; the fullest wrong ones first
PAIRS = 20_000  # distances inside classes
BINS = 40
SIDE = 64
MODES = 4  # missing ones, and as many invented ones
PER_MODE = 8  # images of either set
WALK = 9  # images from one latent to the other

Arrays = dict[str, NDArray]


def gather_exhibits(pairs: Pairs, *, per_sample: Mapping[str, NDArray] | None = None, seed: int = 0) -> Arrays:
    """The arrays of `ganeval.runs.evidence` for these pairs; a group that cannot be had is left out.

    per_sample: values by `metric.name` (n_fake,), as in `Evaluation.per_sample`: realism and influence order the
    galleries.
    """
    embedded, classified, given = pairs.embedded, pairs.classified, per_sample or {}
    parts = (
        lambda: _map(embedded, seed),
        lambda: _neighbours(pairs.trained or embedded, seed),
        lambda: _galleries(embedded, classified, given, pairs.trained or embedded),
        lambda: _cells(classified),
        lambda: _diversity(embedded, classified, seed),
        lambda: _confusion(classified),
        lambda: _walks(embedded, classified, seed),
        lambda: _modes(embedded),
    )
    found: Arrays = {}
    for part in parts:
        try:
            found |= part()
        except GanevalError:  # too few rows for this one: the report says that it is absent
            continue
    return found


def _map(pair: Pair, seed: int) -> Arrays:
    """Both sets on the two main axes of the real one."""
    real = pair.require_real().embeddings.double()
    if min(real.shape) < 3:
        return {}
    centre = real.mean(dim=0)
    if real.shape[1] <= real.shape[0]:
        values, vectors = torch.linalg.eigh((real - centre).T @ (real - centre) / (len(real) - 1))
        axes, explained = vectors[:, -2:].flip(1), values[-2:].flip(0) / values.sum()
    else:
        _, singular, right = torch.linalg.svd(real - centre, full_matrices=False)
        axes, explained = right[:2].T, (singular**2 / (singular**2).sum())[:2]
    largest = axes.abs().argmax(dim=0)
    axes = axes * torch.sign(axes[largest, torch.arange(2)])  # an axis has no sign of its own
    arrays: Arrays = {"map.explained": explained.cpu().numpy().astype(np.float32)}
    for name, features in (("real", pair.require_real()), ("fake", pair.fake)):
        rows = _drawn(len(features), POINTS, seed)
        points = (features.embeddings[torch.as_tensor(rows)].double() - centre) @ axes
        arrays[f"map.{name}"] = points.cpu().numpy().astype(np.float32)
        arrays[f"map.{name}_labels"] = _labels(features)[rows]
    return arrays


def _neighbours(pair: Pair, seed: int) -> Arrays:
    """Random fakes with their nearest reals, and where that distance stands among real-to-real ones."""
    real, fake = pair.require_real(), pair.fake
    sweep = pair.neighbours(1)  # the one that the metrics have made
    within, to_real = np.sort(sweep.real.distance[:, 0]), sweep.crossing.fake_to_real
    nearest = {"real": within, "fake": to_real.distance[:, 0]}
    if pair.heldout is not None:
        nearest["heldout"] = nearest_between(pair.heldout.embeddings, real.embeddings, 1).distance[:, 0]
    arrays = _histograms("distances", nearest)
    if fake.images is None or real.images is None:
        return arrays
    rows = np.sort(_drawn(len(fake), SHOWN, seed))
    shown = _tiles(fake, rows)
    distance = to_real.distance[rows]
    return arrays | {
        "neighbours.fake": shown,
        "neighbours.real": _nearest_reals(pair, rows, shown, distance.shape[1]),
        "neighbours.distance": distance.astype(np.float32),
        "neighbours.quantile": (np.searchsorted(within, distance[:, 0], side="right") / len(within)).astype(np.float32),
    }


def _galleries(embedded: Pair, classified: Pair, given: Mapping[str, NDArray], trained: Pair) -> Arrays:
    """The fakes at the ends of three orders, realism, influence on FID, the classifier's confidence, and the reals of
    `trained` that are nearest to each.
    """
    orders: dict[str, tuple[NDArray, int]] = {}
    if "realism.realism" in given:
        orders["worst"], orders["best"] = (given["realism.realism"], 1), (given["realism.realism"], -1)
    if "fid.influence" in given:
        orders["influential"] = (given["fid.influence"], -1)
    if classified.fake.logits is not None:
        orders["unsure"] = (torch.softmax(classified.fake.logits.double(), dim=1).amax(dim=1).cpu().numpy(), 1)
    arrays: Arrays = {}
    for name, (values, sign) in orders.items():
        features = classified.fake if name == "unsure" else embedded.fake
        if features.images is None or len(values) != len(features):
            continue
        rows = np.argsort(sign * values, kind="stable")[:GALLERY]
        shown = _tiles(features, rows)
        arrays |= {f"{name}.tiles": shown, f"{name}.values": values[rows].astype(np.float32)}
        if trained.require_real().images is not None and len(trained.fake) == len(features):
            arrays[f"{name}.near"] = _nearest_reals(trained, rows, shown, NEAR)
    return arrays


def _nearest_reals(pair: Pair, rows: NDArray[np.int64], shown: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """The reals nearest to these fakes, as tiles laid like the `shown` ones: (n, at most `most`, h, w[, 3])."""
    nearest = pair.neighbours(1).crossing.fake_to_real.index[rows][:, :most]  # of the sweep that the metrics have made
    tiles = _laid_like(_tiles(pair.require_real(), nearest.ravel()), shown)
    return tiles.reshape(len(rows), -1, *tiles.shape[1:])


def _cells(classified: Pair) -> Arrays:
    """A few fakes for the fullest cells of the confusion matrix, wrong cells before right ones."""
    fake = classified.fake
    if fake.logits is None or fake.labels is None or fake.images is None:
        return {}
    asked, judged = fake.labels.cpu().numpy(), fake.logits.argmax(dim=1).cpu().numpy()
    cells, counts = np.unique(np.stack([asked, judged], axis=1), axis=0, return_counts=True)
    order = np.lexsort((-counts, cells[:, 0] == cells[:, 1]))[:CELLS]
    rows = np.concatenate([np.flatnonzero((asked == i) & (judged == j))[:PER_CELL] for i, j in cells[order]])
    return {"cells.tiles": _tiles(fake, rows), "cells.asked": asked[rows], "cells.judged": judged[rows]}


def _diversity(embedded: Pair, classified: Pair, seed: int) -> Arrays:
    """How far apart two images of one class lie, in both sets; of one set where there are no classes."""
    real, fake = embedded.require_real(), embedded.fake
    classes = (_classes(classified.real), _classes(classified.fake))
    if any(c is None for c in classes):
        classes = (np.zeros(len(real), np.int64), np.zeros(len(fake), np.int64))
    distances = {
        name: _within(features.embeddings, np.asarray(c), seed)
        for name, features, c in (("real", real, classes[0]), ("fake", fake, classes[1]))
    }
    return _histograms("diversity", distances) if all(map(len, distances.values())) else {}


def _classes(features: Features | None) -> NDArray[np.int64] | None:
    if features is None:
        return None
    if features.labels is not None:
        return features.labels.cpu().numpy()
    return None if features.logits is None else features.logits.argmax(dim=1).cpu().numpy()


def _within(rows: torch.Tensor, classes: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Distances of random pairs of different rows of one class."""
    rng = np.random.default_rng([seed, 1])
    own, counts = np.unique(classes, return_counts=True)
    chosen = []
    for label in own[counts > 1]:
        members = np.flatnonzero(classes == label)
        first = rng.integers(len(members), size=PAIRS // len(own))
        second = (first + rng.integers(1, len(members), size=len(first))) % len(members)
        chosen.append(torch.as_tensor(np.stack([members[first], members[second]])))
    if not chosen:
        return np.empty(0)
    i, j = torch.cat(chosen, dim=1)
    return (rows[i].double() - rows[j].double()).norm(dim=1).cpu().numpy()


def _confusion(classified: Pair) -> Arrays:
    return (
        {}
        if classified.fake.confusion is None
        else {"judge.confusion": np.asarray(classified.fake.confusion, np.int64)}
    )


def _walks(embedded: Pair, classified: Pair, seed: int) -> Arrays:
    """Great circles between two latents, one class a row, where the generator shows its latents."""
    generator = embedded.generator
    if not isinstance(generator, LatentGenerator):
        return {}
    names = classified.fake.passport.class_names
    rows = min(len(names) or 4, 10)
    g = torch.Generator().manual_seed(seed)
    z0, z1 = (torch.randn(rows, generator.latent_dim, generator=g) for _ in range(2))
    asks = classified.asks and classified.fake.labels is not None
    labels = torch.arange(rows) if names and asks else None
    steps = [torch.full((rows, 1), i / (WALK - 1)) for i in range(WALK)]
    with evaluating(generator):
        columns = [image_set(walked(generator, slerp(z0, z1, t), labels)).array() for t in steps]
    tiles = _small(np.stack(columns, axis=1).reshape(rows * WALK, *columns[0].shape[1:]))
    return {"interpolation.tiles": tiles.reshape(rows, WALK, *tiles.shape[1:])}


def _modes(embedded: Pair) -> Arrays:
    """What is missing and what is invented: of each mode the images nearest to its middle, of both sets."""
    real, fake = embedded.require_real(), embedded.fake
    if real.images is None or fake.images is None:
        return {}
    found = found_modes(embedded)
    shown = [mode for side in ("missing", "invented") for mode in [m for m in found if m.side == side][:MODES]]
    return {
        "modes.real": _strips(real, [mode.real for mode in shown]),
        "modes.fake": _strips(fake, [mode.fake for mode in shown]),
        "modes.counts": np.array([[len(mode.real), len(mode.fake)] for mode in shown], np.int64).reshape(-1, 2),
        "modes.of": np.array([mode.of for mode in shown], np.int64).reshape(-1, 2),
        "modes.invented": np.array([mode.side == "invented" for mode in shown], np.int64),
        "modes.p": np.array([mode.p for mode in shown], np.float64),
        "modes.class": np.array([mode.label for mode in shown], np.int64),
    }


def _strips(features: Features, rows: list[NDArray[np.int64]]) -> NDArray[np.uint8]:
    """(k, 8, h, w[, 3]): the first images of each list, black where it has fewer."""
    blank = _tiles(features, np.zeros(1, np.int64))[0] * 0
    strips = [
        [*(_tiles(features, some[:PER_MODE]) if len(some) else ()), *[blank] * PER_MODE][:PER_MODE] for some in rows
    ]
    return np.array(strips, np.uint8).reshape(len(rows), PER_MODE, *blank.shape)


def _histograms(group: str, values: Mapping[str, NDArray]) -> Arrays:
    """Shares in common bins from 0 to a little beyond the largest 99.5 % point; the last bin takes what is beyond."""
    top = max(float(np.quantile(v, 0.995)) for v in values.values()) or 1.0
    edges = np.linspace(0, 1.05 * top, BINS + 1)
    shares = {
        f"{group}.{name}": (np.histogram(np.minimum(v, edges[-1]), edges)[0] / len(v)).astype(np.float32)
        for name, v in values.items()
    }
    return {f"{group}.edges": edges.astype(np.float32), **shares}


def _tiles(features: Features, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """uint8 (n, h, w) or (n, h, w, 3), at most `SIDE` pixels high and wide."""
    assert features.images is not None
    return _small(features.images.take(np.asarray(rows, np.int64)).array())


def _laid_like(tiles: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tiles to be shown beside others: of their height and width, and in colours where these are."""
    height, width = others.shape[1:3]
    rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), tiles.shape[1:3], strict=True))
    sized = tiles[:, rows][:, :, columns]
    if sized.ndim == others.ndim:
        return sized
    return np.repeat(sized[..., None], 3, axis=-1) if others.ndim == 4 else sized.mean(axis=-1).round().astype(np.uint8)


def _small(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (n, c, h, w) -> (n, h, w) or (n, h, w, 3), at most `SIDE` pixels high and wide."""
    side = max(images.shape[2:])
    if side > SIDE:
        size = tuple(max(1, length * SIDE // side) for length in images.shape[2:])
        shrunk = torch.nn.functional.interpolate(torch.as_tensor(images).float(), size, mode="area")
        images = shrunk.round().to(torch.uint8).numpy()
    return images[:, 0] if images.shape[1] == 1 else np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def _labels(features: Features) -> NDArray[np.int64]:
    return np.full(len(features), -1) if features.labels is None else features.labels.cpu().numpy()


def _drawn(n: int, at_most: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 2]).permutation(n)[:at_most]
