"""The floor of a number: the same metric with real images in the generator's place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.measure.pairs import Pairs


def floor_pairs(pairs: Pairs, seed: int) -> Pairs | None:
    """Pairs of real with real, or None where there are too few real images for any."""
    known = None if pairs.trained is None or isinstance(pairs.trained.real, Statistics) else pairs.trained.real
    embedded = _floor(pairs.embedded, seed, known)
    if embedded is None:
        return None
    classified = embedded if pairs.classified is pairs.embedded else _floor(pairs.classified, seed)
    trained = embedded if pairs.trained is pairs.embedded else None
    if pairs.trained is not None and trained is None:
        trained = _floor(pairs.trained, seed)
    by_eye = {eye: _floor(pair, seed) for eye, pair in pairs.by_eye.items() if isinstance(pair, Pair)}
    by_eye = {eye: pair for eye, pair in by_eye.items() if pair is not None}
    return None if classified is None else Pairs(embedded, classified, trained, by_eye)


def _floor(pair: Pair, seed: int, known_train: Features | None = None) -> Pair | None:
    """Held-out images where there are as many as fakes; else training images, where half of the real ones are
    fewer; else a random part of the real ones against the rest.

    Published statistics of the real set cannot be split: they stay whole, also where such a part may be among them.
    """
    rng = np.random.default_rng([seed, 0xF100])
    known, rows = pair.real_moments, pair.real
    n = pair.fake.passport.n if pair.only_moments else len(pair.fake)
    if pair.heldout is not None and len(pair.heldout) >= n > 0:
        return Pair(rows if known is None else replace(known, rows=rows), _rows(pair.heldout, rng, n), seed=seed)
    if rows is None:
        return None
    if known_train is not None and len(rows) // 2 < n <= len(known_train) and known_train.content != rows.content:
        return Pair(rows if known is None else replace(known, rows=rows), _rows(known_train, rng, n), seed=seed)
    order = rng.permutation(len(rows))
    n = min(n, len(order) // 2)
    if n == 0:
        return None
    rest = rows.take(np.sort(order[n:]))
    return Pair(rest if known is None else replace(known, rows=rest), rows.take(np.sort(order[:n])), seed=seed)


def _rows(features: Features, rng: np.random.Generator, n: int) -> Features:
    return features.take(np.sort(rng.permutation(len(features))[:n]))


def floor_source(floor: Pair, pair: Pair) -> str:
    """What stood in the generator's place of `pair`: "heldout" or "train" images, or "halves" of the real ones."""
    if floor.real is not pair.real:
        return "halves"
    return "heldout" if pair.heldout is not None and len(pair.heldout) >= len(floor.fake) else "train"
