"""Names inside a run directory, shared by the writer and the reader.

    runs/
      0007-dcgan-mnist/                  counter gives the order, the slug is free text
        run.json                         who, when, how: schema ganeval.run/1
        config.toml                      the exact resolved configuration
        log.txt                          lines for people
        lock.json                        the process that writes the run, only while it does
        events.jsonl                     {"step", "time", "tag", "value"} or {"step", "time", "event", ...}
        metric-NAME.jsonl                mirror of the evaluations in the format of the StyleGAN family
        samples/fixed/step-000200.png    sprite of fixed latents; layout.json says rows, columns, tile, labels
        samples/eval/step-002000.npz     arr_0 uint8 (n, h, w, c), arr_1 labels int64 (n,), latents: their name
        checkpoints/step-002000.safetensors, last.json, best.json
        eval/step-002000/result.json     schema ganeval.evaluation/1, its arrays beside it
        gate/verdict.json                schema ganeval.verdict/1: what the gate said last

Evaluations of another trainer's run lie in `.ganeval/eval/step-NNNNNN/` of its folder: hidden, so that a folder of
images stays one. JSON is replaced atomically, JSONL only grows, nothing is a pickle, no path leads outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganeval.core.files import read_json
from ganeval.errors import BrokenRunError

SCHEMA = "ganeval.run/1"
RUN, CONFIG, LOG, EVENTS = "run.json", "config.toml", "log.txt", "events.jsonl"
FIXED, SAMPLES, CHECKPOINTS, EVALUATIONS = "samples/fixed", "samples/eval", "checkpoints", "eval"
LAYOUT = "layout.json"
LOCK = "lock.json"
VERDICT = "gate/verdict.json"
FOREIGN = ".ganeval"  # the only folder that is made inside another trainer's run
IMAGE_KEYS = ("arr_0", "images", "x", "samples")  # names of the images in an .npz, the first one counts
LABEL_KEYS = ("arr_1", "labels", "y", "label")  # of their classes
LATENTS, MAX_LATENTS = "latents", 200  # the array in a sample file, and the characters of its name
_STEP = re.compile(r"step-(\d{1,12})")
_COUNTER = re.compile(r"(\d+)-")


def step_name(step: int) -> str:
    """
    >>> step_name(200)
    'step-000200'
    """
    return f"step-{step:06d}"


def by_step(folder: Path, suffix: str) -> Iterator[tuple[int, Path]]:
    """(step, path) of everything named `step-NNNNNN<suffix>` in `folder`, by step; links are not followed."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _STEP.fullmatch(path.name.removesuffix(suffix)) if path.name.endswith(suffix) else None
        if match and not path.is_symlink():
            found.append((int(match.group(1)), path))
    return iter(sorted(found))


def evaluations(run: Path) -> list[Path]:
    """The folders that hold evaluations of a run by step; of another trainer's run what is hidden comes first."""
    return [run / EVALUATIONS] if (run / RUN).is_file() else [run / FOREIGN / EVALUATIONS, run / EVALUATIONS]


def result_path(run: Path, step: int) -> Path:
    """Where the evaluation at `step` is, else where it goes."""
    places = [folder / step_name(step) / "result.json" for folder in evaluations(run)]
    return next((path for path in places if path.is_file()), places[0])


def counter(folder: Path) -> int:
    """The number in front of a run's name, 0 where there is none.

    >>> counter(Path("runs/0007-dcgan-mnist"))
    7
    """
    match = _COUNTER.match(folder.name)
    return int(match.group(1)) if match else 0


def read_info(folder: Path) -> dict[str, Any]:
    """run.json of `folder`; raises `BrokenRunError` where it is absent, no JSON, or of another schema."""
    if folder.is_dir() and not (folder / RUN).exists():
        raise BrokenRunError(f"{folder} must be the folder of a run; it has no {RUN}. Name one of the folders in it.")
    info = read_json(folder / RUN)
    found = info.get("schema") if isinstance(info, dict) else type(info).__name__
    if found != SCHEMA:
        raise BrokenRunError(f"{folder / RUN} must have schema {SCHEMA!r}; got {found!r}.")
    return info
