"""The gate's verbs as typed functions for the command line: `gate`, `calibrate`, `power`, `trend`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import OmitArgPrefixes, Positional

from ganeval.core.files import require_writable, write_atomic, write_json, writing
from ganeval.errors import GanevalError, MissingFileError
from ganeval.gate.commands import GateOptions, options_config, require_run
from ganeval.gate.commands import gate as run_gate
from ganeval.gate.rules import GateConfig, GateConfigError

if TYPE_CHECKING:
    from ganeval.gate.judge import Sampler
    from ganeval.records.scores import Evaluation


def gate(options: OmitArgPrefixes[GateOptions]) -> int:
    """Judge a run or a generator against a baseline. Exit code: 0 ok, 1 regressed, 2 usage, 3 error, 4 inconclusive
    (with on_inconclusive = "fail"), 5 no or incomparable baseline, 6 nothing judged.
    """
    outputs = (options.json, options.junit, options.markdown, options.openmetrics, options.history)
    for path in outputs if not options.runs else ():  # what lies there is judged at once; what is drawn takes its time
        if path is not None:
            require_writable(path)
    outcome = run_gate(options, make_sampler=_sampler_of, evaluate_run=_evaluate_run)
    sys.stdout.write(outcome.text)
    return outcome.exit_code


def calibrate(
    config: Path | None = None,
    generator: str | None = None,
    real: str | None = None,
    classifier: str | None = None,
    extractor: str | None = None,
    n: int | None = None,
    runs: int = 100,
    fault_runs: int = 20,
    faults: tuple[str, ...] = (),
    seed: int = 0,
    json: Path | None = None,
) -> int:
    """The gate's false alarms (same generator, fresh latents) and its power (faults made on purpose) on your generator.

    Args:
        config: ganeval.toml with the rules; by default the nearest one.
        generator: pkg.module:function, called as function(n, labels, torch.Generator) -> images.
        real: Real images, for example hoda:test.
        classifier: The judge.
        extractor: The eye, where it is another network.
        n: Images a side.
        runs: Comparisons of the generator with itself.
        fault_runs: Comparisons with each fault.
        faults: Only these: drop-class, blur, noise, collapse, label-shuffle, weights.
        seed: Of everything random.
        json: Write the counts here.
    """
    from ganeval.gate.calibrate import calibrate as run
    from ganeval.gate.calibrate import render_calibration
    from ganeval.gate.faults import FAULTS
    from ganeval.measure.generators import drawing, measuring, perturbed

    if json is not None:
        require_writable(json)
    rules = options_config(
        GateOptions(config=config, generator=generator, real=real, classifier=classifier, extractor=extractor, n=n)
    )
    if rules.generator is None or rules.real is None:
        raise GateConfigError("Calibrating needs --generator pkg.module:function and --real, for example hoda:test.")
    healthy = _generator_of(rules)
    variants = {}
    if not faults or "weights" in faults:
        broken = perturbed(healthy, scale=0.02, seed=seed)
        variants = {} if broken is None else {"weights": drawing(broken, rules.classifier, rules.labels)}
    measure = measuring(
        rules.real, train=rules.train, heldout=rules.heldout, classifier=rules.classifier, extractor=rules.extractor,
        metrics=rules.metrics,
    )  # fmt: skip
    found = run(
        drawing(healthy, rules.classifier, rules.labels), measure, rules, n=rules.n or 2000, runs=runs,
        fault_runs=fault_runs, seed=seed, faults=[f for f in faults if f != "weights"] if faults else list(FAULTS),
        variants=variants, progress=_bar(),
    )  # fmt: skip
    if json is not None:
        document = {"schema": "ganeval.calibration/1", "n": found.n, "alpha": found.alpha,
                    "trials": {one.name: {rule: list(words) for rule, words in one.words.items()} for one in found.trials}}  # fmt: skip
        with writing(json):
            write_json(json, document)
    sys.stdout.write(render_calibration(found))
    return 0


def power(
    difference: float | None = None,
    n: int | None = None,
    noise: float | None = None,
    p: float | None = None,
    agreement: float | None = None,
    alpha: float = 0.01,
    tests: int = 1,
    power: float = 0.8,
) -> int:
    """The n for a difference, or the difference that an n resolves.

    Args:
        difference: The loss to find, in the metric's unit; gives the n. Of a proportion: the change towards one half.
        n: Images a side; gives the loss that is found.
        noise: Standard deviation per image of the difference: se times the square root of n.
        p: For a proportion, in place of noise: its value, for example 0.97.
        agreement: With p and shared latents: the share of images that both sides get equally right.
        alpha: Family-wise, one-sided.
        tests: Rules and looks that share alpha.
        power: The chance of finding it.
    """
    from ganeval.gate.power import detectable, required_n
    from ganeval.numerics.share_power import ShareTest

    if (difference is None) == (n is None) or (noise is None) == (p is None):
        raise GateConfigError("Pass either --difference or --n, and either --noise or --p.")
    if agreement is not None and p is None:
        raise GateConfigError("--agreement is about a proportion; pass --p with it.")
    if tests < 1:
        raise GateConfigError(f"--tests counts the rules and looks that share alpha, 1 or more; got {tests}.")
    level = alpha / tests
    share = None if p is None else ShareTest(p, level, agreement)
    if difference is not None:
        needed = share.required_n(difference, power) if share else required_n(difference, noise or 0.0, level, power)
        found = f"n = {needed} images a side find a loss of {difference:g}"
    else:
        least = share.detectable(n or 0, power) if share else detectable(n or 0, noise or 0.0, level, power)
        found = f"n = {n} images a side find " + ("no loss at all" if least is None else f"a loss of {least:.4g}")
    sys.stdout.write(f"{found} with power {power:g} at one-sided alpha {level:g}\n")
    return 0


def trend(
    history: Positional[Path], metrics: tuple[str, ...] = (), arl: float = 938.0, otava_csv: Path | None = None
) -> int:
    """Slow drift in a history of evaluations; exit code 1 where a metric drifts to the worse.

    Args:
        history: history.jsonl, as `ganeval gate --history` appends it.
        metrics: Only these.
        arl: Healthy runs between two false alarms, all metrics together.
        otava_csv: Write the values for Apache Otava here.
    """
    from ganeval.gate.trend import read_history, render_otava, render_trend, trends

    read = read_history(history)
    found = trends(read, metrics, arl=arl)
    if otava_csv is not None:
        with writing(otava_csv):
            write_atomic(otava_csv, render_otava(found))
    sys.stdout.write(render_trend(found, read.skipped))
    return int(any(one.alarms for one in found))


def _sampler_of(config: GateConfig) -> Sampler:
    from ganeval.measure.generators import sampler

    return sampler(
        _generator_of(config), config.real, train=config.train, heldout=config.heldout, classifier=config.classifier,
        extractor=config.extractor, metrics=config.metrics, labels=config.labels, seed=config.seed, name=config.name,
    )  # fmt: skip


def _generator_of(config: GateConfig) -> Callable[..., Any]:
    """The function that was named; a name that leads nowhere is wrong use, not a run that is missing."""
    from ganeval.measure.generators import load_generator

    assert config.generator is not None
    try:
        return load_generator(config.generator)
    except GanevalError as error:
        raise GateConfigError(str(error)) from error
    except Exception as error:
        raise GateConfigError(f"{config.generator} could not be loaded: {type(error).__name__}: {error}") from error


def _evaluate_run(path: Path, config: GateConfig) -> Evaluation:
    """The newest samples of a run, evaluated as the run says; --real, --train, --classifier and --extractor override it."""
    from dataclasses import replace

    from ganeval.measure.run_samples import evaluate_pending, pending_of
    from ganeval.runs.readers.native import read_run

    require_run(path)
    waiting = list(pending_of((read_run(path),)))
    if not waiting:
        raise MissingFileError(f"{path} holds neither an evaluation nor samples that could be evaluated.")
    asked = {key: value for key in ("real", "train", "classifier", "extractor") if (value := getattr(config, key))}
    last = waiting[-1]
    return evaluate_pending(replace(last, protocol={**last.protocol, **asked}))


def _bar() -> Callable[[int, int], None]:
    from tqdm import tqdm

    bar = tqdm(desc="calibrating", unit="comparison", disable=not sys.stderr.isatty() or bool(os.environ.get("CI")))

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show


GATE_COMMANDS: Mapping[str, Callable[..., int]] = {
    "gate": gate, "calibrate": calibrate, "power": power, "trend": trend,
}  # fmt: skip
