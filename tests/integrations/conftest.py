"""What the bridges log: one small evaluation that was really measured."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval import Evaluation, Protocol, measure


@pytest.fixture(scope="session")
def measured() -> Evaluation:
    rng = np.random.default_rng(0)
    protocol = Protocol(real=rng.normal(size=(120, 4)), metrics=("fid", "kid", "precision", "classifier_score"))
    return measure(rng.normal(size=(100, 4)) + 0.5, protocol, name="cgan", step=200)
