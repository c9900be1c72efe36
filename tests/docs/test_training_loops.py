"""The tutorials of the training loop run as they stand, and their generator gets measurably better."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from ganeval import Evaluation
from ganeval.integrations.watch import Watch

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["training_loop", "training_loop_lightning", "training_loop_accelerate"])
def test_a_generator_is_measured_while_it_trains_and_its_best_step_is_kept(name: str) -> None:
    for library in ("lightning", "accelerate"):
        if name.endswith(library):
            pytest.importorskip(library, reason=f"this tutorial is about {library}")
    ran = runpy.run_path(str(TUTORIALS / f"{name}.py"))
    watch = ran["watch"] if "watch" in ran else ran["callback"].watch
    assert isinstance(watch, Watch)
    assert isinstance(watch.best, Evaluation)
    assert (watch.best.step or 0) > watch.every, "training made it better than at the first step that was measured"
    kept = sorted(path.name for path in ran["folder"].glob("best*")) if "folder" in ran else []
    assert kept in ([], ["best.ckpt"], ["best.pt"])
    assert bool(kept) == ("folder" in ran)
