"""`ganeval ls`: what is registered under a name, and what it is for."""

from __future__ import annotations

from typing import Any, Literal

from tyro.conf import Positional

from ganeval.cli.tables import aligned
from ganeval.core.listing import Listed, listed
from ganeval.core.registry import Registry, has_plugins


def ls(kind: Positional[Literal["metrics", "datasets", "classifiers", "extractors"]] = "metrics") -> int:
    """What is registered under a name, and what it is for.

    Args:
        kind: metrics, datasets, classifiers or extractors.
    """
    print("\n".join(aligned(_registered(kind))))
    return 0


def _registered(kind: str) -> list[tuple[str, ...]]:
    if kind == "metrics":
        head = ("metric", "better", "question", "paper", "what it says")
        return [head, *map(_metric, _all(kind))]
    if kind == "datasets":
        from ganeval.datasets.dataset import DATASETS

        head = ("data set", "splits", "shape", "classes", "licence")
        rows = [
            (d.name, " ".join(d.splits), "x".join(map(str, d.shape)), str(len(d.classes)), d.licence) for d in DATASETS
        ]
        return [head, *rows]
    return [("name", "what it is"), *((one.name, one.said.get("summary", "")) for one in _all(kind))]


def _all(kind: str) -> list[Listed]:
    """What lies in the room, and what plug-ins add, which only an import tells."""
    found = {one.name: one for one in listed(kind)}
    more = _registry(kind) if has_plugins(f"ganeval.{kind}") else ()
    added = {thing.name: _described(thing) for thing in more if thing.name not in found}
    return [one for _, one in sorted({**found, **added}.items())]


def _registry(kind: str) -> Registry:
    if kind == "metrics":
        from ganeval.metrics import METRICS

        return METRICS
    from ganeval.classifiers.catalog import CLASSIFIERS
    from ganeval.extractors import EXTRACTORS

    return CLASSIFIERS if kind == "classifiers" else EXTRACTORS


def _described(thing: Any) -> Listed:
    said = {key: str(getattr(thing, key, "")) for key in ("better", "question", "paper", "summary")}
    return Listed(thing.name, said, getattr(thing, "card", ""))


def _metric(one: Listed) -> tuple[str, ...]:
    return (one.name, *(one.said.get(key, "") for key in ("better", "question", "paper")), one.card.split("\n")[0])
