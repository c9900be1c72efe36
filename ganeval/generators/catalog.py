"""The list of shipped generators: one file each in this folder, then the entry-point group `ganeval.generators`."""

from __future__ import annotations

from ganeval.core.registry import Registry
from ganeval.generators.shipped import GeneratorSpec

GENERATORS = Registry(GeneratorSpec, "ganeval.generators", "shipped generator")
