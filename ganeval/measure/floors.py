"""The floor of a number: the same metric with real images in the generator's place."""

from __future__ import annotations

import numpy as np

from ganeval.features.extraction import Features
from ganeval.features.pair import Pair
from ganeval.measure.pairs import Pairs


def floor_pairs(pairs: Pairs, seed: int) -> Pairs | None:
    """Pairs of real with real, or None where there are too few real images for any."""
    embedded = _floor(pairs.embedded, seed)
    if embedded is None:
        return None
    classified = embedded if pairs.classified is pairs.embedded else _floor(pairs.classified, seed)
    trained = None if pairs.trained is None else _floor(pairs.trained, seed)
    return None if classified is None else Pairs(embedded, classified, trained)


def _floor(pair: Pair, seed: int) -> Pair | None:
    """Held-out images where there are as many as fakes, else a random part of the real ones against the rest."""
    if pair.real is None:
        return None
    rng = np.random.default_rng([seed, 0xF100])
    n = len(pair.fake)
    if pair.heldout is not None and len(pair.heldout) >= n:
        return Pair(pair.real, _rows(pair.heldout, rng, n), seed=seed)
    order = rng.permutation(len(pair.real))
    n = min(n, len(order) // 2)
    if n == 0:
        return None
    return Pair(pair.real.take(np.sort(order[n:])), pair.real.take(np.sort(order[:n])), seed=seed)


def _rows(features: Features, rng: np.random.Generator, n: int) -> Features:
    return features.take(np.sort(rng.permutation(len(features))[:n]))


def floor_source(floor: Pair, pair: Pair) -> str:
    """What stood in the generator's place of `pair`: "heldout", or "halves", where the real set was split for it."""
    return "heldout" if len(floor.require_real()) == len(pair.require_real()) else "halves"
