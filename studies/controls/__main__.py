"""What each metric sees of each control: who notices the fault, who is blind to it, who is fooled."""

from __future__ import annotations

from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.records.scores import Evaluation
from reference_models.controls.control import CONTROLS
from studies.controls.calibration import SIZES, Sizes, calibrate
from studies.controls.page import render_page
from studies.page import RESULTS


def main(*, dataset: str = "hoda", out: Path = RESULTS, keep: Path | None = None, seed: int = 0) -> Path:
    """Write `out/controls.md`.

    Args:
        dataset: hoda, mnist, digits or another with a judge of the same name.
        out: folder of the page.
        keep: folder of finished evaluations, so that a stopped measurement goes on; by default nothing is kept.
        seed: of the partition, of the images drawn and of the metrics.
    """
    sizes = SIZES.get(dataset, Sizes())
    found = dict(_kept(keep)) if keep else {}
    if set(found) != set(CONTROLS.names()):
        for name, evaluation in calibrate(dataset, sizes, seed, skip=tuple(found)):
            found[name] = evaluation
            if keep:
                evaluation.write(keep / name / "result.json")
    return write_atomic(out / "controls.md", render_page(dataset, found, sizes, seed))


def _kept(folder: Path) -> list[tuple[str, Evaluation]]:
    paths = [(name, folder / name / "result.json") for name in CONTROLS.names()]
    return [(name, Evaluation.read(path)) for name, path in paths if path.is_file()]
