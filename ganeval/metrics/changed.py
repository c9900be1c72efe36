"""Did the generator copy, up to a small change? Training images that come back moved, turned, mirrored, blurred or
recoloured.

How much the nearest training image stands out among its neighbours is the measure of Carlini et al. 2023
(arXiv:2301.13188, section 5.1); here the distance is taken after alignment (`ganeval.numerics.alignment`), and the
limit comes from images that nobody copied, so that it holds for any data (conformal: Vovk, Gammerman and Shafer
2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.options import Share, Within
from ganeval.errors import IncomparableError, TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics import metric
from ganeval.numerics.alignment import Gallery, Nearest
from ganeval.numerics.intervals import wilson
from ganeval.numerics.order import seeded_rows
from ganeval.numerics.tiles import spans
from ganeval.records.scores import Score

NEAR = 0.002  # of images that are no copies lie below the limit
WIDEST = 0.05  # of them below the widest limit that the test tries
LEAST = 20  # images of either kind
STANDS_OUT = 1e-3  # a limit below it is rounding: images that should be no copies are
CALIBRATING, LISTED, PART = 2000, 20, 512
AtMost = Annotated[int, Within(LEAST, 1_000_000)]


@metric(
    "changed_copies",
    against="train",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:2301.13188",
    question="memorisation",
    needs=("real", "pixels", "real_pixels"),
    wants=("heldout",),
    within=(0, 1),
)
def changed_copies(pair: Pair, *, near: Share = NEAR, at_most: AtMost = CALIBRATING) -> Score:
    """The share of fakes that are copies of a training image, be they moved, turned, mirrored, blurred or recoloured.

    Every fake is laid over the training images at shifts of up to 3 pixels (of 32 a side), turned by 5 degrees,
    mirrored, with any brightness and contrast. Its distance to the nearest, over the median distance to the nearest
    24, says how much that one stands out. A copy stands out more than all but the share `near` of images that are no
    copies: the held-out ones, or, where there are none, training images against the others (at most `at_most` of
    them).

    Returns: [0, 1]; fresh samples of the same distribution get about `near`, copies 1.
    Test: `details["p_value"]`, exact: how probable so many below the limit (or below one that leaves twice, four
    times ... up to 5 % of the others, corrected for that) are, were the fakes drawn like the held-out images.
    `details["heldout"]` is the share that the limit leaves to images that are no copies.
    Bias: none in the number of fakes, of which it is a mean; with other reals it is another question.
    Standard error: binomial, the real sets held fixed; the interval is Wilson's.
    per_sample: copy, 0 or 1. details: threshold (a ratio), calibrated_on (heldout or train), nearest (fake, training
    image, ratio) and changes (mirrored, degrees, pixels down, pixels to the right) of the fakes that stand out most.
    Differs from Carlini et al.: alignment, a limit from the data, the median of 24 instead of the mean of 50.
    Raises: TooFewSamplesError below 20 images a side, UndefinedError where held-out images are copies themselves.

    >>> from dataclasses import replace
    >>> from ganeval.features.rows import Features
    >>> rng = np.random.default_rng(0)
    >>> def seen(x): return replace(Features.given(x[:, 0, 0, :2] / 255), images=ImageSet.from_array(x))
    >>> train, fresh, held = (rng.integers(0, 256, (60, 1, 12, 12)).astype(np.uint8) for _ in range(3))
    >>> fake = np.concatenate([train[:15, ..., ::-1], fresh[:45]])  # a quarter are mirrored
    >>> found = changed_copies(Pair(seen(train), seen(fake), heldout=seen(held)))
    >>> bool(found.per_sample["copy"][:15].all()), found.details["p_value"] < 0.01
    (True, True)
    """
    train, fake = _pixels(pair.require_real().images, "training"), _pixels(pair.fake.images, "generated")
    _require_one_size(train, fake)
    gallery = pair.require_real().own.once("gallery", lambda: Gallery(_parts(train)))
    found = pair.once("aligned", lambda: gallery.nearest(_parts(fake)))
    usual, source = pair.once(("aligned, usual", at_most), lambda: _usual(pair, gallery, train, at_most))
    hits, limit, rank = called(found.ratio, usual, near)
    if limit < STANDS_OUT:
        raise UndefinedError(
            f"{rank} of {len(usual)} {source} images are copies of training images themselves, so copies among the "
            "fakes cannot be told from them. Leave such images out, or pass other held-out ones."
        )
    value, n = float(hits.mean()), len(hits)
    details: dict[str, Any] = {
        "p_value": p_value(found.ratio, usual, near),
        "threshold": limit,
        "heldout": rank / (len(usual) + 1),
        "calibrated_on": source,
        **_told(found, gallery),
    }
    return Score(
        value,
        se=(value * (1 - value) / n) ** 0.5,
        interval=wilson(int(hits.sum()), n),
        n=n,
        details=details,
        per_sample={"copy": hits.astype(np.float32)},
        linear="copy",
    )


def called(ratio: NDArray[np.float64], usual: NDArray[np.float64], near: float) -> tuple[NDArray[np.bool_], float, int]:
    """Which of `ratio` (n,) lie below the limit, the limit, and its rank among the `usual` ones of images that are no
    copies.

    >>> called(np.array([0.1, 0.5]), np.arange(0.4, 1.0, 0.001), 0.002)
    (array([ True, False]), 0.4, 1)
    """
    rank = max(1, int(near * len(usual)))
    limit = float(np.partition(usual, rank - 1)[rank - 1])
    return ratio < limit, limit, rank


def chance(hits: int, fakes: int, usual: int, rank: int) -> float:
    """The probability of so many fakes or more below the value of this rank among the usual ones, if all are drawn
    alike.

    That many are below it if at least `hits` of the hits + rank - 1 lowest of all are fakes.

    >>> chance(1, 10, 10, 1), round(chance(2, 10, 10, 1), 4)  # the lowest of 20 is a fake; the two lowest are
    (0.5, 0.2368)
    """
    from scipy.stats import hypergeom

    return float(hypergeom.sf(hits - 1, fakes + usual, fakes, hits + rank - 1)) if hits else 1.0


def p_value(ratio: NDArray[np.float64], usual: NDArray[np.float64], near: float) -> float:
    """`chance` below the limit and below those that leave twice, four times ... as many of the usual ones, up to 5 %.

    The smallest, times how many were tried: where real images have near copies of their own, copies do not crowd below
    the strictest limit.
    """
    first, ordered = max(1, int(near * len(usual))), np.sort(usual)
    ranks = [first << i for i in range(16) if i == 0 or first << i <= WIDEST * len(usual)]
    tries = [chance(int((ratio < ordered[rank - 1]).sum()), len(ratio), len(usual), rank) for rank in ranks]
    return min(1.0, len(ranks) * min(tries))


def _usual(pair: Pair, gallery: Gallery, train: ImageSet, at_most: int) -> tuple[NDArray[np.float64], str]:
    """The ratios of images that are no copies, and which those are."""
    held = pair.heldout
    if held is not None and held.images is not None and len(held) >= LEAST:
        _require_one_size(train, held.images)
        return _ratios(held, gallery, at_most, pair.seed, own=False), "heldout"
    return _ratios(pair.require_real(), gallery, at_most, pair.seed, own=True), "train"


def _ratios(features: Features, gallery: Gallery, at_most: int, seed: int, *, own: bool) -> NDArray[np.float64]:
    """Of some images, once for all sets that ask; own: they are the gallery's, each is compared with the others."""

    def found() -> NDArray[np.float64]:
        assert features.images is not None
        chosen = seeded_rows(features.embeddings, at_most, seed).cpu().numpy()
        return gallery.nearest(_parts(features.images.take(chosen)), own=chosen if own else None).ratio

    return features.own.once((gallery, at_most, seed, own), found)


def _pixels(images: ImageSet | None, which: str) -> ImageSet:
    assert images is not None
    if len(images) < LEAST:
        raise TooFewSamplesError(
            f"A search for changed copies needs {LEAST} {which} images; got {len(images)}. Pass more images."
        )
    return images


def _require_one_size(train: ImageSet, others: ImageSet) -> None:
    if train.shape[1:] != others.shape[1:]:
        (h, w), (height, width) = train.shape[1:], others.shape[1:]
        raise IncomparableError(
            f"Copies are looked for among images of one size; {train.source} has {h} x {w} pixels, {others.source} "
            f"{height} x {width}. Pass the training images in the size that the generator was trained on."
        )


def _parts(images: ImageSet) -> Iterator[NDArray[np.uint8]]:
    for part in spans(len(images), PART):
        yield images.load(part.start, part.stop)


def _told(found: Nearest, gallery: Gallery) -> dict[str, Any]:
    first = np.argsort(found.ratio, kind="stable")[:LISTED]
    nearest = [[int(i), int(found.index[i]), float(found.ratio[i])] for i in first]
    return {"nearest": nearest, "changes": [list(gallery.changes[i]) for i in found.change[first]]}
