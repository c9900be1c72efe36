"""The band of frequencies in which real and fake images differ most, with a test over all bands.

Haar wavelet packets as in the Frechet wavelet distance (Veeramacheneni et al. 2024, arXiv:2312.15289), which averages
over packets: a fault in one band of sixteen, such as a checkerboard, is a sixteenth of that mean. Here the worst band
counts, corrected for having been chosen (maxT: Westfall and Young 1993). The mean over all bands at once is `fid` with
`extractor="wavelet"`. Two traces of storage (`ganeval.numerics.grids`) stand beside the bands: JPEG at a fine quality
and few bits change no band of photographs or drawings by much.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import Permutations
from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.extractors.wavelet import WAVELET
from ganeval.features.pair import Pair
from ganeval.images.imageset import ImageSet
from ganeval.metrics import metric
from ganeval.numerics.grids import grey_levels, small_coefficients
from ganeval.numerics.order import seeded_rows, shuffled_sides
from ganeval.numerics.packets import BANDS
from ganeval.records.scores import Score

LEAST = 20  # images of each set
BATCH = 512
OF = ("level", "energy")  # of each packet
TRACES = ("zeros", "values")  # of each image


@metric(
    "worst_packet",
    better="lower",
    perfect=0.0,
    version=2,
    paper="arXiv:2312.15289",
    question="fidelity",
    needs=("real", "pixels", "real_pixels"),
    within=(0, float("inf")),
    biased_in_n=True,
)
def worst_packet(pair: Pair, *, permutations: Permutations = 499) -> Score:
    """The largest difference between real and fake over all bands of frequency, in standard deviations.

    Every image gives two numbers for each of its 16 Haar packets a channel: the mean of the coefficients (`level`) and
    the mean of log(1 + their squares) (`energy`). Two more are the share of its 8 x 8 cosine coefficients below 1
    (`zeros`: JPEG) and the logarithm of how many grey values it has (`values`: few bits). Each is compared by its
    difference of means over the standard deviation of both sets together. `details`: `p_value`, the exact share of
    exchanges of sides whose worst number is as bad; `worst`, which it is (`rows`, `columns` from 0, the slowest, to 3,
    every other pixel); `level` and `energy`, all differences, fake minus real, as a picture of 4 x 4 bands for each
    channel; `zeros` and `values`.

    Returns: [0, inf); 0 where all means agree. Of two equal sets about 3.4 / sqrt(n) for n images each.
    Test: exact. No standard error: the packet was chosen because it is the worst.
    Bias: upwards, about 3.4 / sqrt(n); compare at equal n only.
    Differs from the paper: the worst packet with a test instead of the mean; two numbers a packet instead of all its
    coefficients, so that hundreds of images suffice.
    Raises: TooFewSamplesError below 20 images a side, UndefinedError where every packet is constant.

    >>> from dataclasses import replace
    >>> from ganeval.features.rows import Features
    >>> from ganeval.images.imageset import ImageSet
    >>> pixels = np.random.default_rng(0).integers(90, 110, (60, 1, 8, 8)).astype(np.uint8)
    >>> board = (6 * (np.indices((8, 8)).sum(axis=0) % 2)).astype(np.uint8)
    >>> real, fake = map(ImageSet.from_array, (pixels[:30], pixels[30:] + board))
    >>> sides = [replace(Features.given(np.eye(30)), images=images) for images in (real, fake)]
    >>> worst_packet(Pair(*sides)).details["worst"]
    {'channel': 0, 'rows': 3, 'columns': 3, 'of': 'level'}
    """
    real, fake = (
        packet_numbers(side.images, name) for side, name in ((pair.require_real(), "real"), (pair.fake, "fake"))
    )
    return worst_of(real, fake, permutations, pair.seed)


def worst_of(real: torch.Tensor, fake: torch.Tensor, permutations: int, seed: int) -> Score:
    """The score of two sets of `packet_numbers`."""
    real, fake = _alike(real, fake)
    rows = torch.cat([part[seeded_rows(part, len(part), seed)] for part in (real, fake)])
    spread = rows.std(dim=0, correction=0)
    varies = spread > 1e-6 * rows.abs().amax(dim=0).clamp(min=1.0)
    if not bool(varies.any()):
        raise UndefinedError("Every packet is constant over both sets: all images are alike. Look at the images.")
    scaled = torch.where(varies, (rows - rows.mean(dim=0)) / spread.where(varies, torch.ones(())), torch.zeros(()))
    is_fake = shuffled_sides(len(real), len(fake), permutations, seed).double()
    difference = is_fake.T @ scaled / len(fake) - (1 - is_fake).T @ scaled / len(real)  # (1 + permutations, numbers)
    worst = difference.abs().amax(dim=1)
    p = (1 + int((worst[1:] >= worst[0] - 1e-12).sum())) / (1 + permutations)
    return Score(float(worst[0]), n=len(fake), details={"p_value": p, **_told(difference[0].numpy())})


def packet_numbers(images: ImageSet | None, side: str = "given") -> torch.Tensor:
    """(n, 32 c + 2) float64: level and energy of each packet, and the two traces."""
    assert images is not None
    if len(images) < LEAST:
        raise TooFewSamplesError(f"A test of packets needs {LEAST} {side} images; got {len(images)}. Pass more images.")
    eye, parts = WAVELET.load(), []
    for start in range(0, len(images), BATCH):
        pixels = torch.tensor(images.load(start, min(start + BATCH, len(images))))
        traces = torch.stack([small_coefficients(pixels), grey_levels(pixels)], dim=1)
        parts.append(torch.cat([eye(pixels).embeddings, traces], dim=1))
    return torch.cat(parts).double()


def _alike(real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both with as many channels: colours that are grey, as `save_image` writes grey images, are one channel, exactly;
    else the other side's grey is three.
    """
    if real.shape[1] == fake.shape[1]:
        return real, fake
    k, bands = len(TRACES), [part[:, : -len(TRACES)] for part in (real, fake)]
    widest = max(part.shape[1] for part in bands)
    wide = next(part for part in bands if part.shape[1] == widest)
    if _is_grey(wide):
        bands = [part[:, : widest // 3] for part in bands]
    else:
        bands = [part.repeat(1, widest // part.shape[1]) for part in bands]
    one, other = (torch.cat([part, whole[:, -k:]], dim=1) for part, whole in zip(bands, (real, fake), strict=True))
    return one, other


def _is_grey(numbers: torch.Tensor) -> bool:
    first, *others = numbers.chunk(3, dim=1)
    return all(torch.equal(first, other) for other in others)


def _told(difference: NDArray[np.float64]) -> dict[str, object]:
    """What the details say of the differences (32 c + 2,), in the order of the extractor: channel, packet, number."""
    by_band = difference[: -len(TRACES)].reshape(-1, BANDS, BANDS, len(OF))
    traces: dict[str, float] = dict(zip(TRACES, difference[-len(TRACES) :].round(6).tolist(), strict=True))
    pictures = {name: by_band[..., i].round(6).tolist() for i, name in enumerate(OF)}
    return {"worst": _worst(by_band, traces), **pictures, **traces}


def _worst(by_band: NDArray[np.float64], traces: dict[str, float]) -> dict[str, object]:
    trace = max(traces, key=lambda name: abs(traces[name]))
    if abs(traces[trace]) > np.abs(by_band).max():
        return {"of": trace}
    channel, rows, columns, number = (int(i) for i in np.unravel_index(np.abs(by_band).argmax(), by_band.shape))
    return {"channel": channel, "rows": rows, "columns": columns, "of": OF[number]}
