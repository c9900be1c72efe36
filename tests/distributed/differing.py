"""One of two ranks that differ in one thing after the other: python differing.py OUT.json."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ganeval import GanevalError, evaluate, image_set
from ganeval.classifiers import wrap
from ganeval.core.compute import Compute
from ganeval.distributed import current, leave
from ganeval.features.extraction import extract

torch.set_num_threads(1)
RANKS = current()
ME = RANKS.rank
DATA = image_set("digits:train").take(np.arange(300))
FAKE = DATA.array()[:60]
OWN = np.random.default_rng(ME)


def judge(width: int = 16, divisor: float = 16, *, fails: bool = False) -> Any:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def preprocess(images: torch.Tensor) -> torch.Tensor:
        if fails and len(images) > 1:
            raise ValueError("fails here")
        return images / divisor

    made = wrap(net, name="mine", preprocess=preprocess, preprocessing="x", class_names="0123456789", layer="1")
    object.__setattr__(made, "weights_sha256", "ab" * 32)
    return made


def careless(n: int, labels: object, rng: object) -> np.ndarray:
    return OWN.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "other": lambda: {"fake": DATA.array()[60 * ME : 60 * ME + 60]},
    "fewer": lambda: {"fake": FAKE[: 60 - ME]},
    "labels": lambda: {"labels": np.full(60, ME)},
    "generator": lambda: {"fake": careless, "n": 60},
    "metrics": lambda: {"metrics": ["fid", "kid"][: 2 - ME]},
    "heldout": lambda: {"heldout": DATA if ME else None},
    "train": lambda: {"train": DATA if ME else None},
    "real": lambda: {"real": DATA.take(np.arange(200 - ME))},
    "n": lambda: {"n": 50 - ME},
    "seed": lambda: {"n": 50, "seed": ME},
    "extractor": lambda: {"extractor": "pixels" if ME else None},
    "preprocess": lambda: {"classifier": judge(divisor=16 + ME)},
    "width": lambda: {"classifier": judge(width=16 + ME)},
    "features": lambda: {
        "fake": extract(image_set(DATA.array()[ME : ME + 60]), "digits", compute=Compute(cache=False))
    },
    "missing": lambda: {"fake": "no such folder" if ME else FAKE},
    "fails": lambda: {"classifier": judge(fails=bool(ME))},
    "same": dict,
}


def words(case: Callable[[], dict[str, Any]]) -> str:
    usual = {"real": "digits:test", "fake": FAKE, "classifier": "digits", "metrics": ["fid"], "floor": False}
    try:
        return str(evaluate(**{**usual, **case(), "ranks": RANKS})["fid"])
    except GanevalError as error:
        return f"{type(error).__name__} {error}"


if __name__ == "__main__":
    kept = Path(os.environ["XDG_CACHE_HOME"]) / "ganeval" / "features"
    found = {}
    for name, case in CASES.items():
        if name == "same":
            found["stored"] = str(len(list(kept.glob("*"))))
        found[name] = words(case)
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
    leave(0)
