"""`ganeval zoo`: the shipped classifiers."""

from __future__ import annotations

from tyro.conf import Positional

from ganeval.cli.say import require_places
from ganeval.core.shown import MaybePath


def zoo_list() -> int:
    """The shipped and plugged-in classifiers with their accuracy."""
    from ganeval.classifiers.zoo import render_list

    print(render_list())
    return 0


def zoo_show(name: Positional[str]) -> int:
    """The card of one classifier: data, recipe, accuracy with interval, confusion, calibration.

    Args:
        name: For example hoda.
    """
    from ganeval.classifiers.zoo import render_card

    print(render_card(name))
    return 0


def zoo_train(name: Positional[str], out: MaybePath = None) -> int:
    """Train a shipped classifier again, bit for bit on the same machine; or a judge for labelled images of yours.

    Args:
        name: For example digits; or labelled images: a folder, a zip, an npz.
        out: The folder for weights and card; a judge goes to the user cache without it.
    """
    from ganeval.classifiers.judges import is_judge
    from ganeval.classifiers.zoo import train

    require_places(None if out is None else out / "weights")
    paths = train(name, out)
    for path in paths:
        print(path)
    print(f"use it: --classifier {next(str(path) for path in paths if is_judge(str(path)))}")
    return 0


zoo = {"list": zoo_list, "show": zoo_show, "train": zoo_train}
