"""`ganeval gate` as a function: options in, exit code and text out. Nothing here prints, nothing here loads torch.

What needs a network (evaluating a run, drawing from a generator) is handed in by the caller.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from tyro.conf import Positional, arg

from ganeval.core.apart import place_of, require_apart
from ganeval.core.files import write_atomic
from ganeval.core.shown import MaybeCount, MaybePath, MaybeText, OptionalPaths
from ganeval.errors import BrokenRunError, GanevalError, MissingFileError
from ganeval.gate.baseline import Baseline, Store, read_baseline, store
from ganeval.gate.candidate import EvaluateRun, read_candidate
from ganeval.gate.deliver import deliver, summary_path
from ganeval.gate.judge import Against, Judged, Sampler, judge, require_one_or_recipe
from ganeval.gate.lock import LockedError
from ganeval.gate.presets import preset
from ganeval.gate.rules import GateConfig, GateConfigError, Scope, find_config, load_config
from ganeval.gate.update import RefusedError, Update, require_allowed, require_healthy, update_baseline, write_candidate
from ganeval.gate.verdict import Check, Exit, RuleVerdict, Verdict, worst
from ganeval.gate.writer import WRITERS
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation, render_value
from ganeval.runs import layout
from ganeval.runs.directory import git_state

MakeSampler = Callable[[GateConfig], Sampler]


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """Options of `ganeval gate`; each overrides the key of the same name in the configuration."""

    runs: Positional[OptionalPaths] = ()
    """Run directories or evaluation files (result.json); several are training seeds under --scope recipe."""
    config: MaybePath = None
    """ganeval.toml, or pyproject.toml with [tool.ganeval.gate]; by default the nearest one above this folder."""
    name: MaybeText = None
    """What the gate is called in comments and histories."""
    baseline: MaybePath = None
    """The numbers to keep, as --update-baseline wrote them."""
    anchor: MaybePath = None
    """A second baseline that stays, for example of the last release: it catches slow drift."""
    base_ref: MaybeText = None
    """Compare with the baseline as this branch, tag or commit has it (origin/main), not with the file checked out."""
    scope: Annotated[Scope | None, arg(metavar="{checkpoint,recipe}", help_behavior_hint="")] = None
    """checkpoint: the same weights, changed code; recipe: a training method, judged by several trainings."""
    generator: MaybeText = None
    """pkg.module:function, called as function(n, labels, torch.Generator) -> images."""
    reference: MaybeText = None
    """With --paired: the generator to be matched image by image, in place of --real."""
    max_n: MaybeCount = None
    """Images at the last look."""
    looks: MaybeCount = None
    """How often to look at most, each time at four times as many images, while a rule is inconclusive."""
    json: MaybePath = None
    """Write every number here, for programs."""
    junit: MaybePath = None
    """Write one test case a rule here, for CI."""
    markdown: MaybePath = None
    """Write the table here, for comments."""
    openmetrics: MaybePath = None
    """Write gauges here, for Prometheus and GitLab."""
    history: MaybePath = None
    """history.jsonl to append to."""
    github: bool = False
    """Print workflow commands, append to the job summary."""
    update_baseline: bool = False
    """Accept what was measured: write it over the baseline. Needs --reason."""
    reason: str = ""
    """Why it is accepted; kept in the baseline."""
    allow_ci_update: bool = False
    """Update the baseline although this is a CI job."""
    accept_regression: bool = False
    """Update the baseline although the gate is red."""
    force: bool = False
    """Update the baseline although files of the project are not committed."""


@dataclass(frozen=True)
class Outcome:
    """What the command line prints and returns."""

    verdict: Verdict
    text: str
    exit_code: int = field(default=0)


def gate(
    options: GateOptions,
    said: Mapping[str, Any] = MappingProxyType({}),
    *,
    make_sampler: MakeSampler | None = None,
    evaluate_run: EvaluateRun | None = None,
) -> Outcome:
    """Judge runs or a generator against a baseline; write what was asked for.

    said: fields of `Protocol` that go before what the rules file says.

    Raises `GateConfigError` and `RefusedError` (exit code 2) before any work is done; see `exit_code_of`.
    """
    config, notes = options_config(options, said)
    path = config.resolve(config.baseline) if config.baseline else None
    outputs = outputs_of(options, config)
    require_apart({f"--{name}": to for name, to in outputs.items()}, _read(options, config))
    update = _update(options, config)
    if update is not None:
        if options.base_ref:
            raise GateConfigError("--update-baseline writes the file checked out, --base-ref reads another; take one.")
        require_allowed(update, _require_path(path))
    candidate, nothing = _candidate(options, config, make_sampler, evaluate_run)
    outcome = run_gate(
        candidate,
        config,
        update=update,
        outputs=outputs,
        github=options.github,
        nothing=nothing,
        base_ref=options.base_ref,
    )
    outcome = replace(outcome, text="".join(f"note: {note}\n" for note in notes) + outcome.text)
    return _kept(outcome, options.runs) if candidate else outcome


def _kept(outcome: Outcome, runs: Sequence[Path]) -> Outcome:
    """The verdict also lies in the one run that was judged, where the report finds it; nobody asked, so no error if
    not.
    """
    if len(runs) != 1 or not (runs[0] / layout.RUN).is_file():
        return outcome
    path = runs[0] / layout.VERDICT
    try:
        write_atomic(path, WRITERS["json"].render(outcome.verdict))
    except OSError as error:
        note = (
            f"note: the report will not show this verdict: {path} could not be written ({error.strerror or error}).\n"
        )
        return replace(outcome, text=outcome.text + note)
    return outcome


def run_gate(
    candidate: Sequence[Evaluation] | Sampler,
    config: GateConfig,
    *,
    update: Update | None = None,
    outputs: Mapping[str, str | Path] | None = None,
    github: bool = False,
    write: Store = store,
    nothing: str = "",
    base_ref: str | None = None,
) -> Outcome:
    """The same for a candidate that is already in hand: what the pytest plugin calls."""
    against = replace(load_against(config, base_ref), nothing=nothing)
    judged = judge(candidate, config, against)
    verdict = judged.verdict.with_(candidate={**judged.verdict.candidate, **_commit()})
    changes: list[str] = []
    path = config.resolve(config.baseline) if config.baseline else None
    if update is not None:
        verdict, change = _updated(judged, verdict, config, update, candidate, against, write)
        changes.append(change)
    elif against.missing and against.baseline is None and path is not None and judged.evaluations:
        verdict, change = _with_candidate(verdict, judged, config, path, write)
        changes.append(change)
    wanted = dict(outputs or {})
    if github and (summary := summary_path()):
        wanted["summary"] = summary
    verdict = deliver(verdict, wanted)
    text = WRITERS["github"].render(verdict) if github else ""
    return Outcome(verdict, "\n".join([*changes, text + render_text(verdict)]), verdict.exit_code)


def load_against(config: GateConfig, base_ref: str | None = None) -> Against:
    """The baselines that a configuration names, as checked out or as `base_ref` has them.

    What is missing or broken is a sentence, not an exception.
    """
    read = _reader(base_ref)
    if config.baseline is None:
        compares = [rule.metric for rule in config.rules if rule.needs_baseline]
        reason = f"{', '.join(compares)}: a margin needs a baseline. Name one: baseline = 'baselines/NAME.json'."
        return Against(missing=reason) if compares else Against()
    found = Against()
    for name, path in (("baseline", config.baseline), ("anchor", config.anchor)):
        try:
            found = replace(found, **{name: read(config.resolve(path))}) if path else found
        except MissingFileError as error:
            return replace(found, missing=str(error))
        except BrokenRunError as error:
            return replace(found, broken=str(error))
    return found


def _reader(base_ref: str | None) -> Callable[[Path], Baseline]:
    if base_ref is None:
        return read_baseline
    from ganeval.gate.git_ref import baseline_at  # only who asks for it waits for git

    return partial(baseline_at, base_ref)


def render_text(verdict: Verdict) -> str:
    """The verdict for a terminal, a table and a sentence; plain text, no colours."""
    from ganeval.gate.terminal import render

    return render(verdict)


def options_config(
    options: GateOptions, said: Mapping[str, Any] = MappingProxyType({})
) -> tuple[GateConfig, tuple[str, ...]]:
    """The rules file with the options of the command line on top, and one sentence for each thing they override."""
    path = options.config or find_config()
    if path is None and said.get("paired"):
        return _with_options(
            GateConfig(rules=preset("paired", judged="classifier" in said)), options, said, "the preset"
        )
    if path is None:
        raise GateConfigError(
            "There are no rules: no ganeval.toml here or above, and no [tool.ganeval.gate] in a pyproject.toml. "
            "See docs/gate.md for an example."
        )
    return _with_options(load_config(path), options, said, path.name)


def _with_options(
    config: GateConfig, options: GateOptions, said: Mapping[str, Any], where: str
) -> tuple[GateConfig, tuple[str, ...]]:
    """The command line goes before what stands in `where`."""
    keys = ("name", "scope", "generator", "reference", "max_n", "looks")
    changes = {key: value for key in keys if (value := getattr(options, key)) is not None}
    here = {key: str(place_of(value)) for key in ("baseline", "anchor") if (value := getattr(options, key))}
    protocol, notes = Protocol.layered(("the command line", said), (where, config.protocol.to_json()))
    return replace(config, **changes, **here, protocol=protocol), notes


def _read(options: GateOptions, config: GateConfig) -> list[Path | None]:
    """The files that a gate reads; a run that is its own baseline could never fail, and is refused."""
    promised = [config.resolve(path) for path in (config.baseline, config.anchor) if path]
    if any(run.is_file() and path.is_file() and run.samefile(path) for run in options.runs for path in promised):
        raise GateConfigError("A run cannot be its own baseline: nothing would ever be red. Name another baseline.")
    return [*options.runs, *promised, Path(config.source) if config.source else None]


def outputs_of(options: GateOptions, config: GateConfig) -> dict[str, Path]:
    """Name of the writer -> path, as typed."""
    found = {name: getattr(options, name) for name in ("json", "junit", "markdown", "openmetrics", "history")}
    if found["history"] is None and config.history:
        found["history"] = config.resolve(config.history)
    return {name: path for name, path in found.items() if path is not None}


def _candidate(
    options: GateOptions, config: GateConfig, make_sampler: MakeSampler | None, evaluate_run: EvaluateRun | None
) -> tuple[Sequence[Evaluation] | Sampler, str]:
    """What is judged, or nothing and the sentence about a run that is not there."""
    if options.runs:
        require_one_or_recipe(len(options.runs), config)
        require_different(options.runs)
        try:
            return [read_candidate(path, config, evaluate_run) for path in options.runs], ""
        except MissingFileError as error:
            return [], str(error)
    if config.generator is None:
        return [], ""
    if make_sampler is None or (config.protocol.real is None and config.reference is None):
        raise GateConfigError("A generator needs real images to be measured against: --real hoda:test.")
    return make_sampler(config), ""


def require_different(runs: Sequence[Path]) -> None:
    """One run named twice would be a recipe whose seeds agree perfectly."""
    if len({place_of(path) for path in runs}) < len(runs):
        raise GateConfigError("A run is named twice; every training seed must be a run of its own.")


def _update(options: GateOptions, config: GateConfig) -> Update | None:
    if not options.update_baseline:
        return None
    return Update(
        reason=options.reason,
        allow_ci=options.allow_ci_update,
        accept_regression=options.accept_regression,
        force=options.force,
        own=tuple(outputs_of(options, config).values()),
    )


def _require_path(path: Path | None) -> Path:
    if path is None:
        raise GateConfigError("Which baseline should be updated? Name it: --baseline baselines/NAME.json.")
    return path


def _updated(
    judged: Judged,
    verdict: Verdict,
    config: GateConfig,
    update: Update,
    candidate: Sequence[Evaluation] | Sampler,
    against: Against,
    write: Store,
) -> tuple[Verdict, str]:
    path = _require_path(config.resolve(config.baseline) if config.baseline else None)
    try:
        require_healthy(update, verdict, judged.evaluations, against)
        evaluations = _all_sizes(judged.evaluations, config, candidate)
        _, change = update_baseline(path, evaluations, config, update, against.baseline, write)
    except (RefusedError, LockedError) as error:
        return verdict.with_(exit_code=verdict.exit_code or Exit.USAGE, sentence=str(error)), f"refused: {error}"
    except OSError as error:
        sentence = f"The baseline could not be written to {path}: {error.strerror or error}."
        return verdict.with_(exit_code=Exit.ERROR, sentence=sentence), sentence
    note = f"The baseline {path.name} was updated: {update.reason}"
    return _accepted(verdict).with_(exit_code=Exit.OK, sentence=note, notes=(*verdict.notes, note)), change


def _accepted(verdict: Verdict) -> Verdict:
    """What could not be compared is from now on the promise itself; every other word stands."""
    rules = tuple(_promised(rule) if rule.verdict == "incomparable" else rule for rule in verdict.rules)
    return verdict.with_(rules=rules, verdict=worst([rule.verdict for rule in rules]))


def _promised(rule: RuleVerdict) -> RuleVerdict:
    value = rule.value or 0.0
    sentence = f"{render_value(rule.value, rule.se)} is the new promise."
    itself = Check(
        "difference",
        "ok",
        sentence,
        delta=0.0,
        interval=(0.0, 0.0),
        base=value,
        now=value,
        n=rule.n,
        method="the new baseline",
        paired=True,
    )
    checks = (*(check for check in rule.checks if check.verdict != "incomparable"), itself)
    return replace(rule, verdict=worst([check.verdict for check in checks]), checks=checks, sentence=sentence)


def _all_sizes(
    evaluations: Sequence[Evaluation], config: GateConfig, candidate: Sequence[Evaluation] | Sampler
) -> Sequence[Evaluation]:
    """A baseline of a generator holds every size that a later gate may look at."""
    if not callable(candidate):
        return evaluations
    have = {evaluation.fake.n: evaluation for evaluation in evaluations}
    try:
        return [have.get(n) or candidate(n) for n in config.sizes(min(have))]
    except GanevalError as error:
        raise RefusedError(f"The generator failed while the baseline was measured: {error}") from error
    except Exception as error:  # a user's generator may raise anything
        raise RefusedError(
            f"The generator failed while the baseline was measured: {type(error).__name__}: {error}"
        ) from error


def _with_candidate(
    verdict: Verdict, judged: Judged, config: GateConfig, path: Path, write: Store
) -> tuple[Verdict, str]:
    try:
        written = write_candidate(path, judged.evaluations, config, write)
    except OSError as error:
        sentence = f"The candidate could not be written beside {path}: {error.strerror or error}."
        return verdict.with_(exit_code=Exit.ERROR, sentence=f"{verdict.sentence} {sentence}"), sentence
    note = f"{written.name} was written; look at it, then accept it with --update-baseline --reason '...'."
    return verdict.with_(notes=(*verdict.notes, note)), note


def _commit() -> dict[str, str | bool | None]:
    state = git_state() or {}
    branch = (
        os.environ.get("GITHUB_HEAD_REF") or os.environ.get("GITHUB_REF_NAME") or os.environ.get("CI_COMMIT_REF_NAME")
    )
    return {"commit": state.get("commit"), "dirty": state.get("dirty"), "branch": branch or None}
