"""The way in: every number of the command line, the functions, the gate and the report is measured here.

The folder bears the name of its function, so it can be called as that: `ganeval.measure(images, protocol)` is
`ganeval.measure.measure.measure(images, protocol)`.
"""

import sys
from types import ModuleType
from typing import Any

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="Measuring images")


class _Callable(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from ganeval.measure.measure import measure

        return measure(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
