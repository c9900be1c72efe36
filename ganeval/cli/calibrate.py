"""`ganeval calibrate`: the gate's false alarms and power on your generator."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tyro.conf import OmitArgPrefixes

from ganeval.cli.flags import Drawing, compute_of, said
from ganeval.cli.gate import generator_of
from ganeval.cli.say import require_places
from ganeval.core.files import write_json, writing
from ganeval.gate.commands import GateOptions, options_config
from ganeval.gate.rules import GateConfigError
from ganeval.records.protocol import Protocol


def calibrate(
    how: OmitArgPrefixes[Drawing],
    config: Path | None = None,
    generator: str | None = None,
    runs: int = 100,
    fault_runs: int = 20,
    faults: tuple[str, ...] = (),
    json: Path | None = None,
) -> int:
    """The gate's false alarms (same generator, fresh latents) and its power (faults made on purpose) on your generator.

    Args:
        config: ganeval.toml with the rules; by default the nearest one.
        generator: pkg.module:function, called as function(n, labels, torch.Generator) -> images.
        runs: Comparisons of the generator with itself.
        fault_runs: Comparisons with each fault.
        faults: Only these: drop-class, blur, noise, collapse, label-shuffle, weights.
        json: Write the counts here.
    """
    from ganeval.gate.calibrate import calibrate as run
    from ganeval.gate.calibrate import render_calibration
    from ganeval.gate.faults import FAULTS
    from ganeval.measure.generators import drawing, measuring, perturbed

    require_places(json)
    rules, _ = options_config(GateOptions(config=config, generator=generator), said(how, Protocol))
    if rules.generator is None or rules.protocol.real is None:
        raise GateConfigError("Calibrating needs --generator pkg.module:function and --real, for example hoda:test.")
    healthy, protocol = generator_of(rules), rules.measured
    variants = {}
    if not faults or "weights" in faults:
        broken = perturbed(healthy, scale=0.02, seed=protocol.seed)
        variants = {} if broken is None else {"weights": drawing(broken, protocol)}
    found = run(
        drawing(healthy, protocol), measuring(protocol, compute_of(how)), rules, n=protocol.n or 2000, runs=runs,
        fault_runs=fault_runs, seed=protocol.seed, faults=[f for f in faults if f != "weights"] if faults else list(FAULTS),
        variants=variants, progress=_bar(),
    )  # fmt: skip
    if json is not None:
        with writing(json):
            write_json(json, _document(found))
    sys.stdout.write(render_calibration(found))
    return 0


def _document(found: Any) -> dict[str, Any]:
    trials = {one.name: {rule: list(words) for rule, words in one.words.items()} for one in found.trials}
    return {"schema": "ganeval.calibration/1", "n": found.n, "alpha": found.alpha, "trials": trials}


def _bar() -> Callable[[int, int], None]:
    from tqdm import tqdm

    bar = tqdm(desc="calibrating", unit="comparison", disable=not sys.stderr.isatty() or bool(os.environ.get("CI")))

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show
