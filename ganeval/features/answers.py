"""What took seconds to work out of two sets whose rows lie in the cache is kept there, too: asked again, it is read.

It is addressed by the rows' own entries and by the text of the code that works it out, so it is never older than they
are.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from ganeval import numerics
from ganeval.core.folders import cache_root
from ganeval.core.notes import content_key
from ganeval.features.cache import read_tensors, write_tensors
from ganeval.features.pair import Pair

WORTH_IT = 2**31  # n d^2 of the larger set: half a second on one core
MAX_BYTES = 256 * 2**20  # of all answers together; one has 8 bytes a row

Answer = tuple[float, torch.Tensor]  # a number, and one number of float64 a fake row, or none

_log = logging.getLogger(__name__)


def kept(pair: Pair, question: str, work: Callable[[], Answer]) -> Answer:
    """`work()`, or what it gave when these rows were asked this question before.

    question: everything beside the rows that the answer depends on. Only one process alone keeps anything.
    """
    key = _key(pair, question)
    if not key:
        return work()
    folder, device = cache_root() / "answers", pair.fake.embeddings.device
    found = read_tensors(folder, key)
    if found is not None and set(found) == {"value", "rows"} and len(found["rows"]) in (0, len(pair.fake)):
        return float(found["value"]), found["rows"].to(device)
    value, rows = work()
    try:
        write_tensors(
            folder, key, {"value": torch.tensor(value, dtype=torch.float64), "rows": rows}, max_bytes=MAX_BYTES
        )
    except (OSError, ValueError) as error:
        _log.debug("An answer could not be kept (%s).", error)
    return value, rows


def _key(pair: Pair, question: str) -> str:
    """Under which the answer is kept; "" where the rows of a set do not lie in the cache, where its moments were given,
    or where the work is quick.
    """
    sides = (pair.real, pair.fake)
    entries = [side.own.entry if side is not None and side.held is None else "" for side in sides]
    n, d = max(len(side) for side in sides if side is not None), pair.fake.embeddings.shape[1]
    given = pair.real_moments is not None or pair.fake_moments is not None
    if pair.ranks.size > 1 or given or not all(entries) or n * d * d < WORTH_IT:
        return ""
    return content_key(
        {
            "question": question,
            "rows": entries,
            "device": pair.fake.embeddings.device.type,
            "torch": torch.__version__,
            "code": _code(),
        }
    )


@cache
def _code() -> str:
    """A digest of the text of `ganeval.numerics`, which works everything out."""
    files = sorted(Path(numerics.__path__[0]).glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
