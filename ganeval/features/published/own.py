"""What this library stores: `Statistics.save` and `Features.save`,
with a checksum and a passport that says whose they are.
"""

from __future__ import annotations

from ganeval.features import rows, statistics
from ganeval.features.published import Format
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.features.stored import Stored

READERS = {statistics.SCHEMA: Statistics.load, rows.SCHEMA: Features.load}


def _read(stored: Stored) -> Statistics | Features:
    return READERS[stored.metadata["schema"]](stored.path)


OWN = Format(
    "ganeval", "moments, rows, passport: .safetensors", lambda s: s.metadata.get("schema", "") in READERS, _read
)
