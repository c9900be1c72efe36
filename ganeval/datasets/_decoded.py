"""Images that take seconds to decode are kept in the user cache, named by the content that they were decoded from."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import open_regular, write_atomic
from ganeval.datasets._search import data_cache


def kept(key: str, shape: tuple[int, ...], decode: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The uint8 array under `key`; decoded, and stored where the cache can be written, if it is not there or
    damaged.
    """
    path = data_cache() / "decoded" / f"{key}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError), open_regular(path) as file:
        array = np.load(file, allow_pickle=False)
        if array.shape == shape and array.dtype == np.uint8:
            return array
    array = np.ascontiguousarray(decode())
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_atomic(path, buffer.getvalue())
    return array
