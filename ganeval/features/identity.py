"""Whose rows are these? What tells the features of one network from another's, in the cache, among ranks and when
given.

A name and a digest of the weights do not tell which layer is taken, which activation follows, what `preprocess` does or
whether the network was trained on since. What it makes of a few images does: their rows are part of the cache's key.
"""

from __future__ import annotations

import hashlib
import logging

import numpy as np
import torch

from ganeval.core.extractor import Embedded, Extractor
from ganeval.core.folders import cache_root
from ganeval.core.notes import content_key
from ganeval.features.cache import read_tensors, write_tensors
from ganeval.features.embedding import columns, embed
from ganeval.images.imageset import ImageSet

CACHE_FORMAT = 3  # of the entries; a change of what is stored makes the old ones unreachable
DARKER = 8  # how many times darker the lower half of the fixed probe image is
SAME_ROW = {"fp32": 1e-2, "bf16": 5e-2}  # share of the largest entry by which a row may differ when computed elsewhere

_log = logging.getLogger(__name__)


def probe(network: Extractor, images: ImageSet, device: torch.device) -> Embedded:
    """Rows of the first, the middle and the last image of the set, then of an image of fixed noise in their shape,
    bright in one half and dark in the other; one at a time.

    A network that has `one_will_do`, of which no part is a user's, is shown the first image and the noise. Of images
    that would have to be drawn for it, an image of no set takes the place of the three. The noise has equal channels:
    a network for grey images takes it in three channels, too.
    """
    rng = np.random.default_rng(0)
    c, h, w = images.shape
    n = len(images)
    rows = (0,) if getattr(network, "one_will_do", False) else (0, n // 2, n - 1)
    some = (images.load(row, row + 1) for row in rows)
    own = some if images.trial is None else [images.trial()[:1]]
    noise = rng.integers(0, 256, (1, 1, h, w), dtype=np.uint8)
    noise[:, :, h // 2 :] //= DARKER
    noise = np.repeat(noise, c, axis=1)
    found = [columns(embed(pixels, network, device)) for pixels in (*own, noise)]
    return Embedded(**{name: torch.cat([row[name].float().cpu() for row in found]) for name in found[0]})


def vector(probed: Embedded) -> torch.Tensor:
    """All numbers of a probe, one after the other."""
    return torch.cat([rows.flatten() for rows in columns(probed).values()])


def shapes(probed: Embedded) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(rows.shape)) for name, rows in columns(probed).items()]


def entry_key(fingerprint: str, network: Extractor, precision: str, probed: Embedded) -> str:
    """Under which the rows of the images with this fingerprint are kept: everything that made them."""
    digest = hashlib.sha256(repr(shapes(probed)).encode() + vector(probed).numpy().tobytes())
    return content_key(
        {
            "images": fingerprint,
            "probe": digest.hexdigest(),
            "extractor": network.name,
            "weights": network.weights_sha256,
            "preprocessing": network.preprocessing,
            "precision": precision,
            "format": CACHE_FORMAT,
            "torch": torch.__version__.partition(".")[0],
        }
    )


def kept_rows(key: str, n: int, probed: Embedded, room: float) -> Embedded | None:
    """The n rows kept under `key`, if they have the type and widths of the probe, and its first row; of its columns
    those that somebody asked for so far.
    """
    found = read_tensors(cache_root() / "features", key)
    expected = columns(probed)
    if not found or "embeddings" not in found or not set(found) <= set(expected):
        return None
    for name, rows in found.items():
        like = expected[name]
        if rows.dtype != torch.float32 or rows.shape != (n, *like.shape[1:]) or not are_close(rows[:1], like[:1], room):
            return None
    return Embedded(**found)


def keep_rows(key: str, rows: Embedded, gib: float) -> None:
    """Store `rows` under `key` in a cache of `gib` GiB; one that cannot be written costs time, not the answer."""
    size = sum(column.numel() * column.element_size() for column in columns(rows).values())
    if size > gib * 2**30:
        _log.warning(
            "Features of %.1f GiB are not kept, for the cache holds %g GiB: they will be computed again. cache_gib= "
            "(--cache-gib) makes it larger.",
            size / 2**30,
            gib,
        )
        return
    try:
        write_tensors(cache_root() / "features", key, columns(rows), max_bytes=int(gib * 2**30))
    except (OSError, ValueError) as error:
        _log.warning("The features could not be kept in the cache (%s); they will be computed again.", error)


def are_close(one: torch.Tensor, other: torch.Tensor, room: float) -> bool:
    """Whether two computations of the same rows differ by at most `room`, as a share of the largest entry."""
    a, b = one.detach().float().cpu(), other.detach().float().cpu()
    return a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=room * max(1e-12, float(b.abs().max())))
