"""ganeval: the evaluation of image generators, with honest errors, offline, on small images too.

>>> import numpy as np
>>> from ganeval import fid
>>> real = np.array([[0.0], [2.0], [4.0]])
>>> round(float(fid(real, real + 1)), 6)  # equal spread, means one apart
1.0

Every registered metric is a function of this module; `evaluate` runs them all. Nothing heavy is loaded by
`import ganeval`: a name is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganeval.classifiers import CLASSIFIERS as CLASSIFIERS
    from ganeval.core.compute import Compute as Compute
    from ganeval.datasets.dataset import DATASETS as DATASETS
    from ganeval.errors import GanevalError as GanevalError
    from ganeval.extractors import EXTRACTORS as EXTRACTORS
    from ganeval.features.extraction import load_extractor as load_extractor
    from ganeval.features.pair import Pair as Pair
    from ganeval.features.rows import Features as Features
    from ganeval.features.statistics import Statistics as Statistics
    from ganeval.gate.comparison import compare as compare
    from ganeval.images import image_set as image_set
    from ganeval.images.imageset import ImageSet as ImageSet
    from ganeval.measure.functions import OneSet, TwoSets
    from ganeval.measure.functions import evaluate as evaluate
    from ganeval.measure.functions import extract as extract
    from ganeval.measure.measure import measure as measure
    from ganeval.measure.meter import Meter as Meter
    from ganeval.metrics import METRICS as METRICS
    from ganeval.records.protocol import Protocol as Protocol
    from ganeval.records.scores import Evaluation as Evaluation
    from ganeval.records.scores import Score as Score
    from ganeval.report.show import show as show

    fid: TwoSets
    kid: TwoSets
    precision: TwoSets
    recall: TwoSets
    density: TwoSets
    coverage: TwoSets
    inception_score: OneSet
    classifier_score: OneSet
    class_balance: OneSet

_HOME = {
    "CLASSIFIERS": "ganeval.classifiers",
    "DATASETS": "ganeval.datasets.dataset",
    "EXTRACTORS": "ganeval.extractors",
    "Evaluation": "ganeval.records.scores",
    "Features": "ganeval.features.rows",
    "GanevalError": "ganeval.errors",
    "ImageSet": "ganeval.images.imageset",
    "METRICS": "ganeval.metrics",
    "Meter": "ganeval.measure.meter",
    "Pair": "ganeval.features.pair",
    "Score": "ganeval.records.scores",
    "Statistics": "ganeval.features.statistics",
    "compare": "ganeval.gate.comparison",
    "evaluate": "ganeval.measure.functions",
    "measure": "ganeval.measure.measure",
    "Protocol": "ganeval.records.protocol",
    "Compute": "ganeval.core.compute",
    "extract": "ganeval.measure.functions",
    "image_set": "ganeval.images",
    "load_extractor": "ganeval.features.extraction",
    "show": "ganeval.report.show",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("ganeval")
    if name == "__all__":
        return _public()
    if name.startswith("_"):
        raise AttributeError(f"module 'ganeval' has no attribute {name!r}")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if importlib.util.find_spec(f"ganeval.{name}") is not None:  # a room of ours, loaded when it is asked for
        return importlib.import_module(f"ganeval.{name}")
    return _door(name)


def __dir__() -> list[str]:
    return [*_public(), "__version__"]


def _public() -> list[str]:
    return sorted({*_HOME, *_metrics()})


def _metrics() -> list[str]:
    """Names of the metrics; where they cannot be loaded, as they stand in the files."""
    from ganeval.core.listing import listed
    from ganeval.errors import MissingExtraError

    try:
        from ganeval.metrics import METRICS
    except MissingExtraError:
        return [one.name for one in listed("metrics")]
    return METRICS.names()


def _door(name: str) -> Any:
    from ganeval.core.extras import MEASURING, require
    from ganeval.core.registry import unknown_name

    if name not in _metrics():
        raise AttributeError(unknown_name("public function or metric", name, _public()))
    require(*MEASURING, what=f"ganeval.{name}")
    from ganeval.measure.functions import function_of

    return function_of(name)
