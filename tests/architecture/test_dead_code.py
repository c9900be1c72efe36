"""Code that only tests use, or nobody, goes: every function, class and constant has a user in the project itself."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKED = ("ganeval", "reference_models")  # what is installed
USERS = (*CHECKED, "studies", "benchmarks")
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
ALLOWED = {
    "ganeval.classifiers.wrapping.Settled.extra_repr": "torch prints a module with it",
    "ganeval.datasets.cifar10._ArraysOnly.find_class": "the unpickler that takes arrays alone asks it",
    "ganeval.classifiers.sklearn_member.hog_transformer": "a step for the pipelines that people hand to wrap_sklearn",
    "ganeval.records.scores.Evaluation.to_frame": "for the cells of a notebook",
    "ganeval.records.scores.Evaluation.to_latex": "for papers",
    "ganeval.integrations.lightning.GenerativeEvaluation.on_train_batch_end": "Lightning calls it",
    "ganeval.integrations.lightning.GenerativeEvaluation.on_train_start": "Lightning calls it",
    "ganeval.integrations.lightning.GenerativeEvaluation.state_key": "Lightning asks it, to tell two callbacks apart",
    "ganeval.integrations.torchmetrics.GanevalMetric._sync_dist": "torchmetrics calls it",
    "ganeval.integrations.torchmetrics.GanevalMetric._apply": "torch calls it",
    "ganeval.integrations.torchmetrics.GanevalMetric.higher_is_better": "torchmetrics reads it",
    "ganeval.integrations.ray.embed_parts": "for scripts on a cluster",
    "reference_models.plumbing.walking.open_generator": "typed after --generator of ganeval-report",
}


@dataclass(frozen=True)
class Defined:
    """A name at the top level of a module, or of a class there (`owner`)."""

    module: str
    name: str
    owner: str
    node: ast.stmt

    def __str__(self) -> str:
        return f"{self.module}.{self.owner}{'.' if self.owner else ''}{self.name}"


@cache
def trees() -> dict[str, ast.Module]:
    """Every module that may use something, without its docstrings: an example is no use."""
    found = {}
    for package in USERS:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, (*DEFINITIONS, ast.Module)) and ast.get_docstring(node, clean=False) is not None:
                    node.body[0] = ast.Pass()
            found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = tree
    return found


def definitions(module: str, tree: ast.Module) -> Iterator[Defined]:
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            yield Defined(module, node.name, "", node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (Defined(module, t.id, "", node) for t in targets if isinstance(t, ast.Name))
        if isinstance(node, ast.ClassDef):
            yield from (Defined(module, m.name, node.name, m) for m in node.body if isinstance(m, ast.FunctionDef))


def names(tree: ast.AST) -> Counter[str]:
    return Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def loose(tree: ast.AST) -> Counter[str]:
    """Attributes, keywords and whole texts: what may mean a name of any module."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.keyword) and node.arg:
            found[node.arg] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update({node.value} if node.value.isidentifier() else ())
    return found


def imported(module: str, tree: ast.Module) -> set[tuple[str, str]]:
    return {
        (node.module or module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def unused(modules: dict[str, ast.Module]) -> list[str]:
    """Names without a user; one inside its own definition does not count."""
    taken = {pair for module, tree in modules.items() for pair in imported(module, tree)}
    anywhere: Counter[str] = Counter()
    for tree in modules.values():
        anywhere.update(loose(tree))
    templates = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "ganeval").rglob("*.html"))
    found = []
    for module, tree in modules.items():
        here = names(tree)
        for one in definitions(module, tree) if module.partition(".")[0] in CHECKED else ():
            direct = not one.owner and (here[one.name] > names(one.node)[one.name] or (module, one.name) in taken)
            if direct or anywhere[one.name] > loose(one.node)[one.name] or one.name in templates:
                continue
            if not (one.name.startswith(("__", "_repr_html_")) or _registered(one) or _offered(one)):
                found.append(str(one))
    return found


@cache
def left() -> set[str]:
    """What of the project has no user."""
    return set(unused(trees()))


def _offered(one: Defined) -> bool:
    """A bridge is called by its users alone; its page names it."""
    page = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
    return one.module.startswith("ganeval.integrations.") and not one.owner and one.name in page


def _registered(one: Defined) -> bool:
    """What a registry finds, or pytest: decorated as a metric, fault or fixture, named pytest_*, or an instance."""
    if isinstance(one.node, ast.FunctionDef):
        calls = [d.func if isinstance(d, ast.Call) else d for d in one.node.decorator_list]
        return one.name.startswith("pytest_") or any(
            ast.unparse(call) in ("metric", "fault", "pytest.fixture") for call in calls
        )
    value = getattr(one.node, "value", None)
    kinds = (
        "Control",
        "Dataset",
        "ExtractorSpec",
        "_as",  # of the extractors that are Inception with a peer's preprocessing
        "Format",
        "GeneratorSpec",
        "Panel",
        "Reader",
        "System",
        "Writer",
        "Member",
        "member",
    )
    return isinstance(value, ast.Call) and ast.unparse(value.func) in kinds


def test_every_name_has_a_user_besides_tests() -> None:
    assert sorted(left() - set(ALLOWED)) == []


def test_what_is_allowed_would_be_found_otherwise() -> None:
    assert sorted(set(ALLOWED) - left()) == []


def test_a_name_that_only_a_docstring_or_itself_uses_is_found() -> None:
    text = (
        '"""planted()"""\nKEPT = 1\n\ndef planted(n):\n    return planted(n - 1)\n\nclass Planted:\n    def '
        "method(self): ...\n"
    )
    user = "from ganeval.planted import KEPT\n"
    modules = {"ganeval.planted": ast.parse(text), "studies.user": ast.parse(user)}
    modules["ganeval.planted"].body[0] = ast.Pass()
    assert unused(modules) == ["ganeval.planted.planted", "ganeval.planted.Planted", "ganeval.planted.Planted.method"]
