"""Sliced Wasserstein distance (Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3) and its scaling MIND.

Sorting is all it takes: no matrix roots, no kernel, and a small sample says more than it does for a Frechet distance.
Where implementations differ: MIND (torch-fidelity's newest metric: 1000 unit projections, mean squared difference of
sorted projections, times 3 d) drops rows until both sets are equally large; here unequal sets are compared exactly.
The projections come from a PyTorch generator of their own, so that the same seed means the same directions here, not
the same as in another library: with 1000 directions the choice moves the value by a few per cent at most.
"""

from __future__ import annotations

import math
from typing import Annotated

from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.slices import directions, sliced_transport
from ganeval.records.scores import Score

SEED = 2020  # torch-fidelity's: the directions are the same in every protocol


@metric(
    "sliced_wasserstein",
    better="lower",
    perfect=0.0,
    version=1,
    paper="doi:10.1007/s10851-014-0506-3",
    question="close",
    least_n=15,
    within=(0, math.inf),
    biased_in_n=True,
)
def sliced_wasserstein(pair: Pair, *, projections: Annotated[int, Within(2, 100_000)] = 1000) -> Score:
    """The squared 2-Wasserstein distance between real and fake along random directions, averaged over them.

    Returns: [0, inf), in squared units of the embedding; 0 for identical sets. A shift by mu gives |mu|^2 / d.
    Bias: upwards, about proportional to 1/n, and much smaller than that of `fid`; compare at equal n only.
    Standard error: influence function (Kantorovich potentials) with the real set and the directions held fixed;
    up to 1.2 times too wide near 0 on two real embeddings (n = 500, d = 64), while at n = 250 and d = 784 its 95 %
    interval covered 90 to 92 %. `per_sample["influence"]`. The directions' own spread is `details["direction_se"]`.

    >>> import torch
    >>> from ganeval.features.rows import Features
    >>> line = torch.tensor([[0.0], [1.0], [5.0]])
    >>> float(sliced_wasserstein(Pair(Features.given(line), Features.given(line + 3)), projections=10))
    9.0
    """
    return _sliced(pair, projections, scale=1.0)


@metric(
    "mind",
    better="lower",
    perfect=0.0,
    version=1,
    paper="torch-fidelity",
    question="close",
    least_n=15,
    within=(0, math.inf),
    biased_in_n=True,
)
def mind(pair: Pair, *, projections: Annotated[int, Within(2, 100_000)] = 1000) -> Score:
    """The sliced Wasserstein distance times 3 d, which makes it comparable across embeddings of different width.

    Returns: [0, inf); 0 for identical sets. A shift of every coordinate by mu gives 3 d mu^2.
    Bias: as for `sliced_wasserstein`; compare at equal n only.
    Standard error: as for `sliced_wasserstein`.

    >>> import torch
    >>> from ganeval.features.rows import Features
    >>> line = torch.tensor([[0.0], [1.0], [5.0]])
    >>> float(mind(Pair(Features.given(line), Features.given(line + 3)), projections=10))
    27.0
    """
    return _sliced(pair, projections, scale=3.0 * pair.fake.embeddings.shape[1])


def _sliced(pair: Pair, projections: int, *, scale: float) -> Score:
    real, fake = pair.require_real().embeddings, pair.fake.embeddings
    if min(len(real), len(fake)) < 2:
        raise TooFewSamplesError(
            f"A distance of distributions needs at least 2 rows in each set; got {len(real)} and {len(fake)}."
        )
    axes = directions(fake.shape[1], projections, SEED, fake.device)
    distances, influence = pair.once(("sliced", projections), lambda: sliced_transport(real, fake, axes))
    spread = float(distances.std()) / projections**0.5
    return Score.from_influence(
        scale * float(distances.mean()), scale * influence.cpu().numpy(), details={"direction_se": scale * spread}
    )
