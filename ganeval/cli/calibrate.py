"""`ganeval calibrate`: the gate's false alarms and power on your generator."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, arg

from ganeval.cli.flags import Drawing, compute_of, said
from ganeval.cli.gate import generator_of
from ganeval.cli.say import require_places
from ganeval.core.files import write_json, writing
from ganeval.core.machine import quiet
from ganeval.core.registry import unknown_name
from ganeval.core.shown import MaybePath, MaybeText
from ganeval.errors import UnknownNameError, WrongInputError
from ganeval.gate.commands import GateOptions, options_config
from ganeval.gate.rules import GateConfigError
from ganeval.measure.faults import FAULTS
from ganeval.records.protocol import Protocol

WEIGHTS, MOVED = "weights", 0.02  # a fault of the generator itself: its weights, moved by this share of their spread
KNOWN = (*FAULTS, WEIGHTS)


def calibrate(
    measurement: OmitArgPrefixes[Drawing],
    config: MaybePath = None,
    generator: MaybeText = None,
    runs: int = 100,
    fault_runs: int = 20,
    faults: Annotated[
        tuple[str, ...],
        arg(
            metavar="NAME ...",
            help_behavior_hint="",
            help=f"Only these: {', '.join(KNOWN)}. By default all that can be made.",
        ),
    ] = (),
    json: MaybePath = None,
) -> int:
    """The gate's false alarms (same generator, fresh latents) and its power (faults made on purpose) on your generator.

    Args:
        config: ganeval.toml with the rules; by default the nearest one.
        generator: pkg.module:function, called as function(n, labels, torch.Generator) -> images.
        runs: Comparisons of the generator with itself.
        fault_runs: Comparisons with each fault.
        json: Write the counts here.
    """
    from ganeval.gate.calibrate import calibrate as run
    from ganeval.gate.calibrate import render_calibration
    from ganeval.measure.generators import breaking, drawing, measuring, perturbed

    require_places(json)
    for name in faults:
        if name not in KNOWN:
            raise UnknownNameError(unknown_name("fault", name, KNOWN))
    rules, _ = options_config(GateOptions(config=config, generator=generator), said(measurement, Protocol))
    if rules.generator is None or rules.protocol.real is None:
        raise GateConfigError("Calibrating needs --generator pkg.module:function and --real, for example hoda:test.")
    healthy, protocol = generator_of(rules), rules.measured
    broken, left_out = breaking(protocol, [f for f in faults if f != WEIGHTS] if faults else None)
    variants = {}
    if not faults or WEIGHTS in faults:
        moved = perturbed(healthy, scale=MOVED, seed=protocol.seed)
        variants = {} if moved is None else {WEIGHTS: drawing(moved, protocol)}
        left_out |= {WEIGHTS: "a torch.nn.Module in the generator"} if moved is None else {}
    if faults and left_out:
        raise WrongInputError(f"{_lacking(left_out)} Pass that, or leave the fault out of --faults.")
    found = run(
        drawing(healthy, protocol),
        measuring(protocol, compute_of(measurement)),
        rules,
        n=protocol.n or 2000,
        runs=runs,
        fault_runs=fault_runs,
        seed=protocol.seed,
        faults=broken,
        variants=variants,
        progress=_bar(),
    )
    if json is not None:
        with writing(json):
            write_json(json, _document(found))
    sys.stdout.write(render_calibration(found) + (f"{_lacking(left_out)}\n" if left_out else ""))
    return 0


def _lacking(left_out: Mapping[str, str]) -> str:
    """
    >>> _lacking({"copies": "training images", "few-copies": "training images"})
    'These faults need training images: copies, few-copies.'
    """
    by_need = {need: [name for name, lacks in left_out.items() if lacks == need] for need in left_out.values()}
    return " ".join(f"These faults need {need}: {', '.join(names)}." for need, names in by_need.items())


def _document(found: Any) -> dict[str, Any]:
    trials = {one.name: {rule: list(words) for rule, words in one.words.items()} for one in found.trials}
    return {"schema": "ganeval.calibration/1", "n": found.n, "alpha": found.alpha, "trials": trials}


def _bar() -> Callable[[int, int], None]:
    from tqdm import tqdm

    bar = tqdm(desc="calibrating", unit="comparison", disable=quiet())

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show
