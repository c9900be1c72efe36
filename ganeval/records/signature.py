"""A signature: everything that changes a number, as `NAME|key:value|key:value`; and whether two numbers compare. No
torch.

`x` is the network, `real` and `heldout` are sets by the first 8 digits of their fingerprint, `n` counts the generated
images, `dtype` is the network's precision, `drawn` and `seed` say what was drawn. Everything else is an option of the
metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

WORDS = {
    "name": "the metric",
    "v": "the metric's version",
    "x": "the network",
    "real": "the real images",
    "heldout": "the held-out images",
    "n": "the number of images",
    "dtype": "the precision",
    "eyes": "the further networks",
}
ANOTHER_SAMPLE = ("seed", "drawn")  # these make another sample of the same thing, which may be compared


@dataclass(frozen=True)
class Signature:
    """A parsed signature.

    >>> Signature.parse("kid|v:1|n:300|seed:0").parts
    {'name': 'kid', 'v': '1', 'n': '300', 'seed': '0'}
    """

    parts: Mapping[str, str]

    @classmethod
    @lru_cache(maxsize=1024)  # a report of 50 runs reads each some hundred times
    def parse(cls, text: str) -> Signature:
        name, *rest = text.split("|")
        return cls({"name": name, **dict(_pair(part) for part in rest)})

    def differences(self, other: Signature, *, any_n: bool) -> list[str]:
        """The keys in which two numbers do not mean the same; `any_n` where the metric has no bias in n.

        >>> a, b = (Signature.parse(f"kid|n:{n}|real:{r}|seed:{s}") for n, r, s in [(9, "a", 0), (8, "b", 1)])
        >>> a.differences(b, any_n=True), a.differences(b, any_n=False)
        (['real'], ['n', 'real'])
        """
        ignored = {*ANOTHER_SAMPLE, *(("n",) if any_n else ())}
        keys = sorted({*self.parts, *other.parts} - ignored)
        return [key for key in keys if self.parts.get(key) != other.parts.get(key)]


def in_words(keys: Iterable[str]) -> str:
    """
    >>> in_words(["n", "k"])
    "the number of images and its option 'k'"
    """
    said = [WORDS.get(key, f"its option {key!r}") for key in keys]
    return " and ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))


def _pair(part: str) -> tuple[str, str]:
    key, _, value = part.partition(":")
    return key, value
