"""Adding a thing is one file: no module names every member of a kind, which would be a second list to edit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganeval.classifiers import CLASSIFIERS
from ganeval.datasets.dataset import DATASETS
from ganeval.extractors import EXTRACTORS
from ganeval.gate.writer import WRITERS
from ganeval.metrics import METRICS
from ganeval.report.panel import PANELS
from ganeval.runs.reader import READERS
from reference_models.plumbing.system import SYSTEMS

ROOT = Path(__file__).parents[2]
MODULES = [
    path
    for package in ("ganeval", "reference_models", "studies", "benchmarks")
    for path in (ROOT / package).rglob("*.py")
]
NOT_ASKED_FOR = {
    "ganeval/gate/commands.py": "each writer that has a flag of its own",
    "benchmarks/trainers.py": "those that are raced",
    "benchmarks/transcriptions.py": "those that are raced",
    "studies/bands/fit.py": "those that have a band",
}


@pytest.mark.parametrize(
    "registry", [METRICS, CLASSIFIERS, EXTRACTORS, DATASETS, PANELS, READERS, WRITERS, SYSTEMS], ids=lambda r: r.noun
)
def test_no_module_lists_every_member(registry) -> None:
    names = [re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])") for name in registry.names()]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in MODULES}
    lists = [path for path, text in texts.items() if all(name.search(text) for name in names)]
    assert sorted(set(lists) - set(NOT_ASKED_FOR)) == []
