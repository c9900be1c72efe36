"""Why a run has no measured number, and what to type so that it gets one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from ganeval.runs.record import RunRecord
from ganeval.runs.series import real_beside

NETWORK = "--extractor inception"


@dataclass(frozen=True)
class Advice:
    """`why` is a sentence; `command` what would measure the run, with words in capitals for what only its owner knows."""

    why: str
    command: str


def advice_of(run: RunRecord, root: str | Path) -> Advice | None:
    """None for a run that is evaluated or cannot be read. `root` is what `ganeval-report` was given."""
    if run.evaluations or run.error:
        return None
    told = shlex.quote(str(root))
    if run.samples and run.protocol.get("real"):
        return Advice("Its samples wait to be measured.", f"ganeval-report {told}")
    if run.samples:
        beside = real_beside(run.path)
        network = "its network" if beside else "the real images and the network"
        real = "" if beside else " --real REAL_IMAGES"
        return Advice(f"Its samples can be measured once {network} to compare with are named.",
                      f"ganeval-report {told}{real} {NETWORK}")  # fmt: skip
    if run.grids and all(grid.span is None and grid.rows is None for grid in run.grids) and run.reader != "ganeval":
        return Advice(
            "Its pictures were taken for one picture a step. If each is one generated image, say so; if each is a "
            "sheet of tiles, write --as sheets; else save about 1,000 "
            "generated images into a folder and name that.",
            f"ganeval-report {told} --as samples --real REAL_IMAGES {NETWORK}",
        )
    return Advice("It holds no generated images that could be measured. Save about 1,000 of them into a folder.",
                  f"ganeval-report GENERATED_IMAGES --real REAL_IMAGES {NETWORK}")  # fmt: skip


def contents_of(run: RunRecord) -> str:
    """What was read of a run, in a few words."""
    counts = {"curve": len(run.curves), "picture": len(run.grids), "sample set": len(run.samples),
              "evaluation": len(run.evaluations)}  # fmt: skip
    said = [f"{n} {noun}{'s' * (n != 1)}" for noun, n in counts.items() if n]
    return ", ".join(said) or "nothing"
