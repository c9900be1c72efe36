"""Files with one value changed, cut short, or with flipped bytes: what reading them gives.

A document may say another number after such a change and still be whole: nothing but a checksum can tell. Which files
carry one shows in the column "another answer".
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.reliability.damage import damage
from benchmarks.reliability.outcomes import attempt, table
from benchmarks.reliability.records import evaluation
from ganeval.core.compute import Compute
from ganeval.features.extraction import extract
from ganeval.features.rows import Features
from ganeval.gate.baseline import Baseline, read_baseline, write_baseline
from ganeval.images import image_set
from ganeval.records.scores import Evaluation
from ganeval.runs.directory import create_run
from ganeval.runs.discovery import find_runs
from reference_models.plumbing.checkpoint import decode_state, encode_state

READ = ("the same answer", "another answer", "sentence", "last guard", "traceback", "hang")
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)


@dataclass(frozen=True)
class Kept:
    """`make` writes files into an empty folder and returns the one to damage; `read` answers something comparable."""

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def _result(folder: Path) -> Path:
    return evaluation(0, 3.0).write(folder / "r.json")


def _read_result(folder: Path) -> Any:
    found = Evaluation.read(folder / "r.json", per_sample=True)
    return str(found), {name: rows.tobytes() for name, rows in found.per_sample.items()}


def _baseline(folder: Path) -> Path:
    return write_baseline(Baseline.of([evaluation(0, 3.0)], name="b"), folder / "b.json")


def _read_baseline(folder: Path) -> Any:
    last = read_baseline(folder / "b.json").last
    return str(last.entries), {name: rows.tobytes() for name, rows in last.per_sample.items()}


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "x.npz", PIXELS)
    return folder / "x.npz"


def _png(folder: Path) -> Path:
    (folder / "x").mkdir()
    for i, picture in enumerate(PIXELS):
        Image.fromarray(picture).save(folder / "x" / f"{i}.png")
    return folder / "x" / "3.png"


def _pixels(name: str) -> Callable[[Path], Any]:
    return lambda folder: image_set(folder / name).array().tobytes()


def _events(folder: Path) -> Path:
    run = create_run(folder / "runs", "a", config={}, seeds={}, protocol={})
    for step in range(9):
        run.log(step, {"loss": 1.0 / (step + 1)})
    return run.path / "events.jsonl"


def _samples(folder: Path) -> Path:
    run = create_run(folder / "runs", "a", config={}, seeds={}, protocol={})
    return run.write_samples(3, PIXELS[:, None])


def _read_run(folder: Path) -> Any:
    (run,) = find_runs(folder / "runs").runs
    return str(run.curves), run.error, run.problems


def _cached(folder: Path) -> Path:
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    _read_cached(folder)
    (entry,) = (folder / "cache").rglob("*.safetensors")
    return entry


def _read_cached(_: Path) -> Any:
    found = extract(image_set("digits:test").take(np.arange(20)), "digits", compute=Compute(progress=False))
    return found.embeddings.numpy().tobytes()


def _features(folder: Path) -> Path:
    return Features.given(PIXELS.reshape(12, -1) / 255).save(folder / "f.safetensors")


def _checkpoint(folder: Path) -> Path:
    rows = torch.linspace(0, 1, 300)
    (folder / "c.safetensors").write_bytes(encode_state({"net": {"w": rows}, "step": 7, "done": [1, 2]}))
    return folder / "c.safetensors"


def _read_checkpoint(folder: Path) -> Any:
    found = decode_state((folder / "c.safetensors").read_bytes())
    buffer = io.BytesIO(found["net"]["w"].numpy().tobytes())
    return buffer.getvalue(), str(found["step"]), str(found["done"])


def _vectors_of(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        make(folder)
        (arrays,) = folder.glob("*.safetensors")
        return arrays

    return made


FILES = (
    Kept("result, JSON", _result, _read_result),
    Kept("result, rows", _vectors_of(_result), _read_result),
    Kept("baseline, JSON", _baseline, _read_baseline),
    Kept("baseline, rows", _vectors_of(_baseline), _read_baseline),
    Kept("images, compressed npz", _npz, _pixels("x.npz")),
    Kept("images, one PNG of a folder", _png, _pixels("x")),
    Kept("events.jsonl of a run", _events, _read_run),
    Kept("samples of a run, npz: its curves", _samples, _read_run),
    Kept("entry of the features cache", _cached, _read_cached),
    Kept(
        "saved features", _features, lambda folder: Features.load(folder / "f.safetensors").embeddings.numpy().tobytes()
    ),
    Kept("checkpoint", _checkpoint, _read_checkpoint),
)


def corrupted(kept: Kept, folder: Path, times: int, first: int) -> Counter[str]:
    """`times` damages of one file, from the seeds `first`, `first` + 1, ..., each on the whole file."""
    folder.mkdir(parents=True)
    path = kept.make(folder)
    whole, right, counts = path.read_bytes(), kept.read(folder), Counter[str]()
    for seed in range(first, first + times):
        path.write_bytes(whole)
        damage(path, seed)
        how, found = attempt(lambda: kept.read(folder))
        answer = READ[0] if found == right else READ[1]
        counts[answer if how == "answer" else how] += 1
    return counts


def corruptions(folder: Path, times: int, first: int) -> str:
    """The table over all kinds of file."""
    rows = {kept.name: corrupted(kept, folder / str(number), times, first) for number, kept in enumerate(FILES)}
    return table("damaged", READ, rows)
