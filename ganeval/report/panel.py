"""What a panel of the page is: a name, a sentence on how to read it, and a function from the page's data to HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganeval.core.registry import Registry


@dataclass(frozen=True)
class Absent:
    """Why a panel has nothing to show, and what would fill it; `hide` leaves the panel out of the page."""

    reason: str
    hide: bool = False


@dataclass(frozen=True)
class Panel:
    """One section of the page. `prepare` gets a `Page` and returns what `template` (Jinja2) needs, or `Absent`.

    The template's variables are those of `prepare` and `page`; the macros of `macros.html` are imported as `ui`.
    """

    name: str
    order: int
    title: str
    how_to_read: str
    prepare: Callable[[Any], dict[str, Any] | Absent]
    template: str
    per_run: bool = False  # shows the runs chosen in the toolbar only


PANELS = Registry(Panel, "ganeval.report.panels", "panel")


def panels_in_order() -> list[Panel]:
    return sorted(PANELS, key=lambda panel: (panel.order, panel.name))
