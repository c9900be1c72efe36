"""`mnist-cgan`: handwritten digits, 28x28 grey, by their class."""

from __future__ import annotations

from ganeval.generators.shipped import GeneratorSpec

GENERATOR = GeneratorSpec("mnist-cgan", "handwritten digits, 28x28 grey, by their class")
