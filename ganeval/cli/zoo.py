"""`ganeval zoo`: the shipped classifiers."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from ganeval.cli.say import require_places


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


def zoo_train(name: Positional[str], out: Path) -> int:
    """Train a shipped classifier again; on the same machine the weights repeat bit for bit.

    Args:
        name: For example digits.
        out: The folder for weights and card.
    """
    from ganeval.classifiers.zoo import train

    require_places(out / "weights")
    for path in train(name, out):
        print(path)
    return 0


zoo = {"list": zoo_list, "show": zoo_show, "train": zoo_train}
