"""Small results with known rows, made without a network."""

from __future__ import annotations

import numpy as np

from ganeval.records.scores import Evaluation, Passport, Score, ScoreRecord


def evaluation(seed: int, value: float, n: int = 400) -> Evaluation:
    """kid = `value` with n standard normal rows of influence, from `seed`."""
    rows = np.random.default_rng(seed).normal(size=n)
    passport = Passport("digits ✓", "f" * 64, n, 8, "hoda", "w" * 64, "none")
    record = ScoreRecord.of(Score.from_influence(value, rows).with_(name="kid"))
    return Evaluation(
        "ß ✓",
        "2026-01-01T00:00:00+00:00",
        passport,
        passport,
        {"kid": record},
        step=3,
        per_sample={"kid.influence": rows.astype(np.float32)},
    )
