"""`ganeval gate`: judge a run or a generator against a baseline; the exit code is the verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import OmitArgPrefixes

from ganeval.cli.flags import Drawing, compute_of, said
from ganeval.cli.say import require_places
from ganeval.errors import GanevalError, MissingFileError
from ganeval.gate.candidate import require_run
from ganeval.gate.commands import GateOptions
from ganeval.gate.commands import gate as run_gate
from ganeval.gate.rules import GateConfig, GateConfigError
from ganeval.records.protocol import Protocol

if TYPE_CHECKING:
    from ganeval.core.compute import Compute
    from ganeval.gate.judge import Sampler
    from ganeval.records.scores import Evaluation


def gate(judging: OmitArgPrefixes[GateOptions], measurement: OmitArgPrefixes[Drawing]) -> int:
    """Judge a run or a generator against a baseline. Exit code: 0 ok, 1 regressed, 2 usage, 3 error, 4 inconclusive
    (with on_inconclusive = "fail"), 5 no or incomparable baseline, 6 nothing judged.

    --n is the number of images at the first look.
    """
    if not judging.runs:  # what lies there is judged at once; what is drawn takes its time
        require_places(judging.json, judging.junit, judging.markdown, judging.openmetrics, judging.history)
    compute = compute_of(measurement)
    outcome = run_gate(
        judging,
        said(measurement, Protocol),
        make_sampler=lambda config: sampler_of(config, compute),
        evaluate_run=lambda path, config: evaluate_run(path, config, compute),
    )
    sys.stdout.write(outcome.text)
    return outcome.exit_code


def sampler_of(config: GateConfig, compute: Compute) -> Sampler:
    from ganeval.measure.generators import sampler

    reference = None if config.reference is None else loaded(config.reference)
    return sampler(generator_of(config), config.measured, compute, name=config.name, reference=reference)


def generator_of(config: GateConfig) -> Callable[..., Any]:
    assert config.generator is not None
    return loaded(config.generator)


def loaded(where: str) -> Callable[..., Any]:
    """The function that was named; a name that leads nowhere is wrong use, not a run that is missing."""
    from ganeval.measure.generators import load_generator

    try:
        return load_generator(where)
    except GanevalError as error:
        raise GateConfigError(str(error)) from error
    except Exception as error:
        raise GateConfigError(f"{where} could not be loaded: {type(error).__name__}: {error}") from error


def evaluate_run(path: Path, config: GateConfig, compute: Compute) -> Evaluation:
    """The newest samples of a run, measured as the rules and flags say, else as the run does."""
    from ganeval.measure.run_samples import evaluate_pending, survey
    from ganeval.runs.readers.native import read_run

    require_run(path)
    asked = {key: value for key, value in config.protocol.to_json().items() if key not in ("floor", "n", "seed")}
    waiting = survey((read_run(path),), ("the gate", asked)).waiting
    if not waiting:
        raise MissingFileError(f"{path} holds neither an evaluation nor samples that could be evaluated.")
    last = waiting[-1]
    return evaluate_pending(replace(last, protocol=last.protocol.with_(floor=False)), compute)
