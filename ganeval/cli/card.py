"""`ganeval card`: the model card of a run."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from ganeval.cli.say import note, require_places
from ganeval.core.files import write_atomic, writing
from ganeval.core.shown import MaybePath
from ganeval.errors import WrongInputError, printable


def card(run: Positional[Path], out: MaybePath = None, force: bool = False) -> int:
    """Write the model card of a run, README.md, as the Hugging Face Hub reads it.

    Args:
        run: The folder of one run, ours or of another trainer.
        out: Where the card goes; by default README.md in the folder of the run.
        force: Write over a file that is there.
    """
    from ganeval.runs.card import render_card
    from ganeval.runs.discovery import find_runs

    found = find_runs(run).runs
    if len(found) != 1:
        listed = ", ".join(printable(one.id) for one in found[:5])
        raise WrongInputError(
            f"A card is of one run; {printable(run)} holds {len(found)}{f': {listed}' if listed else ''}."
        )
    if found[0].error:
        raise WrongInputError(f"{printable(run)} cannot be read: {found[0].error}")
    path = found[0].path / "README.md" if out is None else out
    if path.exists() and not force:
        raise WrongInputError(f"{printable(path)} is there already. Name another --out, or write over it: --force.")
    require_places(path)
    with writing(path):
        write_atomic(path, render_card(found[0], licence=_licence(found[0].protocol.get("real"))))
    note(f"wrote {path}")
    return 0


def _licence(source: object) -> str:
    """Of a registered data set that is named "name:split"; "" of anything else."""
    from ganeval.datasets.dataset import DATASETS

    name, colon, _ = str(source or "").partition(":")
    return DATASETS[name].licence if colon and name in DATASETS else ""
