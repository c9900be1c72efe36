"""The gate inside pytest: fixtures `ganeval_gate`, `ganeval_eval`, `ganeval_latents`, `ganeval_baseline_dir`.

Loaded at the start of every pytest run where ganeval is installed, so nothing but pytest and the standard library is
imported before a test asks for a fixture. Tests that use the fixtures carry the marker `ganeval` (deselect with
`-m "not ganeval"`). Files are written by the controlling process only: under pytest-xdist a worker hands its baselines
over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ganeval.errors import GanevalError, sentence

if TYPE_CHECKING:
    from ganeval.gate.rules import GateConfig
    from ganeval.gate.update import Update
    from ganeval.gate.verdict import Verdict
    from ganeval.records.protocol import Protocol
    from ganeval.records.scores import Evaluation

HEAVY = {"ganeval_gate", "ganeval_eval"}
MARKER = "ganeval(n, alpha, generator, real, classifier, extractor, metrics): evaluates a generator; heavy"
OUTPUT = "ganeval_state"


@dataclass
class State:
    """What one process collects: files to write, baselines that were read, evaluations that can be reused."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    clashes: list[str] = field(default_factory=list)
    evaluations: dict[Any, tuple[Evaluation, Any]] = field(default_factory=dict)

    def write(self, path: Path, content: bytes | None) -> None:
        key = str(path)
        if key in self.files and self.files[key] not in (content, None):
            self.clashes.append(
                f"Two tests write {path.name} with different content; give their gates different names."
            )
        self.files[key] = content


PLAIN = (str, int, float, bool, type(None))
STATE = pytest.StashKey[State]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ganeval", "evaluation of image generators")
    group.addoption(
        "--ganeval-update-baseline",
        metavar="REASON",
        default=None,
        help="replace the baselines of the gates that run; the reason is stored",
    )
    group.addoption(
        "--ganeval-update-new-only",
        action="store_true",
        help="with --ganeval-update-baseline: write only baselines that do not exist yet",
    )
    group.addoption("--ganeval-accept-regression", action="store_true", help="with --ganeval-update-baseline")
    group.addoption("--ganeval-force", action="store_true", help="update from a working tree with changes")
    group.addoption("--ganeval-allow-ci-update", action="store_true", help="update although CI is set")
    group.addoption(
        "--ganeval-report-dir",
        metavar="DIR",
        default=None,
        help="write NAME.json and NAME.md of every gate into this folder",
    )
    group.addoption("--ganeval-n", metavar="N", type=int, default=None, help="images at the first look, for all gates")
    group.addoption("--ganeval-skip", action="store_true", help="skip tests that evaluate a generator")
    parser.addini("ganeval_baseline_dir", "folder of the baselines, relative to the rootdir", default="baselines")
    parser.addini("ganeval_real", "real images, for example hoda:test", default="")
    parser.addini("ganeval_classifier", "the classifier, for example hoda", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    config.stash[STATE] = State()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="--ganeval-skip") if config.getoption("--ganeval-skip") else None
    for item in items:
        if HEAVY & set(getattr(item, "fixturenames", ())):
            item.add_marker("ganeval")
            if skip is not None:
                item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The controller of pytest-xdist takes over what a worker collected."""
    sent = getattr(node, "workeroutput", {}).get(OUTPUT)
    if sent is None:
        return
    state = node.config.stash[STATE]
    state.used |= set(sent["used"])
    state.clashes += sent["clashes"]
    for path, content in sent["files"]:
        state.write(Path(path), content)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    state = session.config.stash[STATE]
    if _is_worker(session.config):
        workeroutput: dict[str, Any] = session.config.workeroutput  # pyright: ignore[reportAttributeAccessIssue]
        workeroutput[OUTPUT] = {
            "used": sorted(state.used),
            "clashes": state.clashes,
            "files": list(state.files.items()),
        }
        return
    if state.files:
        _write_all(session, state)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    state = config.stash[STATE]
    lines = [
        *state.clashes,
        *(f"wrote {Path(path).name}" for path, content in sorted(state.files.items()) if content is not None),
    ]
    if state.used:
        lines += [f"{path.name}: no gate of this run used it" for path in _unused(config, state)]
    if lines:
        terminalreporter.section("ganeval")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def ganeval_baseline_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of the baselines: `ganeval_baseline_dir` of the configuration, else `baselines` in the rootdir."""
    return pytestconfig.rootpath / pytestconfig.getini("ganeval_baseline_dir")


@pytest.fixture(scope="session")
def ganeval_generator() -> Callable[..., Any] | None:
    """The generator behind `ganeval_eval`: override this fixture, or name it in the marker."""
    return None


@pytest.fixture(scope="session")
def ganeval_latents() -> Callable[..., Any]:
    """`ganeval_latents(seed, n=, dim=)`: standard normal latents, float32 (n, dim), the same on every machine
    (Philox).
    """
    return latents


def _told_apart(value: Any) -> Any:
    """Something hashable: settings are the same when they look the same,
    arrays and networks when they are one object.
    """
    if isinstance(value, Mapping):
        return tuple((key, _told_apart(part)) for key, part in value.items())
    if isinstance(value, (tuple, list)):
        return tuple(map(_told_apart, value))
    return value if isinstance(value, PLAIN) else id(value)


@pytest.fixture
def ganeval_eval(request: pytest.FixtureRequest, ganeval_generator: Callable[..., Any] | None) -> Evaluation:
    """The `Evaluation` of the generator, measured once a session for equal settings: `ganeval_eval["fid"].value`."""
    from ganeval.measure.generators import load_generator, sampler

    given = _marked(request)
    generator = given.pop("generator", None) or ganeval_generator
    protocol = _protocol(request, given)
    if generator is None or protocol.real is None:
        pytest.fail(
            "ganeval_eval needs a generator and real images: override the fixture ganeval_generator or pass generator= "
            "to @pytest.mark.ganeval, and set real= there or ganeval_real in the configuration.",
            pytrace=False,
        )
    cache = request.config.stash[STATE].evaluations
    key = (id(generator), _told_apart(vars(protocol)))
    if key not in cache:
        draw = load_generator(generator) if isinstance(generator, str) else generator
        cache[key] = sampler(draw, protocol)(protocol.n or 4000), (generator, protocol)  # kept, so that no id is reused
    return cache[key][0]


@pytest.fixture
def ganeval_gate(request: pytest.FixtureRequest, ganeval_baseline_dir: Path) -> Callable[..., Verdict]:
    """`ganeval_gate(candidate, name="cgan", rules="strict")`: the verdict, or a failed test with the table of the
    rules.

    candidate: a generator `(n, labels, torch.Generator) -> images`, an `Evaluation`, or the path of a run.
    rules: "default", "strict", the path of a ganeval.toml, a list of tables, or a `GateConfig`.
    The rest (real, classifier, extractor, n, max_n, looks, alpha, on_inconclusive, ...) overrides the configuration.
    Without a baseline the test fails and NAME.candidate.json is written beside where the baseline belongs.
    """

    def gate(candidate: Any, *, name: str, rules: Any = "default", **options: Any) -> Verdict:
        from ganeval.gate.commands import run_gate

        if not isinstance(name, str):
            raise GanevalError(f"A gate's name must be a text, which names its baseline; got {name!r}.")
        state = request.config.stash[STATE]
        config = _gate_config(request, candidate, rules, ganeval_baseline_dir, name, options)
        path = config.resolve(config.baseline or "")
        state.used.add(path.name)
        outcome = run_gate(
            _candidate(candidate, config),
            config,
            update=_update(request.config, path),
            write=state.write,
            outputs=_outputs(request.config, name),
        )
        if outcome.exit_code:
            pytest.fail(f"exit code {outcome.exit_code}\n{_in_pytest(outcome.text)}", pytrace=False)
        return outcome.verdict

    return gate


def latents(seed: int, *, n: int, dim: int) -> Any:
    """Standard normal latents: float32 (n, dim). The first rows of a longer draw are the shorter draw.

    >>> latents(0, n=2, dim=3).tolist() == latents(0, n=5, dim=3)[:2].tolist()
    True
    """
    import numpy as np

    from ganeval.core.options import checked_whole

    seed, shape = checked_whole(seed, "seed", 0), (checked_whole(n, "n", 0), checked_whole(dim, "dim", 1))
    return np.random.Generator(np.random.Philox(seed)).standard_normal(shape, dtype=np.float32)


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's marker says."""
    marker = request.node.get_closest_marker("ganeval")
    return {
        key: value for key, value in (marker.kwargs if marker else {}).items() if value is not None and key != "alpha"
    }


def _protocol(request: pytest.FixtureRequest, given: dict[str, Any], *more: tuple[str, Any]) -> Protocol:
    """--ganeval-n over what the test says over `more` over the ini file."""
    from ganeval.records.protocol import Protocol

    ini = {name: request.config.getini(f"ganeval_{name}") or None for name in ("real", "classifier")}
    option = {"n": request.config.getoption("--ganeval-n")}
    return Protocol.layered(("--ganeval-n", option), ("the test", given), *more, ("pytest's ini file", ini))[0]


def _gate_config(
    request: pytest.FixtureRequest, candidate: Any, rules: Any, folder: Path, name: str, options: dict[str, Any]
) -> GateConfig:
    from ganeval.gate.rules import MEASURED

    marker = request.node.get_closest_marker("ganeval")
    given = {key: value for key, value in (marker.kwargs if marker else {}).items() if value is not None} | options
    own = {key: value for key, value in given.items() if key not in MEASURED and key not in ("generator", "metrics")}
    said = {key: value for key, value in given.items() if key in MEASURED}
    asked = _protocol(request, said)
    config = _rules(rules, judged=_judged(candidate, asked), trained=_trained(candidate, asked))
    protocol = _protocol(request, said, ("the rules", config.protocol.to_json()))
    baseline = config.baseline or str(folder / f"{_file_name(name)}.json")
    return config.with_(**{"name": name, "baseline": baseline, "protocol": protocol, **own})


def _trained(candidate: Any, protocol: Protocol) -> bool:
    return protocol.train is not None or "train" in getattr(candidate, "sets", {})


def _rules(rules: Any, *, judged: bool, trained: bool) -> GateConfig:
    from ganeval.gate.presets import PRESETS, preset
    from ganeval.gate.rules import GateConfig, GateConfigError, load_config, parse_config

    if isinstance(rules, GateConfig):
        return rules
    if isinstance(rules, Path) or (isinstance(rules, str) and rules not in PRESETS and rules.endswith(".toml")):
        return load_config(rules)
    if isinstance(rules, str):
        return GateConfig(rules=preset(rules, judged=judged, trained=trained))
    if not isinstance(rules, (list, tuple)) or not all(isinstance(rule, Mapping) for rule in rules):
        said = "rules must be 'default', 'strict', the path of a ganeval.toml, or tables such as {'metric': 'fid'}"
        raise GateConfigError(f"{said}; got {rules!r:.100}.")
    return parse_config({"rule": [dict(rule) for rule in rules]})


def _judged(candidate: Any, protocol: Protocol) -> bool:
    scores = getattr(candidate, "scores", None)
    if scores is not None:
        return "classifier_score" in scores
    return protocol.classifier is not None or not callable(candidate)


def _candidate(candidate: Any, config: GateConfig) -> Any:
    from ganeval.gate.candidate import read_candidate
    from ganeval.records.scores import Evaluation

    if isinstance(candidate, Evaluation):
        return [candidate]
    if isinstance(candidate, (str, Path)):
        return [read_candidate(Path(candidate), config)]
    if config.protocol.real is None:
        pytest.fail(
            "A generator needs real images: ganeval_gate(generator, name=..., real='hoda:test').", pytrace=False
        )
    from ganeval.measure.generators import sampler

    return sampler(candidate, config.measured, name=config.name)


_OPTIONS = {
    "--update-baseline --reason '...'": "--ganeval-update-baseline '...'",
    "--reason '": "--ganeval-update-baseline '",
    **{
        f"--{name}": f"--ganeval-{name}"
        for name in ("allow-ci-update", "accept-regression", "force", "update-baseline")
    },
}  # what the gate's advice is called on pytest's command line


def _in_pytest(advice: str) -> str:
    """
    >>> _in_pytest("accept it with --update-baseline --reason '...'; --force allows it.")
    "accept it with --ganeval-update-baseline '...'; --ganeval-force allows it."
    """
    for ours, theirs in _OPTIONS.items():
        advice = advice.replace(ours, theirs)
    return advice


_FLAGS = {
    "allow_ci": "allow-ci-update",
    "force": "force",
    "accept_regression": "accept-regression",
    "new_only": "update-new-only",
}


def _update(config: pytest.Config, path: Path) -> Update | None:
    from ganeval.gate.update import RefusedError, Update, require_allowed

    reason = config.getoption("--ganeval-update-baseline")
    flags = {name: bool(config.getoption(f"--ganeval-{option}")) for name, option in _FLAGS.items()}
    if reason is None or (flags["new_only"] and path.exists()):
        return None
    update = Update(reason=str(reason), **flags)  # pyright: ignore[reportArgumentType] - no flag is a path
    try:
        require_allowed(update, path)
    except RefusedError as error:
        raise RefusedError(_in_pytest(str(error))) from None
    return update


def _outputs(config: pytest.Config, name: str) -> dict[str, Path]:
    folder = config.getoption("--ganeval-report-dir")
    if folder is None:
        return {}
    base = Path(folder) / _file_name(name)
    return {"json": base.with_suffix(".json"), "markdown": base.with_suffix(".md")}


def _file_name(name: str) -> str:
    import re

    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:100] or "gate"


def _write_all(session: pytest.Session, state: State) -> None:
    from ganeval.gate.baseline import store
    from ganeval.gate.lock import locked

    baselines = sorted(Path(path) for path in state.files if path.endswith(".json"))
    with ExitStack() as held:
        try:
            for path in baselines:  # two sessions that end at once take turns, each with all files of its baselines
                held.enter_context(locked(path))
            for path, content in state.files.items():
                store(Path(path), content)
        except (OSError, GanevalError) as error:
            state.clashes.append(f"The baselines could not be written: {sentence(error)}")
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
    if state.clashes and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unused(config: pytest.Config, state: State) -> list[Path]:
    folder = config.rootpath / config.getini("ganeval_baseline_dir")
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [path for path in found if path.name not in state.used and not path.name.endswith(".candidate.json")]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
