"""`ganeval init`: a project's first rules, baseline and CI file, from what lies there.

It asks, at a terminal, only what cannot be found out: which of several runs to start from; where there is none, a run,
a result file or a generator; and what a generator is compared with. Everything else has an answer or a default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg

from ganeval.cli.asking import answer, choice
from ganeval.cli.flags import Drawing, compute_of, said
from ganeval.cli.gate import evaluate_run, sampler_of
from ganeval.core.compute import Compute
from ganeval.core.files import open_regular, write_atomic, writing
from ganeval.core.shown import MaybeText, OptionalPath
from ganeval.core.wording import few
from ganeval.errors import MissingFileError, WrongInputError, printable
from ganeval.gate.candidate import read_candidate
from ganeval.gate.commands import GateOptions, gate
from ganeval.gate.pipelines import PLACES, Service, render_pipeline, service_of
from ganeval.gate.rules import FILE, GateConfig
from ganeval.gate.setup import Line, render_rules, rules_before, rules_for
from ganeval.gate.update import RefusedError
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation

ChosenService = Annotated[
    Service | None,
    arg(metavar="{github,gitlab,jenkins}", help_behavior_hint="(default: the one whose file lies here)"),
]
PLAIN = re.compile(r"[\w./@+-]+")
REASON = "The first baseline, written by ganeval init."
FIRST = {"n": 2000, "looks": 2}  # of a gate before a merge, which should not take long


def init(
    measurement: OmitArgPrefixes[Drawing],
    source: Positional[OptionalPath] = None,
    generator: MaybeText = None,
    name: MaybeText = None,
    ci: ChosenService = None,
    force: bool = False,
) -> int:
    """Write ganeval.toml with comments, a first baseline, and the file with which CI runs the gate.

    Without a source the one evaluated run below this folder is taken. What cannot be found out is asked for at a
    terminal; a script passes it: a source, or --generator and --real. Nothing that exists is overwritten without
    --force.

    Args:
        source: The run or the result file that later ones are compared with.
        generator: In place of it: package.module:function, called as function(n, labels, torch.Generator) -> images.
        name: What the gate is called; by default as its source.
        ci: Which CI service.
        force: Overwrite what is there.
    """
    if source is not None and generator is not None:
        raise WrongInputError("Pass either a run or result file, or --generator, not both.")
    if source is None and generator is None:
        source, generator = _found(Path())
    asked = said(measurement, Protocol)
    if generator and not asked.get("real"):
        asked = {**asked, "real": _reference()}
    if generator and not {"classifier", "extractor"} & asked.keys():
        asked = {**asked, **_classifier_for(asked["real"])}
    called = name or (generator.partition(":")[2] if generator else _stem(source))
    if "/" in _plain(called, "The name") or called.startswith("."):
        raise WrongInputError(
            f"The name is a file's name, too, and holds no folder; got {called!r}. Pass another --name."
        )
    service = ci or service_of(Path())
    rules, pipeline, baseline = Path(FILE), Path(PLACES[service]), Path("baselines", f"{called}.json")
    _require_new((rules, pipeline, baseline), force=force)
    keys, lines, judged = _plan(source, generator, asked, called, measurement)
    text = render_rules({**keys, "baseline": baseline.as_posix()}, lines)
    with _kept_if_it_succeeds(rules, text):
        _first_gate(source, rules, asked, compute_of(measurement), force=force)
    with writing(pipeline):
        write_atomic(pipeline, render_pipeline(service, judged=judged, measures=generator is not None).encode())
    print(_summary(rules, baseline, pipeline, lines, judged))
    return 0


@contextmanager
def _kept_if_it_succeeds(path: Path, text: str) -> Iterator[None]:
    """The rules lie there for the gate that writes the baseline; where there is none in the end, they are as before."""
    before = _content(path) if path.exists() else None
    with writing(path):
        write_atomic(path, text.encode())
    try:
        yield
    except BaseException:
        path.unlink() if before is None else write_atomic(path, before)
        raise


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


def _first_gate(source: Path | None, rules: Path, asked: Mapping[str, Any], compute: Compute, *, force: bool) -> None:
    options = GateOptions(
        runs=(source,) if source else (),
        config=rules,
        update_baseline=True,
        reason=REASON,
        force=True,
        allow_ci_update=True,
        accept_regression=force,
    )
    outcome = gate(
        options,
        asked,
        make_sampler=lambda config: sampler_of(config, compute),
        evaluate_run=lambda path, config: evaluate_run(path, config, compute),
    )
    if outcome.exit_code:
        raise RefusedError(f"No baseline was written. {outcome.verdict.sentence}")


def _plan(
    source: Path | None, generator: str | None, asked: Mapping[str, Any], called: str, measurement: Any
) -> tuple[dict[str, Any], list[Line], str]:
    """Keys and rules of the file, and what the gate is told to judge in CI."""
    if source is None:
        keys = {
            "name": called,
            "generator": generator,
            **{key: asked.get(key) for key in ("real", "train", "classifier", "extractor")},
        }
        rules = rules_before(classified=bool(asked.get("classifier")), trained=bool(asked.get("train")))
        return {**keys, **FIRST, **({"n": asked["n"]} if asked.get("n") else {})}, rules, ""
    config = GateConfig(rules=(), protocol=Protocol(floor=False, **asked))
    evaluation = read_candidate(
        source, config, lambda path, config: evaluate_run(path, config, compute_of(measurement))
    )
    return (
        {"name": called, **_told(evaluation)},
        rules_for(evaluation),
        _plain(source.as_posix(), "The path of a source"),
    )


def _told(evaluation: Evaluation) -> dict[str, Any]:
    """What the record says of how it was measured, where that is a name and no array."""
    told = {key: evaluation.protocol.get(key) for key in ("real", "train", "classifier", "extractor")}
    return {key: value for key, value in told.items() if isinstance(value, str)}


def _plain(text: str, what: str) -> str:
    """Texts that stand unquoted in a file of rules, a file of CI and a shell."""
    if not PLAIN.fullmatch(text):
        raise WrongInputError(
            f"{what} is written into a CI file and may hold letters, digits and ./_@+- only; got {printable(text)!r}."
        )
    return text


def _stem(source: Path | None) -> str:
    assert source is not None
    return source.resolve().name.removesuffix(".json")


def _found(folder: Path) -> tuple[Path | None, str | None]:
    """The evaluated run below `folder` to start from, or the generator that a person names in its place."""
    from ganeval.runs.discovery import find_runs

    runs = [run.path for run in find_runs(folder).runs if run.evaluations]
    if len(runs) == 1:
        return runs[0], None
    if runs:
        return _one_of(runs), None
    typed = answer("What is to be judged? A run, a result file, or a generator as package.module:function")
    if not typed:
        raise MissingFileError(
            "Nothing says what to start from: there is no evaluated run here. Name a run or a result file, or pass "
            "--generator package.module:function with --real."
        )
    return (None, typed) if ":" in typed and not Path(typed).exists() else (Path(typed), None)


def _one_of(runs: Sequence[Path]) -> Path:
    names = [path.as_posix() for path in runs]
    typed = choice(f"There are {len(runs)} evaluated runs here. Which one is to be matched?", names)
    if not typed:
        told = few([printable(name) for name in names])
        raise WrongInputError(f"There are {len(runs)} evaluated runs here; name the one to start from: {told}.")
    return Path(typed)


def _reference() -> str:
    typed = answer("Real images to compare it with: a folder, a file, or a data set such as hoda:test")
    if not typed:
        raise WrongInputError(
            "Nothing says what to compare the generator with. Pass --real, for example --real hoda:test."
        )
    return typed


def _classifier_for(real: str) -> dict[str, str]:
    """The shipped classifier that was made for the data set of this name."""
    from ganeval.core.listing import listed

    name, colon, _ = real.partition(":")
    known = {one.name for one in listed("classifiers")}
    return {"classifier": name} if colon and name in known else {}


def _require_new(paths: Sequence[Path], *, force: bool) -> None:
    there = [str(path) for path in paths if path.exists()]
    if there and not force:
        raise WrongInputError(f"{' and '.join(there)} is there already and was left as it is. --force overwrites it.")


def _summary(rules: Path, baseline: Path, pipeline: Path, lines: Sequence[Line], judged: str) -> str:
    metrics = few([line["metric"] for line in lines])
    where = f"; it judges {judged}: change that to where your job leaves its result" if judged else ""
    return (
        f"{rules}: {len(lines)} {'rule' if len(lines) == 1 else 'rules'}, about {metrics}\n{baseline}: the numbers to "
        f"keep\n{pipeline}: runs the gate before a merge{where}\nLook at them, then: git add {rules} {baseline.parent} "
        f"{pipeline}"
    )
