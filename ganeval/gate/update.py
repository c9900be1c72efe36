"""Replacing a promise: only on purpose, with a reason, from a clean tree, by a person.

The best value ever seen never becomes the baseline by itself: against the best of 20 healthy runs a 2 % gate fires in
65 % of the next ones (simulated with the noise of retraining).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ganeval.core.machine import in_ci
from ganeval.errors import WrongInputError
from ganeval.gate.baseline import (
    Baseline,
    Store,
    alone,
    candidate_path,
    file_hash,
    put_baseline,
    store,
    vector_files,
    write_baseline,
)
from ganeval.gate.judge import Against
from ganeval.gate.rules import GateConfig
from ganeval.gate.verdict import Verdict
from ganeval.records.scores import Evaluation, render_value
from ganeval.runs.directory import git_state

NOTHING = Against()


class RefusedError(WrongInputError):
    """A baseline that must not be written now; the message names the flag that would allow it. Exit code 2."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """`--update-baseline` and the flags that lift one refusal each."""

    reason: str
    allow_ci: bool = False
    accept_regression: bool = False
    force: bool = False
    new_only: bool = False
    own: tuple[Path, ...] = ()  # files that the gate itself writes: a history with a new line is no change of the code


def require_allowed(update: Update, path: Path, environ: Mapping[str, str] | None = None) -> None:
    """The refusals that need no measurement, so that nobody waits an hour for them."""
    if not update.reason.strip():
        raise RefusedError("A baseline needs a reason that a reviewer can read: --reason 'release 0.3'.")
    if in_ci(os.environ if environ is None else environ) and not update.allow_ci:
        raise RefusedError(
            "A baseline is a promise and is not updated in CI. Update it on your machine and commit it; "
            "--allow-ci-update allows it here."
        )
    if update.new_only and path.exists():
        raise RefusedError(f"{path} exists already, and only new baselines were to be written.")
    state = git_state(*update.own)
    if state is not None and state["dirty"] and not update.force:
        raise RefusedError(
            "The working tree has uncommitted changes, so the baseline could not be traced to a commit. "
            "Commit them first; --force allows it."
        )


def require_healthy(
    update: Update, verdict: Verdict, evaluations: Sequence[Evaluation], against: Against = NOTHING
) -> None:
    """What was measured must be there and whole, and shown to be no worse than the promise it would replace."""
    if not evaluations:
        raise RefusedError(f"Nothing was measured, so there is no baseline to write. {verdict.sentence}")
    if any(rule.verdict == "error" for rule in verdict.rules):
        raise RefusedError(f"A measurement with errors is no baseline. {verdict.sentence}")
    if update.accept_regression:
        return
    if verdict.verdict == "regressed":
        raise RefusedError(
            f"{verdict.sentence} A regression does not become the new baseline by itself; --accept-regression "
            "allows it."
        )
    if unknown := against.broken or _not_compared(verdict, against.baseline):
        raise RefusedError(
            f"{unknown} So nothing shows that the new numbers are no worse than the old ones; --accept-regression "
            "allows it."
        )


def _not_compared(verdict: Verdict, old: Baseline | None) -> str:
    """The sentence of the first rule about a number that was promised and could not be compared."""
    promised = old.last.entries if old else {}
    return next((r.sentence for r in verdict.rules if r.verdict == "incomparable" and r.metric in promised), "")


def update_baseline(
    path: Path,
    evaluations: Sequence[Evaluation],
    config: GateConfig,
    update: Update,
    old: Baseline | None,
    write: Store = store,
) -> tuple[Baseline, str]:
    """Write the new baseline, take a candidate away; returns the baseline and the change as text."""
    new = _fresh(evaluations, config, path, update.reason, update.own)
    with alone(path, write):
        before = file_hash(path) if path.is_file() else ""
        if old is not None and old.digest and old.digest != before:
            raise RefusedError(f"{path} was changed while the new one was measured. Judge against what is there now.")
        new = replace(new, supersedes=before)
        put_baseline(new, path, _read_metrics(config), write)
        for stale in (candidate_path(path), *vector_files(candidate_path(path))):
            write(stale, None)
    return new, render_diff(old, new)


def write_candidate(path: Path, evaluations: Sequence[Evaluation], config: GateConfig, write: Store = store) -> Path:
    """What the first run leaves behind: a baseline to look at, which nothing reads until a person accepts it."""
    fresh = _fresh(evaluations, config, path, "candidate: not accepted yet")
    return write_baseline(fresh, candidate_path(path), _read_metrics(config), write)


def render_diff(old: Baseline | None, new: Baseline) -> str:
    """One line for each metric whose promise changes.

    Values are printed to the digits that their error supports.
    """
    then = old.last.entries if old else {}
    lines = [
        f"baseline {new.name}: {'new' if old is None else f'n {old.last.n} -> {new.last.n}'}, reason: {new.reason}"
    ]
    for name, entry in new.last.entries.items():
        if "." in name or entry.value is None:
            continue
        before = then.get(name)
        was = "(none)" if before is None or before.value is None else render_value(before.value, before.se)
        lines.append(f"  {name}: {was} -> {render_value(entry.value, entry.se)}")
    lines += [f"  {name}: dropped" for name in then if name not in new.last.entries and "." not in name]
    return "\n".join(lines)


def _fresh(
    evaluations: Sequence[Evaluation], config: GateConfig, path: Path, reason: str, own: Sequence[Path] = ()
) -> Baseline:
    name = config.name or path.name.removesuffix(".json")
    recipe = config.scope == "recipe"
    kept, seeds = (evaluations[:1], evaluations[1:]) if recipe else (evaluations, ())
    fresh = Baseline.of(kept, name=name, reason=reason, seeds=seeds)
    return replace(fresh, source={**fresh.source, **(git_state(*own) or {"commit": None, "dirty": None})})


def _read_metrics(config: GateConfig) -> list[str]:
    """Vectors are kept for what rules read; the debiased value needs none."""
    return [rule.metric.partition(".")[0] for rule in config.rules]
