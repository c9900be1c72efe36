"""Why a run has no measured number, and what to type so that it gets one."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from ganeval.runs.parsing import names_in
from ganeval.runs.reals import real_beside
from ganeval.runs.record import RunRecord

REAL, NETWORK = "--real REAL_IMAGES", "--extractor inception"
NETWORKS = ("--extractor", "--extractors", "--classifier")
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
    ".hdf5",
    ".mp4",
    ".ipynb",
    ".py",
    ".zip",
    ".tar",
    ".parquet",
)
_HDF5 = (
    "Of images in HDF5 write an array: python -c \"import h5py, numpy; numpy.save('samples.npy', h5py.File('{}')"
    "['images'][:])\", with the name that the images have in it."
)
REMEDIES = {  # of kinds that hold images
    ".gif": "Of an animation that is named as a training's the frames are read where no other pictures are; of others "
    "save them as PNG files: a GIF keeps 256 colours.",
    ".h5": _HDF5.format("FILE.h5"),
    ".hdf5": _HDF5.format("FILE.hdf5"),
    ".mp4": "Of a film save the frames as PNG files: its colours are compressed.",
}
SAVE = "Better save about 1,000 generated images into a folder and name that."
TOLD = {"samples": " --as samples", "steps": " --as steps", "sheets": " --as sheets"}


@dataclass(frozen=True)
class Advice:
    """`why` is a sentence; `command` what would measure the run,
    with words in capitals for what only its owner knows.
    """

    why: str
    command: str


@dataclass(frozen=True)
class Given:
    """What was typed: the folder, the flags that say how to measure, and what numbered pictures are."""

    root: str | Path = "RUNS"
    flags: str = ""
    pictures: str = "auto"

    def command(self, what: str | None = None, told: str | None = None, *, beside: bool = False) -> str:
        """`ganeval-report` with all that was typed; real images and a network where nothing names them."""
        words = shlex.split(self.flags)
        real = "" if "--real" in words or beside else f" {REAL}"
        network = "" if any(word in NETWORKS for word in words) else f" {NETWORK}"
        flags = f" {self.flags}" if self.flags else ""
        seen = TOLD.get(told or self.pictures, "")
        return f"ganeval-report {shlex.quote(str(self.root)) if what is None else what}{seen}{real}{flags}{network}"


def advice_of(run: RunRecord, given: Given, *, sheets: bool = False, refused: str = "") -> Advice | None:
    """None for a run that is evaluated or cannot be read. sheets: its pictures are known to hold many images each;
    refused: why its samples could not be measured.
    """
    if run.evaluations or run.error:
        return None
    if refused:
        return Advice(
            f"Its samples were not measured: {refused}", given.command(beside=real_beside(run.path) is not None)
        )
    if run.samples and run.protocol.get("real"):
        return Advice("Its samples wait to be measured.", f"ganeval-report {shlex.quote(str(given.root))}")
    if run.samples:
        beside = real_beside(run.path) is not None
        what = "the network to compare them by is" if beside else "the real images and the network to compare with are"
        return Advice(f"Its samples can be measured once {what} named.", given.command(beside=beside))
    if run.grids and all(grid.span is None for grid in run.grids) and run.reader != "ganeval":
        return _of_pictures(run, given, sheets=sheets)
    return Advice(
        "It holds no generated images that could be measured. Save about 1,000 of them into a folder.",
        given.command("GENERATED_IMAGES"),
    )


def _of_pictures(run: RunRecord, given: Given, *, sheets: bool) -> Advice:
    command = given.command(told="sheets")
    if sheets:
        return Advice(
            "Its pictures hold many images each: their tiles can be measured, with the wide intervals that so few "
            f"images give. {SAVE}",
            command,
        )
    if (
        run.reader not in ("pictures", "table", "textlog")
        or all(grid.rows for grid in run.grids)
        or len(run.grids) == 1
    ):
        why = (
            "Its pictures may be sheets of many images, of which the tiles can be measured; a few give wide intervals."
        )
        return Advice(f"{why} {SAVE}", command)
    return Advice(
        "Its pictures were taken for one picture a step. If each is one generated image, say so; if each is a "
        "sheet of tiles, write --as sheets; else save about 1,000 generated images into a folder and name that.",
        given.command(told="samples"),
    )


def passed_over(folder: Path, opened: Container[Path] = ()) -> str:
    """A line on the files of a folder that no reader opens, by kind; "" where there are none. opened: those that one
    does.
    """
    kinds = Counter(
        Path(name).suffix.lower()
        for name in names_in(folder)
        if name.lower().endswith(UNREAD)
        and not name.startswith(".")
        and (folder / name).is_file()
        and folder / name not in opened
    )
    what = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
    images = (
        " Images in archives are measured by `ganeval evaluate FILE`."
        if {".zip", ".tar", ".parquet"} & {*kinds}
        else ""
    )
    more = "".join(f" {REMEDIES[kind]}" for kind in REMEDIES if kind in kinds)
    return f"passed over, no reader opens them: {what}.{images}{more}" if what else ""


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
