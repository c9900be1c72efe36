"""The contracts about imports hold, and each fails as soon as a wrong import is planted under it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import grimp
import pytest
from importlinter.application.use_cases import _register_contract_types, read_user_options
from importlinter.configuration import configure
from importlinter.domain.contract import registry

from ganeval.classifiers import CLASSIFIERS
from ganeval.core.registry import Registry
from ganeval.datasets.dataset import DATASETS
from ganeval.extractors import EXTRACTORS
from ganeval.gate.writer import WRITERS
from ganeval.metrics import METRICS
from ganeval.report.panel import PANELS
from ganeval.runs.reader import READERS
from reference_models.plumbing.system import SYSTEMS

ROOT = Path(__file__).parents[2]
configure()
OPTIONS = read_user_options(str(ROOT / "pyproject.toml"))
_register_contract_types(OPTIONS)
CONTRACTS = {options["name"]: options for options in OPTIONS.contracts_options}
FLOORS = [[room.strip(" ()") for room in floor.split("|")] for floor in CONTRACTS["Arrows point down"]["layers"]]
BY_NAME = {
    "ganeval",
    "ganeval.classifiers",
    "ganeval.cli.completion",
    "ganeval.cli.main",
    "ganeval.core.extras",
    "ganeval.core.registry",
    "ganeval.gate.ranges",
    "ganeval.integrations.needed",
}
TORCH_FREE = ("core", "datasets", "errors", "gate", "images", "records", "report", "runs")
Edge = tuple[str, str]

CIRCLE = "No circle, not even one hidden by a late import"
RECORDS = "Report and gate read records only"
TORCH = "Report, gate and what they stand on never load torch"
DOOR = "Nobody inside comes in by the front door"
MUTANTS: dict[str, list[list[Edge]]] = {
    DOOR: [[("ganeval.metrics.kernel", "ganeval")], [("ganeval.cli.gate", "ganeval.__main__")]],
    CIRCLE: [
        [("ganeval.datasets._search", "ganeval.datasets.dataset")],
        [("reference_models.plumbing.data", "reference_models.plumbing.points")],
        [("reference_models.plumbing.data", "reference_models.plumbing.stacked")],
        [("ganeval.gate.rule", "ganeval.gate.rules")],
        [
            ("ganeval.records.signature", "ganeval.records.scores"),
            ("ganeval.records.scores", "ganeval.records.signature"),
        ],
        [("studies.page", "studies.trained"), ("studies.trained", "studies.page")],
        [("benchmarks.timing", "benchmarks.growth"), ("benchmarks.growth", "benchmarks.timing")],
    ],
    "The library never imports the reference models": [
        [("ganeval.measure.measure", "reference_models")],
        [("ganeval.cli.report", "reference_models.plumbing.system")],
    ],
    "Nothing imports the studies": [
        [("ganeval.cli.demo", "studies.example")],
        [("reference_models.bands.check", "studies.bands.fit")],
        [("benchmarks.suite", "studies.page")],
    ],
    "Nothing imports the benchmarks": [
        [("ganeval.measure.doctor", "benchmarks.timing")],
        [("reference_models.plumbing.system", "benchmarks.trainers")],
        [("studies.page", "benchmarks.timing")],
    ],
    RECORDS: [
        *([("ganeval.gate.commands", f"ganeval.{room}")] for room in ("measure", "metrics", "features", "images")),
        *([("ganeval.report.panels.curves", f"ganeval.{room}")] for room in ("measure", "classifiers", "extractors")),
        [("ganeval.report.view", "ganeval.datasets.dataset")],
        [("ganeval.gate.judge", "ganeval.measure.measure")],
        [("ganeval.numerics.intervals", "ganeval.measure.functions")],  # through others
    ],
    TORCH: [
        [("ganeval.gate.judge", "torch")],
        [("ganeval.report.panels.samples", "torch")],
        [("ganeval.report.build", "torchvision")],
        [("ganeval.numerics.intervals", "torch")],  # through others
        [("ganeval.gate.power", "ganeval.numerics.roots")],
        *([(f"ganeval.{module}", "torch")] for module in ("core.files", "errors", "records.scores", "runs.directory")),
        [("ganeval.datasets.hoda", "torch")],
    ],
    "Images load torch only where tensors and generators come in": [
        [("ganeval.images.folders", "torch")],
        [("ganeval.images", "torch")],
        [("ganeval.images.arrays", "ganeval.numerics.resize")],  # through others
    ],
    "One trainer knows the run directory alone": [
        [("reference_models.plain_gan", "reference_models.plumbing.session")],
        [("reference_models.plain_gan", "reference_models.controls.record")],
        [("reference_models.plain_gan", "ganeval.measure.functions")],
        [("reference_models.plain_gan", "ganeval.features.extraction")],
    ],
    "Bridges do not know their siblings": [
        [("ganeval.integrations.torchmetrics", "ganeval.integrations.lightning")],
        [("ganeval.integrations.lightning", "ganeval.integrations.loggers.csv")],
        [("ganeval.integrations.loggers.wandb", "ganeval.integrations.huggingface")],
    ],
    "Loggers do not know their siblings": [
        [("ganeval.integrations.loggers.wandb", "ganeval.integrations.loggers.mlflow")],
        [("ganeval.integrations.loggers.csv", "ganeval.integrations.loggers.tensorboard")],
    ],
}
SIBLINGS: dict[str, Registry] = {
    "Metrics": METRICS,
    "Probes": METRICS,
    "Extractors": EXTRACTORS,
    "Classifiers": CLASSIFIERS,
    "Data sets": DATASETS,
    "Panels": PANELS,
    "Readers": READERS,
    "Writers": WRITERS,
    "Trainers": SYSTEMS,
}


def members(kind: str) -> list[str]:
    """The modules of a registry that hold what it collects; those of metrics lie in two rooms."""
    found, package = SIBLINGS[kind], SIBLINGS[kind].package
    paths = importlib.import_module(package).__path__
    names = [m.name for m in pkgutil.walk_packages(paths, f"{package}.") if not m.name.endswith("__main__")]
    holding = [name for name in names if any(isinstance(x, found.kind) for x in vars(_module(name)).values())]
    return [name for name in holding if kind not in ("Metrics", "Probes") or (".probes." in name) == (kind == "Probes")]


def _module(name: str):
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*OPTIONS.session_options["root_packages"], include_external_packages=True, cache_dir=None)


def holds(graph: grimp.ImportGraph, name: str, *planted: Edge) -> bool:
    changed = deepcopy(graph)
    for importer, imported in planted:
        assert importer in changed.modules, f"{importer} is no module any more: mend this mutant"
        changed.add_import(importer=importer, imported=imported)
    options = CONTRACTS[name]
    contract = registry.get_contract_class(options["type"])(name, OPTIONS.session_options, options)
    return contract.check(changed, verbose=False).kept


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_contract_holds_and_has_a_mutant(graph: grimp.ImportGraph, name: str) -> None:
    assert holds(graph, name)
    tried = {"Arrows point down", *MUTANTS, *(f"{kind} do not know their siblings" for kind in SIBLINGS)}
    assert name in tried


@pytest.mark.parametrize(("name", "planted"), [(name, edges) for name, all_ in MUTANTS.items() for edges in all_])
def test_a_wrong_import_breaks_its_contract(graph: grimp.ImportGraph, name: str, planted: list[Edge]) -> None:
    assert not holds(graph, name, *planted)


def upwards() -> Iterator[Edge]:
    """Every arrow from a room to one above it or beside it."""
    for index, floor in enumerate(FLOORS):
        for room in floor:
            above = [other for upper in FLOORS[:index] for other in upper]
            beside = [other for other in floor if other != room]
            yield from ((f"ganeval.{room}", f"ganeval.{other}") for other in (*above, *beside))


def test_every_arrow_up_or_to_the_side_breaks_the_floors(graph: grimp.ImportGraph) -> None:
    assert [edge for edge in upwards() if holds(graph, "Arrows point down", edge)] == []


def test_a_room_without_a_floor_breaks_the_floors(graph: grimp.ImportGraph) -> None:
    with_attic = deepcopy(graph)
    with_attic.add_module("ganeval.attic")
    assert not holds(with_attic, "Arrows point down")


def test_the_house_has_at_most_ten_floors_and_sixteen_rooms() -> None:
    assert len(FLOORS) <= 10
    assert sum(path.is_dir() and path.name[0] != "_" for path in (ROOT / "ganeval").iterdir()) <= 16


@pytest.mark.parametrize("kind", SIBLINGS)
def test_no_member_may_import_the_next(graph: grimp.ImportGraph, kind: str) -> None:
    name, modules = f"{kind} do not know their siblings", members(kind)
    assert len(modules) > 2
    planted = [*pairwise(modules), (modules[-1], modules[0])]
    assert [edge for edge in planted if holds(graph, name, edge)] == []


def test_no_module_reaches_itself_through_others(graph: grimp.ImportGraph) -> None:
    """Beyond the contract: circles by way of a package's own `__init__` too."""
    ours = [module for module in graph.modules if not graph.is_module_squashed(module)]
    circles = [
        (a, b)
        for a in ours
        for b in graph.find_modules_directly_imported_by(a)
        if b in ours and graph.chain_exists(importer=b, imported=a)
    ]
    assert circles == []


def test_late_imports_are_arrows_too(graph: grimp.ImportGraph) -> None:
    assert graph.direct_import_exists(importer="ganeval.images.generated", imported="torch")


def test_what_must_not_load_torch_runs_where_there_is_none() -> None:
    rooms = [f"ganeval.{room}" for room in TORCH_FREE]
    code = (
        "import importlib, pkgutil, sys\n"
        "sys.modules['torch'] = None\n"
        f"for room in {rooms}:\n"
        "    found = importlib.import_module(room)\n"
        "    for module in pkgutil.walk_packages(getattr(found, '__path__', []), room + '.'):\n"
        "        importlib.import_module(module.name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_imports_that_no_graph_sees_stand_in_known_places_only() -> None:
    """By name where a registry or a lazy door needs it; torch by way of safetensors only above the rooms without it."""
    by_name, torch = set(), set()
    for package in ("ganeval", "reference_models"):
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.Name, ast.Attribute)):
                    called = node.id if isinstance(node, ast.Name) else node.attr
                    by_name |= {module} if called in ("import_module", "__import__", "find_spec", "exec") else set()
                if isinstance(node, ast.ImportFrom) and node.module == "safetensors.torch":
                    torch.add(module)
    assert by_name <= BY_NAME
    assert [module for module in torch if module.startswith(tuple(f"ganeval.{room}" for room in TORCH_FREE))] == []
