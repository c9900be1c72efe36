"""One of some ranks that measure a generator and a folder together: python sharing.py FOLDER OUT."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ImageFile

from ganeval.core.compute import Compute
from ganeval.features.ranks import Ranks, current, leave
from ganeval.measure.measure import measure
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation

N = 1700  # four blocks of 500, the last of them short
WIDTH = 64  # of a row
METRICS = ("fid", "kid", "mmd_rbf", "precision", "recall", "density", "coverage")
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


def table(found: Evaluation) -> dict[str, list[float | None]]:
    return {name: [score.value, score.se] for name, score in found.scores.items()}


def note_what_is_sent() -> list[int]:
    """How many numbers each gathering of rows of features puts on every rank."""
    gather, sent = Ranks.gather, []

    def noted(self: Ranks, rows: torch.Tensor, counts: Any = None) -> torch.Tensor:
        found = gather(self, rows, counts)
        sent.append(found.numel() if found.ndim == 2 and found.shape[1] == WIDTH else 0)
        return found

    Ranks.gather = noted
    return sent


if __name__ == "__main__":
    torch.set_num_threads(1)
    count_decodes()
    ranks = current()
    protocol = Protocol(real=sys.argv[1], extractor="pixels", metrics=METRICS, n=N, floor=False)
    compute = Compute(ranks=ranks, batch_size=64, workers=2)
    found = measure(generator, protocol, compute)
    drawn, decoded, sent = [*DRAWN], len(DECODED), note_what_is_sent()
    stayed = measure(generator, protocol, replace(compute, cache_gib=0))
    told = {
        "drawn": drawn,
        "decoded": decoded,
        "scores": table(found),
        "stayed": table(stayed),
        "sent": max(sent, default=0),
        "stayed signatures": {name: score.signature for name, score in stayed.scores.items()},
        "real": found.real.fingerprint,
        "fake": found.fake.fingerprint,
        "signatures": {name: score.signature for name, score in found.scores.items()},
        "influence": np.asarray(found.per_sample["fid.influence"])[:5].tolist(),
    }
    Path(sys.argv[2], f"{ranks.rank}of{ranks.size}.json").write_text(json.dumps(told), encoding="utf-8")
    leave(0)
