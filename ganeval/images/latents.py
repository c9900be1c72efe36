"""The latent protocol `latents/2`: which random numbers a generator is given for which images.

Images are drawn in blocks of 500, each with a `torch.Generator` of its own, whose seed follows from the seed of the set
and the number of the block: any block can be drawn anywhere, in any order, by any process, and is the same. Version 1
drew all blocks from one generator, one after the other; its first block is that of version 2.
"""

from __future__ import annotations

import hashlib

VERSION = "latents/2"
BLOCK = 500  # images a call: what 50,000 at once would need does not fit everywhere; fixed, since it moves the draws
TRIAL = 2**32 - 1  # the number of a block that is in no set: what processes show one another
_WORD = 2**32


def seed_of(seed: int, block: int) -> int:
    """The seed of a block. Those of one set differ: on the CPU torch looks at 32 bits of a seed,
    which are all set here.

    >>> seed_of(7, 0), seed_of(7, 1) != seed_of(7, 2) != seed_of(8, 2)
    (7, True)
    """
    if block == 0:
        return seed
    named = hashlib.sha256(f"{VERSION} {seed}".encode()).digest()
    return int.from_bytes(named[:4], "little") ^ _mixed(block)


def _mixed(word: int) -> int:
    """A permutation of the 32-bit words that leaves no pattern (the last step of MurmurHash3, Appleby 2011)."""
    for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13), (1, 16)):
        word ^= word >> shift
        word = word * factor % _WORD
    return word
