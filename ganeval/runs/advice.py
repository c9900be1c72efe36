"""Why a run has no measured number, and what to type so that it gets one."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ganeval.runs.parsing import names_in
from ganeval.runs.record import RunRecord
from ganeval.runs.series import real_beside

NETWORK = "--extractor inception"
UNREAD = (
    ".pth",
    ".pt",
    ".ckpt",
    ".pkl",
    ".safetensors",
    ".h5",
    ".keras",
    ".onnx",
    ".bin",
    ".gif",
    ".mp4",
    ".ipynb",
    ".py",
    ".zip",
    ".tar",
    ".parquet",
)


@dataclass(frozen=True)
class Advice:
    """`why` is a sentence; `command` what would measure the run,
    with words in capitals for what only its owner knows.
    """

    why: str
    command: str


def advice_of(run: RunRecord, root: str | Path, *, sheets: bool = False) -> Advice | None:
    """None for a run that is evaluated or cannot be read. `root` is what `ganeval-report` was given; `sheets`: its
    pictures are known to hold many images each.
    """
    if run.evaluations or run.error:
        return None
    told = shlex.quote(str(root))
    if run.samples and run.protocol.get("real"):
        return Advice("Its samples wait to be measured.", f"ganeval-report {told}")
    if run.samples:
        beside = real_beside(run.path)
        what = "the network to compare them by is" if beside else "the real images and the network to compare with are"
        real = "" if beside else " --real REAL_IMAGES"
        return Advice(f"Its samples can be measured once {what} named.", f"ganeval-report {told}{real} {NETWORK}")
    if run.grids and all(grid.span is None for grid in run.grids) and run.reader != "ganeval":
        return _of_pictures(run, told, sheets=sheets)
    return Advice(
        "It holds no generated images that could be measured. Save about 1,000 of them into a folder.",
        f"ganeval-report GENERATED_IMAGES --real REAL_IMAGES {NETWORK}",
    )


def _of_pictures(run: RunRecord, told: str, *, sheets: bool) -> Advice:
    command = f"ganeval-report {told} --as sheets --real REAL_IMAGES {NETWORK}"
    if sheets:
        return Advice(
            "Its pictures hold many images each: their tiles can be measured, with the wide intervals that "
            "so few images give. Better save about 1,000 generated images into a folder and name "
            "that.",
            command,
        )
    if run.reader not in ("pictures", "table") or all(grid.rows for grid in run.grids) or len(run.grids) == 1:
        why = (
            "Its pictures may be sheets of many images, of which the tiles can be measured; a few give wide intervals."
        )
        return Advice(f"{why} Better save about 1,000 generated images into a folder and name that.", command)
    return Advice(
        "Its pictures were taken for one picture a step. If each is one generated image, say so; if each is a "
        "sheet of tiles, write --as sheets; else save about 1,000 generated images into a folder and name that.",
        f"ganeval-report {told} --as samples --real REAL_IMAGES {NETWORK}",
    )


def passed_over(folder: Path) -> str:
    """A line on the files of a folder that no reader opens, by kind; "" where there are none."""
    kinds = Counter(
        Path(name).suffix.lower()
        for name in names_in(folder)
        if name.lower().endswith(UNREAD) and not name.startswith(".") and (folder / name).is_file()
    )
    what = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
    images = " Images in archives are measured by `ganeval evaluate FILE`." if {".zip", ".tar"} & {*kinds} else ""
    return f"passed over, no reader opens them: {what}.{images}" if what else ""


def contents_of(run: RunRecord) -> str:
    """What was read of a run, in a few words."""
    counts = {
        "curve": len(run.curves),
        "picture": len(run.grids),
        "sample set": len(run.samples),
        "evaluation": len(run.evaluations),
    }
    said = [f"{n} {noun}{'s' * (n != 1)}" for noun, n in counts.items() if n]
    return ", ".join(said) or "nothing"
