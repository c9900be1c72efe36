"""One of some ranks that measure a generator and a folder together: python sharing.py FOLDER OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ImageFile

from ganeval.core.compute import Compute
from ganeval.features.ranks import current, leave
from ganeval.measure.measure import measure
from ganeval.records.protocol import Protocol

N = 1700  # four blocks of 500, the last of them short
METRICS = ("fid", "kid", "precision", "recall", "density", "coverage")
DRAWN: list[int] = []
DECODED: list[int] = []


def generator(n: int, labels: object, rng: torch.Generator) -> torch.Tensor:
    DRAWN.append(n)
    return torch.randint(0, 200, (n, 1, 8, 8), generator=rng, dtype=torch.uint8)


def count_decodes() -> None:
    load = ImageFile.ImageFile.load

    def counted(self: ImageFile.ImageFile) -> Any:
        if getattr(self, "_im", None) is None:
            DECODED.append(1)
        return load(self)

    ImageFile.ImageFile.load = counted


if __name__ == "__main__":
    torch.set_num_threads(1)
    count_decodes()
    ranks = current()
    found = measure(
        generator,
        Protocol(real=sys.argv[1], extractor="pixels", metrics=METRICS, n=N, floor=False),
        Compute(ranks=ranks, batch_size=64, workers=2),
    )
    told = {
        "drawn": DRAWN,
        "decoded": len(DECODED),
        "scores": {name: [score.value, score.se] for name, score in found.scores.items()},
        "real": found.real.fingerprint,
        "fake": found.fake.fingerprint,
        "signatures": {name: score.signature for name, score in found.scores.items()},
        "influence": np.asarray(found.per_sample["fid.influence"])[:5].tolist(),
    }
    Path(sys.argv[2], f"{ranks.rank}of{ranks.size}.json").write_text(json.dumps(told), encoding="utf-8")
    leave(0)
