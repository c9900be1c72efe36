"""Where only the core is installed, records are judged and shown, and whatever needs more says which extra it needs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ganeval
from benchmarks.reliability.outputs import furnish
from benchmarks.reliability.records import evaluation
from ganeval.core.extras import EXTRA, SOLD_AS, require
from ganeval.core.folders import cache_root
from ganeval.core.listing import listed
from ganeval.errors import GanevalError, MissingExtraError
from ganeval.records.scores import Evaluation
from ganeval.runs.directory import create_run

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ABSENT = (*EXTRA, "torchvision", "torch_fidelity")
HIDE = f"""
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, path=None, target=None: None if name in {ABSENT} else find(name, path, target)
"""
DOORS = (
    "classifiers",
    "extractors",
    "features",
    "generators",
    "measure",
    "metrics",
)  # rooms that say at once what they need
BELOW = ("numerics",)  # arithmetic: those who use its torch stand behind a door


def core(code: str, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, in which nothing but the core can be imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", HIDE + code, *words]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, cwd=cwd, env=environment
    )


def ganeval_core(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return core("from ganeval.cli.main import main\nsys.exit(main())", *words, cwd=cwd)


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[>=]", requirement)[0] for requirement in requirements}


def test_the_extras_are_those_of_the_package() -> None:
    extras = PROJECT["optional-dependencies"]
    for library, extra in EXTRA.items():
        assert SOLD_AS.get(library, library) in names(extras[extra])
    assert set(EXTRA.values()) == set(extras["all"][0].partition("[")[2].rstrip("]").split(","))
    assert not names(PROJECT["dependencies"]) & {"torch", "torchvision", "torch-fidelity", "scipy", "matplotlib"}


def test_every_public_name_works_or_names_its_extra() -> None:
    code = (
        "import json, ganeval\nsaid = {}\n"
        "for name in ganeval.__all__:\n"
        "    try: getattr(ganeval, name)\n"
        "    except ganeval.GanevalError as error: said[name] = [str(error), isinstance(error, ImportError)]\n"
        "print(json.dumps([list(ganeval.__all__), said]))"
    )
    done = core(code)
    everything, said = json.loads(done.stdout)
    assert sorted(everything) == sorted(ganeval.__all__)
    assert set(listed_names("metrics")) <= set(said)
    assert {"Score", "Evaluation", "Protocol", "Compute", "image_set", "DATASETS"}.isdisjoint(said)
    assert all('pip install "ganeval[torch]"' in text and kind for text, kind in said.values())


def listed_names(room: str) -> list[str]:
    return [one.name for one in listed(room)]


MORE = (
    "from ganeval import fid",
    "import ganeval.metrics.kernel",
    "from ganeval.classifiers import train_classifier",
    "import ganeval; ganeval.image_set('digits:test')",
    "import ganeval; ganeval.image_set(lambda n, labels, rng: None, n=4)",
    "import ganeval; ganeval.measure('digits:test', ganeval.Protocol())",
    (
        "import os; os.environ.update(GANEVAL_DATA='', XDG_CACHE_HOME='/none'); import ganeval; "
        "ganeval.image_set('mnist:test')"
    ),
    "from ganeval.distributed import current",
    "import ganeval.integrations.torchmetrics",
    "import ganeval.integrations.watch",
    "import ganeval; ganeval.image_set('s3://bucket/images')",
    "import ganeval; ganeval.image_set('shard-{000..002}.tar')",
    *(f"import ganeval.{room}" for room in DOORS),
)


def test_what_needs_more_is_a_sentence() -> None:
    code = (
        f"for code in {MORE}:\n    try: exec(code)\n    except Exception as error: print(type(error).__name__, error)"
    )
    said = core(code).stdout.splitlines()
    assert len(said) == len(MORE)
    for line in said:
        assert line.startswith("MissingExtraError ")
        assert re.search(r', not installed here: pip install "ganeval\[(torch|remote)\]".$', line)


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "--real", "digits:test", "--fake", "digits:train", "--classifier", "digits"),
        ("demo",),
        ("doctor", "--real", "digits:train"),
        ("calibrate", "--generator", "os:getcwd"),
        ("zoo", "list"),
    ],
)
def test_a_verb_that_measures_is_one_line_and_exit_code_three(words: tuple[str, ...], tmp_path: Path) -> None:
    done = ganeval_core(*words, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith('not installed here: pip install "ganeval[torch]".\n')
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results, a baseline, rules and a run of two steps, as another machine left them."""
    folder = tmp_path_factory.mktemp("kept")
    furnish(folder)
    run = create_run(folder / "runs", "of two steps", config={}, seeds={}, protocol={})
    for step in (1, 2):
        run.write_evaluation(evaluation(step, 3.0), step)
    return folder


@pytest.mark.parametrize(("result", "code"), [("ok.json", 0), ("worse.json", 1)])
def test_a_gate_judges_records(kept: Path, result: str, code: int) -> None:
    judged = ganeval_core("gate", result, "--json", "verdict.json", cwd=kept)
    assert (judged.returncode, judged.stderr) == (code, "")
    assert json.loads((kept / "verdict.json").read_text())["exit_code"] == code


def test_a_record_is_read(kept: Path) -> None:
    done = core(
        "from ganeval import Evaluation; print(float(Evaluation.read(sys.argv[1])['kid']))", str(kept / "ok.json")
    )
    assert float(done.stdout) == float(Evaluation.read(kept / "ok.json")["kid"])


def test_a_report_is_written_and_says_what_draws_its_charts(kept: Path) -> None:
    done = ganeval_core("report", "runs", "--out", "page.html", cwd=kept)
    assert done.returncode == 0, done.stderr
    assert "Only evaluations that are there already are shown." in done.stderr
    page = (kept / "page.html").read_text(encoding="utf-8")
    assert "pip install &#34;ganeval[plot]&#34;" in page
    assert "could not be drawn" not in page


def test_a_report_that_was_told_to_measure_does_not_go_on_without(kept: Path) -> None:
    done = ganeval_core("report", "runs", "--extractor", "pixels", "--out", "none.html", cwd=kept)
    assert (done.returncode, "ganeval[torch]" in done.stderr) == (3, True)
    assert not (kept / "none.html").exists()


@pytest.mark.parametrize("kind", ["metrics", "extractors", "classifiers"])
def test_what_is_registered_can_be_read_from_the_files(kind: str) -> None:
    from ganeval.classifiers import CLASSIFIERS
    from ganeval.extractors import EXTRACTORS
    from ganeval.metrics import METRICS

    registry = {"metrics": METRICS, "extractors": EXTRACTORS, "classifiers": CLASSIFIERS}[kind]
    assert listed_names(kind) == registry.names()
    for one, thing in zip(listed(kind), registry, strict=True):
        assert one.card == getattr(thing, "card", "")
        keys = ("better", "question", "paper") if kind == "metrics" else ("summary",)
        assert [one.said[key] for key in keys] == [getattr(thing, key) for key in keys]


def test_ls_needs_no_torch() -> None:
    shown = ganeval_core("ls", "metrics")
    assert shown.returncode == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:]] == listed_names("metrics")


def guarded(tree: ast.Module) -> set[ast.AST]:
    """Imports for types alone, and those in a function of a file that asks first whether the library is there."""
    asks = any(
        getattr(node.func, "id", "") in ("require", "is_installed")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    )
    late = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and asks]
    types = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {inner for node in (*late, *types) for inner in ast.walk(node)}


def test_no_import_of_an_optional_library_stands_unguarded() -> None:
    found = []
    behind = {"torchmetrics.py", "open_clip.py"}  # modules with a door of their own
    for path in sorted((ROOT / "ganeval").rglob("*.py")):
        if path.name in behind:
            continue
        room = path.relative_to(ROOT / "ganeval").parts[0]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        allowed = guarded(tree)
        for node in ast.walk(tree):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            optional = [m for m in modules if m.partition(".")[0] in ABSENT]
            if optional and room not in (*DOORS, *BELOW) and node not in allowed:
                found.append((path.name, *optional))
    assert found == []


def test_torchvision_and_torch_fidelity_are_not_imported_by_what_is_installed() -> None:
    for path in (*(ROOT / "ganeval").rglob("*.py"), *(ROOT / "reference_models").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = (
                [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "") or ""]
            )
            assert not [m for m in modules if m.partition(".")[0] in ("torchvision", "torch_fidelity")], path


def test_what_is_missing_is_an_import_error_and_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        MissingExtraError, match=r'needs matplotlib and scikit-learn, .*"ganeval\[plot,torch\]"'
    ) as caught:
        require("matplotlib", "sklearn", what="This")
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, GanevalError)


@pytest.mark.parametrize(("system", "place"), [("linux", ".cache/ganeval"), ("darwin", "Library/Caches/ganeval")])
def test_the_cache_lies_where_the_system_keeps_caches(system: str, place: str, tmp_path: Path) -> None:
    code = (
        f"import os, sys\nsys.platform = {system!r}\nos.environ.pop('XDG_CACHE_HOME', None)\nfrom ganeval.core.folders "
        "import cache_root\nprint(cache_root())"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert Path(done.stdout.strip()) == tmp_path / place


def test_a_named_place_for_caches_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "ganeval"
