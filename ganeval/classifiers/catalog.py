"""The list of classifiers: one file each in this folder, then the entry-point group `ganeval.classifiers`."""

from __future__ import annotations

from ganeval.core.extractor import ExtractorSpec
from ganeval.core.registry import Registry

CLASSIFIERS = Registry(ExtractorSpec, "ganeval.classifiers", "classifier")
