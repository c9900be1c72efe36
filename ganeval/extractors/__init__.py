"""Networks that turn images into rows, one per file; `EXTRACTORS` finds them by walking this folder."""

from __future__ import annotations

from ganeval.core.extractor import ExtractorSpec
from ganeval.core.extras import MEASURING, require
from ganeval.core.registry import Registry

require(*MEASURING, what="A network that sees images")

EXTRACTORS = Registry(ExtractorSpec, "ganeval.extractors", "extractor")
