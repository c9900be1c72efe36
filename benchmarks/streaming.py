"""Memory and time of large sets: `python -m benchmarks.streaming moments 10000 100000`, `rows 2000`, `decoding 2000`.

moments: so many synthetic grey images 32 x 32 of a generator, through the pixels extractor (d = 1,024), moments alone.
rows: so many images 3 x 256 x 256 of a generator through `measure`, with an extractor of 64 numbers an image.
decoding: images/s of folders of so many PNG and JPEG files 256 x 256, read by `feed` and by a torch DataLoader.
neighbours: the sweep of so many rows of 128 numbers against as many, in as many processes as torchrun starts.
staying: the same, where each process has its own rows only.

Each size runs in a process of its own; the peak is the largest resident memory that the system saw of it. Processor
seconds are those of all its threads, and the ones to compare where a machine has other work to do.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded
from ganeval.core.machine import processor
from ganeval.features.feed import feed
from ganeval.features.held import Held
from ganeval.features.own import Own, crossed
from ganeval.features.pair import Pair
from ganeval.features.ranks import current, leave
from ganeval.features.rows import Features
from ganeval.features.streaming import stream
from ganeval.images import image_set
from ganeval.images.generated import from_generator
from ganeval.measure.measure import measure
from ganeval.records.protocol import Protocol

SEED = 0
SIDE = 256


def grey(n: int, _labels: object, rng: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 256, (n, 1, 32, 32), generator=rng, dtype=torch.uint8)


def colour(n: int, _labels: object, rng: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, SIDE, SIDE), generator=rng, dtype=torch.uint8)


class Pooled:
    """Stands in for a network: the means of 8 x 8 fields, three channels in one."""

    name, weights_sha256, preprocessing, class_names, confusion, batch_size = "pooled", "", "none", (), None, 64

    def to(self, *_: object) -> Pooled:
        return self

    def __call__(self, images: torch.Tensor) -> Embedded:
        return Embedded(torch.nn.functional.adaptive_avg_pool2d(images.float().mean(1, keepdim=True), 8).flatten(1))


def moments(n: int) -> dict[str, Any]:
    images = from_generator(grey, n=n, labels=None, seed=SEED, first=0)
    return {"mean": float(stream(images, "pixels").moments.mean.mean())}


def rows(n: int) -> dict[str, Any]:
    real = np.random.default_rng(SEED).integers(0, 256, (200, 3, SIDE, SIDE), dtype=np.uint8)
    protocol = Protocol(real=real, extractor=Pooled(), metrics=("fid", "precision"), n=n, floor=False)
    return {"fid": measure(colour, protocol, Compute(cache=False))["fid"].value}


def neighbours(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    real, fake = (Features.given(_normal(rng, n)) for _ in range(2))
    ranks = current()
    found = Pair(real, fake, ranks=ranks).neighbours(5)
    return {"ranks": ranks.size, "inside": int(found.crossing.in_real.count.sum())}


def staying(n: int) -> dict[str, Any]:
    ranks = current()
    start, stop = ranks.span(n)
    rng = np.random.default_rng([SEED, ranks.rank])
    real, fake = (Held.of_share(torch.from_numpy(_normal(rng, stop - start)), ranks) for _ in range(2))
    one, two = (Own(held.stand_in(), held) for held in (real, fake))
    found = crossed(one, two, one.nearest(6, ranks), two.nearest(13, ranks), None, ranks)
    return {"ranks": ranks.size, "inside": int(found.in_real.count.sum())}


def _normal(rng: np.random.Generator, n: int) -> NDArray[np.float32]:
    return rng.standard_normal((n, 128), dtype=np.float32)


def decoding(n: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("png", "jpg"):
            where = Path(folder, kind)
            _write(where, kind, n)
            for workers in (0, 1, 2):
                found[f"{kind}, ours, {workers} workers"] = _rate(n, partial(_ours, where, workers))
                found[f"{kind}, DataLoader, {workers} workers"] = _rate(n, partial(_loader, where, workers))
    return found


def _write(where: Path, kind: str, n: int) -> None:
    where.mkdir()
    rng = np.random.default_rng(SEED)
    for i in range(n):  # smooth and noisy, as photographs are
        small = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize((SIDE, SIDE))
        noise = rng.integers(-6, 7, (SIDE, SIDE, 3))
        Image.fromarray(np.clip(np.asarray(small) + noise, 0, 255).astype(np.uint8)).save(where / f"{i:05}.{kind}")


def _ours(where: Path, workers: int) -> int:
    images = image_set(where)
    spans = [(start, min(start + 64, len(images))) for start in range(0, len(images), 64)]
    return sum(len(batch.pixels) for batch in feed(images, spans, workers))


class _Files(torch.utils.data.Dataset):  # pyright: ignore[reportMissingTypeArgument]
    def __init__(self, where: Path) -> None:
        self.files = sorted(where.iterdir())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(np.array(Image.open(self.files[index]).convert("RGB")).transpose(2, 0, 1))


def _loader(where: Path, workers: int) -> int:
    loader = torch.utils.data.DataLoader(_Files(where), batch_size=64, num_workers=workers)
    return sum(len(batch) for batch in loader)


def _rate(n: int, read: Callable[[], int]) -> float:
    started = time.perf_counter()
    assert read() == n
    return round(n / (time.perf_counter() - started))


TASKS = {"moments": moments, "rows": rows, "neighbours": neighbours, "staying": staying, "decoding": decoding}


def main(task: str, *sizes: str) -> None:
    if len(sizes) != 1:
        for size in sizes:
            subprocess.run([sys.executable, "-m", __spec__.name, task, size], check=True)  # noqa: S603 - ourselves
        return
    before, started, busy = _peak(), time.perf_counter(), time.process_time()
    found = TASKS[task](int(sizes[0]))
    times = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - busy}
    said = {"task": task, "n": int(sizes[0]), **{name: round(taken, 1) for name, taken in times.items()}, **found}
    print(json.dumps({**said, "peak_mib": _peak(), "of_which_imports_mib": before, "machine": processor()}))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
    leave(0)
