"""What is missing and what is invented: modes in which one set is denser than the other.

The question is that of differential clustering (Zhang et al. 2024, arXiv:2405.02700), which answers with eigenvectors
of the difference of two kernel covariances. Here a mode is a neighbourhood, found by a scan whose null is exact
(`ganeval.numerics.scan`); docs/decisions/025 and 055 have the figures that decided. Six searches share one false alarm
of 1 %: among all rows, inside each class, among whole classes, among rows that repeat each other, among those that lie
far from all others, and among those of which all others foretell the side (`ganeval.numerics.likely`). Inside a class
the search looks twice where the images are at hand: at the embedding, and at the images made small, in which a class
falls into its styles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import Permutations, Within
from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import metric
from ganeval.numerics.likely import scan_likely
from ganeval.numerics.order import seeded_rows, shuffled_sides
from ganeval.numerics.scan import (
    LEAST,
    Neighbourhoods,
    Scan,
    one_sided,
    scan_balls,
    scan_lonely,
    scan_repeats,
    scan_sets,
)
from ganeval.numerics.tiles import spans
from ganeval.records.scores import Score

Members = tuple[tuple[NDArray[np.int64], NDArray[np.int64]], tuple[int, int]]  # rows; of how many
Side = Literal["missing", "invented"]
FALSE_ALARM = 0.01  # probability that anything is named where both sets are one distribution
PERMUTATIONS, AT_MOST = 1199, 2000  # of 1,200 the two best are under the false alarm of six searches
INSIDE, REPEATS, WHOLE = "inside classes", "repeats", "whole classes"
SEARCHES = {"among all": scan_balls, REPEATS: scan_repeats, "far from all": scan_lonely, "foretold": scan_likely}
NAMED = 12  # modes in the details
NEW = 0.5  # of a mode's rows: more than that no mode before it has
SMALL, PART = 16, 512  # pixels a side that the second look has; images that are made small at a time
WANTS = ("labels", "real_labels", "logits", "real_logits", "pixels", "real_pixels")
AtMost = Annotated[int, Within(LEAST, 20_000)]


@dataclass(frozen=True, eq=False)
class Mode:
    """A neighbourhood with too few fakes (`missing`) or too many (`invented`).

    where: the class inside which it was found, "" for all rows; label: its number, or -1. seen_by: "embedding" or
    "pixels". of: how many rows of either set the search was among. p: the chance that the best neighbourhood of two
    equal sets is as extreme, times the number of searches. real, fake: its rows, nearest to its centre first.
    """

    side: Side
    where: str
    label: int
    search: str
    seen_by: str
    of: tuple[int, int]
    p: float
    real: NDArray[np.int64]
    fake: NDArray[np.int64]

    def told(self) -> dict[str, Any]:
        return {
            "where": self.where,
            "search": self.search,
            "seen_by": self.seen_by,
            "p": self.p,
            "real": len(self.real),
            "fake": len(self.fake),
            "share_real": len(self.real) / self.of[0],
            "share_fake": len(self.fake) / self.of[1],
        }


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of both sets among which to search: all, or those of one class."""

    where: str
    label: int
    real: NDArray[np.int64]
    fake: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Look:
    """All rows of both sets as one eye sees them."""

    name: str
    real: torch.Tensor
    fake: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Search:
    """One search in one part: a ball around each row that was looked at, and where that row stands in its set."""

    name: str
    part: _Part
    look: _Look
    rows: torch.Tensor
    place: NDArray[np.int64]  # among all real rows, then all fake ones
    fake: NDArray[np.bool_]  # of those rows
    scan: Scan


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A significant set of a search: its rows among those that were looked at; its radius, of a ball."""

    p: float
    search: _Search
    members: NDArray[np.int64]
    radius: float | None

    @property
    def place(self) -> NDArray[np.int64]:
        """Where its rows stand among all real rows, then all fake ones."""
        return self.search.place[self.members]


@metric(
    "missing_modes",
    better="lower",
    perfect=0.0,
    version=2,
    paper="arXiv:2405.02700",
    question="diversity",
    within=(0, 1),
    wants=WANTS,
    biased_in_n=True,
    exact=True,
)
def missing_modes(pair: Pair, *, permutations: Permutations = PERMUTATIONS, at_most: AtMost = AT_MOST) -> Score:
    """The share of the real set in neighbourhoods that the fakes have too rarely, less the fakes' own share there.

    Every row is the centre of balls of 24, 48, 96 ... rows of both sets; a ball counts where its fakes are fewer than
    in the best ball of any exchange of sides, and is then drawn wider, up to its double, where that makes it more
    surely one-sided. `details["modes"]` lists the neighbourhoods, the most one-sided first, with their shares of both
    sets (of the class where the search was inside one: `where`), `p`, and whether they are neighbours in the embedding
    or as small images (`seen_by`; 16 pixels a side, where both sets are of one size).
    Classes are the labels where both sets have them, else what the classifier says. At most `at_most` rows a side are
    searched, of each class too; shares are of all rows.

    Returns: [0, 1]; 0 where nothing is significant, a floor rather than an estimate: what chance explains is left out.
    Test: exact; something is named with probability 1 % where both sets are one distribution (docs/results/modes.md).
    Floor: 0 by that test; only held-out or training images, which may differ from the real ones, are searched for it.
    No standard error: what is counted was chosen by the counting.
    Bias: none at 0; where the sets differ it rises with n, as power does; compare at equal n only.
    Differs from the paper: neighbourhoods instead of eigenvectors, a null, and no number of modes to choose.
    Raises: TooFewSamplesError below 32 rows a side.

    >>> from ganeval.features.rows import Features
    >>> ring, lost = torch.arange(100.0).reshape(-1, 1) / 100, torch.arange(60.0).reshape(-1, 1) + 900
    >>> real = Features.given(torch.cat([ring, lost / 60]))
    >>> round(float(missing_modes(Pair(real, Features.given(ring + 0.001)))), 3)  # 48 of the 60 lost, of 160
    0.3
    """
    return _score(pair, "missing", permutations, at_most)


@metric(
    "invented_modes",
    better="lower",
    perfect=0.0,
    version=2,
    paper="arXiv:2405.02700",
    question="fidelity",
    within=(0, 1),
    wants=WANTS,
    biased_in_n=True,
    exact=True,
)
def invented_modes(pair: Pair, *, permutations: Permutations = PERMUTATIONS, at_most: AtMost = AT_MOST) -> Score:
    """The share of the fakes in neighbourhoods that they have too often, less the real set's own share there.

    Foreign images, one image again and again, a class too many: `details["modes"]` lists the neighbourhoods as
    `missing_modes` does.

    Returns: [0, 1]; 0 where nothing is significant.
    No standard error: what is counted was chosen by the counting.
    Bias: none at 0; where the sets differ it rises with n; compare at equal n only.
    Test, differences, errors raised: as `missing_modes`, with which it shares one search.

    >>> from ganeval.features.rows import Features
    >>> rows = torch.arange(100.0).reshape(-1, 1)
    >>> again = torch.cat([rows[:80] + 0.1, rows[:1].repeat(20, 1)])
    >>> float(invented_modes(Pair(Features.given(rows), Features.given(again)))) > 0.15  # 20 of 100 are one image
    True
    """
    return _score(pair, "invented", permutations, at_most)


def _score(pair: Pair, side: Side, permutations: int, at_most: int) -> Score:
    modes = [mode for mode in found_modes(pair, permutations, at_most) if mode.side == side]
    real, fake = (
        _union(rows, len(whole))
        for rows, whole in (
            ([mode.real for mode in modes], pair.require_real()),
            ([mode.fake for mode in modes], pair.fake),
        )
    )
    excess = real - fake if side == "missing" else fake - real
    details = {"modes": [mode.told() for mode in modes[:NAMED]], "count": len(modes)}
    return Score(max(0.0, excess), n=len(pair.fake), details=details)


def _union(rows: list[NDArray[np.int64]], n: int) -> float:
    return len(np.unique(np.concatenate(rows))) / n if rows else 0.0


def found_modes(pair: Pair, permutations: int = PERMUTATIONS, at_most: int = AT_MOST) -> tuple[Mode, ...]:
    """Every significant mode of both sides, the most one-sided first; searched once for a pair."""
    return pair.once(("found modes", permutations, at_most), lambda: tuple(_found(pair, permutations, at_most)))


def _found(pair: Pair, permutations: int, at_most: int) -> Iterator[Mode]:
    looks = list(_looks(pair))
    _require_rows(looks[0].real, looks[0].fake)
    searches = _searches(pair, looks, permutations, at_most)
    nulls: dict[str, NDArray[np.float64]] = {}
    for search in searches:
        nulls[search.name] = np.minimum(nulls.get(search.name, np.inf), search.scan.null)
    reals = len(looks[0].real)
    named = np.zeros((2, reals + len(looks[0].fake)), bool)  # rows of balls; rows of any mode
    for found in _candidates(searches, nulls):
        covered = named[int(found.radius is None)]  # a wide set holds the innocent too, so it covers no ball
        if covered[found.place].mean() >= 1 - NEW:
            continue
        mode = _mode(found)
        members = np.concatenate([mode.real, reals + mode.fake])
        if (~covered[members]).mean() > NEW:
            named[int(found.radius is None) :, members] = True
            yield mode


def _looks(pair: Pair) -> Iterator[_Look]:
    """The embeddings, and the images made small where both sets have them in one size."""
    sides = pair.require_real(), pair.fake
    yield _Look("embedding", sides[0].embeddings.cpu(), sides[1].embeddings.cpu())
    shapes = {None if features.images is None else features.images.shape for features in sides}
    if None not in shapes and len(shapes) == 1:
        yield _Look("pixels", *(features.own.once("small", partial(_small, features)) for features in sides))


def _small(features: Features) -> torch.Tensor:
    """(n, c h w) in [0, 1], of at most `SMALL` pixels a side: means of squares of pixels."""
    images = features.images
    assert images is not None
    step = max(1, *(-(-side // SMALL) for side in images.shape[1:]))
    parts = (torch.tensor(images.load(part.start, part.stop)) for part in spans(len(images), PART))
    means = [torch.nn.functional.avg_pool2d(part.float() / 255, step, ceil_mode=True).flatten(1) for part in parts]
    return torch.cat(means)


def _require_rows(real: torch.Tensor, fake: torch.Tensor) -> None:
    for name, rows in (("real", real), ("fake", fake)):
        if len(rows) < LEAST // 2:
            raise TooFewSamplesError(
                f"A search for modes needs {LEAST // 2} rows a side, or chance explains every neighbourhood; got "
                f"{len(rows)} {name} ones. Pass more images."
            )
    if bool((real == real[0]).all()) and bool((fake == real[0]).all()):
        raise UndefinedError("All rows of both sets are equal, so there are no neighbourhoods. Check the extractor.")


def _searches(pair: Pair, looks: list[_Look], permutations: int, at_most: int) -> list[_Search]:
    """Those among all rows, then inside every class that has rows enough, where each look exchanges sides alike."""
    real, fake = looks[0].real, looks[0].fake
    whole = _Part("", -1, np.arange(len(real)), np.arange(len(fake)))
    classes, searches = list(_classes(pair)), []
    for number, part in enumerate([whole, *classes]):
        chosen = [
            own[seeded_rows(rows[own], at_most, pair.seed).numpy()]
            for rows, own in ((real, part.real), (fake, part.fake))
        ]
        n, m = map(len, chosen)
        if n + m < LEAST or min(n, m) == 0:
            continue
        mixed = np.random.default_rng([pair.seed, number]).permutation(n + m)  # so that ties are broken without a side
        is_fake = shuffled_sides(n, m, permutations, [pair.seed, number])[mixed]
        place = np.concatenate([chosen[0], len(real) + chosen[1]])[mixed]
        for look in looks if number else looks[:1]:
            rows = torch.cat([look.real[chosen[0]], look.fake[chosen[1]]])[torch.from_numpy(mixed)]
            near = Neighbourhoods.of(rows)
            scans = {name: scan(near, is_fake) for name, scan in ({INSIDE: scan_balls} if number else SEARCHES).items()}
            if sets := [] if number else _whole(classes, place, len(real)):
                scans[WHOLE] = scan_sets(sets, is_fake)
            searches += [
                _Search(name, part, look, rows, place, place >= len(real), scan) for name, scan in scans.items()
            ]
    return searches


def _classes(pair: Pair) -> Iterator[_Part]:
    """The rows of each class of either set: by label where both have labels, else by the judge's verdict."""
    sides = [_labels(features) for features in (pair.require_real(), pair.fake)]
    if any(features.labels is None for features in (pair.require_real(), pair.fake)):
        sides = [_verdicts(features) for features in (pair.require_real(), pair.fake)]
    real, fake = sides
    if real is None or fake is None:
        return
    names = pair.require_real().label_names or pair.fake.passport.class_names
    for label in np.union1d(real, fake).tolist():
        name = names[label] if label < len(names) else str(label)
        yield _Part(name, label, np.flatnonzero(real == label), np.flatnonzero(fake == label))


def _whole(classes: list[_Part], place: NDArray[np.int64], reals: int) -> list[NDArray[np.int64]]:
    """Of each class its rows among those that are looked at; none where all are of one class."""
    own = [np.concatenate([part.real, reals + part.fake]) for part in classes]
    sets = [np.flatnonzero(np.isin(place, rows)) for rows in own]
    return [rows for rows in sets if 0 < len(rows) < len(place)]


def _labels(features: Features) -> NDArray[np.int64] | None:
    return None if features.labels is None else features.labels.cpu().numpy()


def _verdicts(features: Features) -> NDArray[np.int64] | None:
    return None if features.logits is None else features.logits.argmax(dim=1).cpu().numpy()


def _candidates(searches: list[_Search], nulls: dict[str, NDArray[np.float64]]) -> list[_Candidate]:
    """Every significant set: repeats, then the most one-sided, balls before others.

    A ball about repeats takes in what chance has put beside them; a wide set holds more rows than what it is about.
    """
    found = []
    for search in searches:
        null, statistic = np.sort(nulls[search.name]), search.scan.statistic
        p = len(nulls) * (1 + np.searchsorted(null, statistic, side="right")) / (1 + len(null))
        which = np.flatnonzero(p <= FALSE_ALARM * (1 + 1e-12))
        sets = search.scan.some(which)
        fakes = np.array([search.fake[members].sum() for members in sets.members])
        sure = one_sided(fakes, np.array([len(members) for members in sets.members]), float(search.fake.mean()))
        for i, row in enumerate(which.tolist()):
            radius = None if sets.radius is None else float(sets.radius[i])
            turn = search.name != REPEATS, -sure[i], radius is None, float(statistic[row])
            found.append((turn, _Candidate(float(p[row]), search, sets.members[i], radius)))
    return [candidate for _, candidate in sorted(found, key=lambda entry: entry[0])]


def _mode(found: _Candidate) -> Mode:
    search, part = found.search, found.search.part
    (reals, fakes), of = _looked_at(found) if found.radius is None else _ball(found, found.radius)
    side: Side = "missing" if len(reals) * of[1] > len(fakes) * of[0] else "invented"
    return Mode(side, part.where, part.label, search.name, search.look.name, of, found.p, reals, fakes)


def _ball(found: _Candidate, radius: float) -> Members:
    """The rows of both whole sets in a ball, also those that were not looked at, nearest to its centre first."""
    search, part, inside = found.search, found.search.part, []
    centre = search.rows[found.members[0]]
    for rows, own, before in ((search.look.real, part.real, 0), (search.look.fake, part.fake, len(search.look.real))):
        distance = (rows[own] - centre).norm(dim=1).numpy()
        order = np.argsort(distance, kind="stable")
        looked_at = np.isin(own + before, search.place)
        belongs = np.where(looked_at, np.isin(own + before, found.place), distance < radius)
        inside.append(own[order[belongs[order]]])
    return (inside[0], inside[1]), (len(part.real), len(part.fake))


def _looked_at(found: _Candidate) -> Members:
    """The rows of a set that is no ball, in its order, among those that were looked at."""
    place, n = found.place, len(found.search.look.real)
    reals = int((found.search.place < n).sum())
    return (place[place < n], place[place >= n] - n), (reals, len(found.search.place) - reals)
