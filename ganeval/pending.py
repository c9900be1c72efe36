"""Samples that no evaluation exists for yet: found in run directories, evaluated as their run's protocol says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganeval.errors import BrokenRunError, GanevalError
from ganeval.runs.directory import open_run
from ganeval.runs.readers.npz import latents_of
from ganeval.runs.record import RunRecord, SampleSet
from ganeval.scores import Evaluation


@dataclass(frozen=True)
class Pending:
    """One sample set to evaluate, and how: `protocol` has at least "real"."""

    run: RunRecord
    samples: SampleSet
    protocol: dict[str, Any]


def pending_of(runs: tuple[RunRecord, ...]) -> Iterator[Pending]:
    """The sample sets of our own runs without an evaluation at their step, where the run says what to compare with."""
    for run in runs:
        done = {evaluation.step for evaluation in run.evaluations}
        if run.error or run.reader != "ganeval" or not run.protocol.get("real"):
            continue
        for samples in run.samples:
            if int(samples.step) not in done:
                yield Pending(run, samples, dict(run.protocol))


def evaluate_pending(
    pending: Pending, *, device: str = "auto", metrics: tuple[str, ...] | None = None,
    keep: Callable[[Evaluation], None] | None = None,
) -> Evaluation:  # fmt: skip
    """Evaluate one sample set and write result.json into its run; raises `GanevalError` with the run's name before it."""
    from ganeval.evaluation import evaluate
    from ganeval.images import image_set
    from ganeval.sampler import with_latents

    protocol, step, file = pending.protocol, int(pending.samples.step), Path(pending.samples.path)
    try:
        samples = image_set(file)
        evaluation = evaluate(
            protocol["real"], samples, classifier=protocol.get("classifier"),
            extractor=protocol.get("extractor"), train=protocol.get("train"), metrics=metrics,
            name=pending.run.id, step=step, device=device, evidence=True,
        )  # fmt: skip
        evaluation = with_latents(evaluation, latents_of(file), samples.labels)
        open_run(pending.run.path).write_evaluation(evaluation, step)
    except BrokenRunError:
        raise
    except GanevalError as error:
        raise type(error)(f"{pending.run.id}, step {step}: {error}") from error
    if keep is not None:
        keep(evaluation)
    return evaluation
