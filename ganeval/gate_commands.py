"""The gate's verbs as typed functions for the command line: `gate`, `calibrate`, `power`, `trend`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import OmitArgPrefixes, Positional

from ganeval.errors import MissingFileError
from ganeval.files import require_writable, write_atomic, write_json, writing
from ganeval.gate.commands import GateOptions, options_config
from ganeval.gate.commands import gate as run_gate
from ganeval.gate.rules import GateConfig, GateConfigError

if TYPE_CHECKING:
    from ganeval.gate.judge import Sampler
    from ganeval.scores import Evaluation


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
    from ganeval.sampler import drawing, load_generator, measuring, perturbed

    if json is not None:
        require_writable(json)
    rules = options_config(
        GateOptions(config=config, generator=generator, real=real, classifier=classifier, extractor=extractor, n=n)
    )
    if rules.generator is None or rules.real is None:
        raise GateConfigError("Calibrating needs --generator pkg.module:function and --real, for example hoda:test.")
    healthy = load_generator(rules.generator)
    variants = {}
    if not faults or "weights" in faults:
        broken = perturbed(healthy, scale=0.02, seed=seed)
        variants = {} if broken is None else {"weights": drawing(broken, rules.classifier, rules.labels)}
    measure = measuring(rules.real, classifier=rules.classifier, extractor=rules.extractor, metrics=rules.metrics)
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
        difference: The loss to find, in the metric's unit; gives the n.
        n: Images a side; gives the loss that is found.
        noise: Standard deviation per image of the difference: se times the square root of n.
        p: For a proportion, in place of noise: its value, for example 0.97.
        agreement: With p and shared latents: the share of images that both sides get equally right.
        alpha: Family-wise, one-sided.
        tests: Rules and looks that share alpha.
        power: The chance of finding it.
    """
    from ganeval.gate.power import detectable, proportion_noise, required_n

    if (difference is None) == (n is None) or (noise is None) == (p is None):
        raise GateConfigError("Pass either --difference or --n, and either --noise or --p.")
    spread = noise if noise is not None else proportion_noise(p or 0.0, agreement)
    level = alpha / tests
    if difference is not None:
        sys.stdout.write(
            f"n = {required_n(difference, spread, level, power)} images a side find a loss of {difference:g}"
        )
    else:
        sys.stdout.write(f"n = {n} images a side find a loss of {detectable(n or 0, spread, level, power):.4g}")
    sys.stdout.write(f" with power {power:g} at one-sided alpha {level:g}\n")
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

    found = trends(read_history(history), metrics, arl=arl)
    if otava_csv is not None:
        with writing(otava_csv):
            write_atomic(otava_csv, render_otava(found))
    sys.stdout.write(render_trend(found))
    return int(any(one.alarms for one in found))


def _sampler_of(config: GateConfig) -> Sampler:
    from ganeval.sampler import load_generator, sampler

    assert config.generator is not None
    return sampler(
        load_generator(config.generator), config.real, classifier=config.classifier, extractor=config.extractor,
        metrics=config.metrics, labels=config.labels, seed=config.seed, name=config.name,
    )  # fmt: skip


def _evaluate_run(path: Path, config: GateConfig) -> Evaluation:
    """The newest samples of a run, evaluated as the run says; --real, --classifier and --extractor override it."""
    from dataclasses import replace

    from ganeval.pending import evaluate_pending, pending_of
    from ganeval.runs.readers.native import read_run

    waiting = list(pending_of((read_run(path),)))
    if not waiting:
        raise MissingFileError(f"{path} holds neither an evaluation nor samples that could be evaluated.")
    asked = {key: value for key in ("real", "classifier", "extractor") if (value := getattr(config, key))}
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
