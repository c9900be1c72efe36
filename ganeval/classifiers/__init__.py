"""The zoo: classifiers trained on real data, each an extractor with class names; `CLASSIFIERS` finds them here."""

from __future__ import annotations

from ganeval.extractor import ExtractorSpec
from ganeval.registry import Registry

CLASSIFIERS = Registry(ExtractorSpec, "ganeval.classifiers", "classifier")
