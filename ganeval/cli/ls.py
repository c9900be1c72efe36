"""`ganeval ls`: what is registered under a name, and what it is for."""

from __future__ import annotations

from typing import Literal

from tyro.conf import Positional

from ganeval.cli.tables import aligned


def ls(kind: Positional[Literal["metrics", "datasets", "classifiers", "extractors"]] = "metrics") -> int:
    """What is registered under a name, and what it is for.

    Args:
        kind: metrics, datasets, classifiers or extractors.
    """
    print("\n".join(aligned(_registered(kind))))
    return 0


def _registered(kind: str) -> list[tuple[str, ...]]:
    if kind == "metrics":
        from ganeval.metrics import METRICS

        head = ("metric", "better", "question", "paper", "what it says")
        return [head, *((m.name, m.better, m.question, m.paper, m.card.split("\n")[0]) for m in METRICS)]
    if kind == "datasets":
        from ganeval.datasets.dataset import DATASETS

        head = ("data set", "splits", "shape", "classes", "licence")
        rows = [
            (d.name, " ".join(d.splits), "x".join(map(str, d.shape)), str(len(d.classes)), d.licence) for d in DATASETS
        ]
        return [head, *rows]
    from ganeval.classifiers import CLASSIFIERS
    from ganeval.extractors import EXTRACTORS

    registry = CLASSIFIERS if kind == "classifiers" else EXTRACTORS
    return [("name", "what it is"), *((spec.name, spec.summary) for spec in registry)]
