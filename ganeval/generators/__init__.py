"""Small trained generators that are shipped: something real to gate, to examine and to learn with, offline.

`ganeval.generators["hoda-cgan"]` is one of them, `list(ganeval.generators)` names them; torch is loaded with the first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from ganeval.core.extras import MEASURING, require

if TYPE_CHECKING:
    from ganeval.generators.shipped import Shipped


require(*MEASURING, what="A generator")


class _Shelf(ModuleType):
    """The room itself answers by name: two things called `generators` would be one too many."""

    def __getitem__(self, name: str) -> Shipped:
        from ganeval.generators.catalog import GENERATORS

        return GENERATORS[name].load()

    def __iter__(self) -> Iterator[str]:
        from ganeval.generators.catalog import GENERATORS

        return iter(GENERATORS.names())


sys.modules[__name__].__class__ = _Shelf
