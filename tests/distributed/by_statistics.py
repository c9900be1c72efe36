"""One of two ranks that measure against statistics and by moments alone; at the end one of them dies: OUT FOLDER."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from ganeval.core.compute import Compute
from ganeval.errors import GanevalError
from ganeval.features.ranks import Ranks, current
from ganeval.measure.measure import measure
from ganeval.records.protocol import Protocol

N = 1700  # four blocks of 500, the last of them short


def generator(n: int, labels: object, rng: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 200, (n, 1, 8, 8), generator=rng, dtype=torch.uint8)


def dying(n: int, labels: object, rng: torch.Generator) -> torch.Tensor:
    if os.environ["RANK"] == "1" and n == N % 500:
        os._exit(9)  # in the last block, when it has embedded others already
    return generator(n, labels, rng)


def cases(folder: Path) -> dict[str, tuple[Any, Protocol]]:
    """What is measured, and how, by name."""
    fid = Protocol(real=str(folder / "mu_sigma.npz"), extractor="pixels", metrics=("fid",), floor=False)
    drawn, few = fid.with_(n=N), {"fid": {"se": False}}
    return {
        "drawn": (generator, drawn),
        "drawn, moments alone": (generator, drawn.with_(options=few)),
        "parts": (str(folder / "parts"), fid),
        "parts, moments alone": (str(folder / "parts"), fid.with_(options=few)),
        "statistics": (str(folder / "fake.safetensors"), fid),
        "statistics of ours": (generator, drawn.with_(real=str(folder / "real.safetensors"))),
    }


def values(images: Any, protocol: Protocol, ranks: Ranks | None) -> list[Any]:
    found = measure(images, protocol, Compute(ranks=ranks, batch_size=64, progress=False))
    return [found["fid"].value, found["fid"].se, found["fid"].signature, found.fake.n, found.real.n]


def refusal(images: Any, protocol: Protocol, ranks: Ranks) -> str:
    try:
        values(images, protocol, ranks)
    except GanevalError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    torch.set_num_threads(1)
    out, folder = map(Path, sys.argv[1:])
    ranks, asked = current(), cases(folder)
    told: dict[str, Any] = {name: values(*case, ranks) for name, case in asked.items()}
    own = str(folder / ("mu_sigma.npz", "other.npz")[ranks.rank])
    told["another file"] = refusal(generator, asked["drawn"][1].with_(real=own), ranks)
    write = (out / f"{ranks.rank}.json").write_text
    write(json.dumps(told), encoding="utf-8")
    started = time.monotonic()
    told["dead"] = refusal(dying, asked["drawn, moments alone"][1], ranks)
    told["seconds"] = time.monotonic() - started
    write(json.dumps(told), encoding="utf-8")
    os._exit(0)  # what is left of the group would wait for the dead rank
