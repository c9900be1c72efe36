"""Small evaluations with known truth, made without a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ganeval.records.scores import Evaluation, Passport, ScoreRecord

REAL = Passport("hoda:test", "ab" * 32, 20000, 64, "hoda", "cd" * 32, "28x28 grey, 0..1")
CLASSES = tuple("0123456789")


def proportion(name: str, hits: np.ndarray, labels: np.ndarray | None = None, **more: Any) -> ScoreRecord:
    p, n = float(hits.mean()), len(hits)
    details: dict[str, Any] = {}
    if labels is not None:
        counts = [(int((labels == c).sum()), int(hits[labels == c].sum())) for c in range(10)]
        details["classes"] = [
            {"name": CLASSES[c], "n": m, "recall": k / m if m else None} for c, (m, k) in enumerate(counts)
        ]
    se = float(np.sqrt(p * (1 - p) / n))
    return ScoreRecord(name, "ok", p, se=se, n=n, better="higher", details=details, **{"linear": "correct", **more})


def distance(name: str, rows: np.ndarray, level: float, **more: Any) -> ScoreRecord:
    se = float(rows.std(ddof=1) / np.sqrt(len(rows)))
    return ScoreRecord(name, "ok", level + float(rows.mean()), se=se, n=len(rows), **{"linear": "influence", **more})


def build(
    *,
    n: int = 2000,
    seed: int = 0,
    shift: float = 0.0,
    accuracy: float = 0.97,
    jitter: float = 1.0,
    level: float = 5.0,
    broken_class: int | None = None,
    options: dict[str, Any] | None = None,
) -> Evaluation:
    """fid = level + mean of rows (sd 1), classifier_score = share of hits; equal seeds share the latents.

    `shift` is a true rise of fid; `jitter` below 1 draws rows mostly from the latents, so that pairing pays.
    """
    latent = np.random.default_rng([seed, 1])
    own = np.random.default_rng([seed, 2, int(1e6 * abs(shift)), int(1e6 * accuracy)])
    rows = (
        latent.normal(size=n) * np.sqrt(1 - (jitter - 1) ** 2)
        if jitter == 1.0
        else (latent.normal(size=n) + jitter * own.normal(size=n))
    )
    rows = rows + shift
    labels = np.arange(n) % 10
    hits = (latent.random(n) < accuracy).astype(np.float32)
    if broken_class is not None:
        hits[labels == broken_class] = own.random((labels == broken_class).sum()) < accuracy - 0.3
    scores = {
        "fid": distance("fid", rows, level, biased_in_n=True),
        "classifier_score": proportion("classifier_score", hits, labels),
        "missing_classes": ScoreRecord("missing_classes", "ok", 0.0, n=n),
    }
    vectors = {"fid.influence": rows - rows.mean(), "classifier_score.correct": hits}
    images = hashlib.sha256(rows.tobytes() + hits.tobytes()).hexdigest()
    return Evaluation(
        name="cgan",
        created="2026-11-20T10:00:00+00:00",
        real=REAL,
        fake=replace(REAL, source="cgan", n=n, fingerprint=images),
        scores=scores,
        protocol={"seed": seed, **({"options": options} if options else {})},
        labelled=True,
        latents=f"seed {seed}, n {n}",
        labels=labels,
        classifier="hoda",
        per_sample={key: np.asarray(v, np.float32) for key, v in vectors.items()},
    )


@pytest.fixture
def make_evaluation() -> Callable[..., Evaluation]:
    return build
