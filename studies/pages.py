"""Every page that is generated without a training and that tests compare with the tree; after any change to the tree.

A new metric, panel, reader, data set, classifier or trainer is one file. These pages then say that it is there.
"""

from __future__ import annotations

from pathlib import Path

from studies import architecture, bad_inputs, choose, faults, guide, metrics, zoo
from studies.bands.__main__ import main as write_bands
from studies.page import DOCS


def main() -> Path:
    """Write them all; returns their folder."""
    for study in (metrics, choose, bad_inputs, faults, guide, zoo, architecture):
        study.main()
    write_bands(train=False)
    return DOCS
