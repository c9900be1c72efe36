"""What panels see: the runs as `RunView`s, and `Page`, which lends them charts, pictures and the choice of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from numpy.typing import NDArray

from ganeval.core.files import read_json
from ganeval.errors import GanevalError
from ganeval.records.scores import Evaluation
from ganeval.records.story import Story, story_of
from ganeval.records.text import visible
from ganeval.report.course import bad_end
from ganeval.report.hints import Hint, hints_of
from ganeval.report.pictures import Pictures
from ganeval.runs import layout
from ganeval.runs.discovery import Found
from ganeval.runs.evidence import evidence_of, group
from ganeval.runs.record import RunRecord
from ganeval.runs.sound import sound

MAX_STEPS = 400  # sprites on an embedded page, all runs together
MANY = 12  # runs beyond which pictures and charts are thinned


@dataclass(frozen=True, eq=False)
class RunView:
    """One run as the page shows it; `index` gives its colour and its place."""

    index: int
    record: RunRecord
    failures: list[str] = field(default_factory=list)  # panels that could not be drawn of it, and why

    @property
    def label(self) -> str:
        return visible(self.record.name or self.record.id, 80)

    @property
    def evaluation(self) -> Evaluation | None:
        """The last one."""
        return self.record.evaluations[-1] if self.record.evaluations else None

    @cached_property
    def story(self) -> Story:
        """The reading of the last evaluation, unless the training ended badly."""
        read, end = story_of(self.evaluation.scores if self.evaluation else None), bad_end(self.record)
        if end is None or (end.word == "failed" and self.evaluation is not None):
            return read
        return Story(end.level, end.word, (*end.sentences, *read.sentences))

    @property
    def dataset(self) -> str:
        """The real images: those of the last evaluation, else those that the run names; "" where nothing says."""
        said = self.evaluation.real.source if self.evaluation else self.record.protocol.get("real") or ""
        return visible(str(said), 60)

    @cached_property
    def hints(self) -> list[Hint]:
        return hints_of(self.record)

    @cached_property
    def _evidence(self) -> tuple[dict[str, NDArray], str]:
        if self.evaluation is None:
            return {}, ""
        try:
            return evidence_of(self.record.path, self.evaluation.step), ""
        except GanevalError as error:
            return {}, str(error)

    def evidence(self, name: str) -> dict[str, NDArray]:
        return group(self._evidence[0], name)

    @cached_property
    def verdict(self) -> dict[str, Any] | None:
        """gate/verdict.json, or None; a broken one is among the `problems`."""
        return self._verdict[0]

    @cached_property
    def _verdict(self) -> tuple[dict[str, Any] | None, str]:
        path = self.record.path / layout.VERDICT
        if self.record.error or not path.is_file():
            return None, ""
        try:
            document = sound(read_json(path))
        except GanevalError as error:
            return None, str(error)
        if not isinstance(document, dict) or document.get("schema") != "ganeval.verdict/1":
            return None, f"{layout.VERDICT} is not of schema ganeval.verdict/1 and is left out"
        return document, ""

    @property
    def problems(self) -> list[str]:
        """What could not be read of the run, its evidence and its verdict, and what could not be drawn of it."""
        found = [*self.record.problems, self._evidence[1], self._verdict[1], *self.failures]
        return [text for text in found if text]

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        judged = self.evaluation.fake.class_names if self.evaluation else ()
        return tuple(visible(name, 40) for name in (judged or self.record.class_names))

    def class_name(self, index: int) -> str:
        return self.class_names[index] if 0 <= index < len(self.class_names) else str(index)


@dataclass
class Page:
    """The runs of one page and its means. `shown` are the indices that the toolbar starts with."""

    found: Found
    title: str
    pictures: Pictures
    shown: tuple[int, ...] = ()
    problems: list[str] = field(default_factory=list)
    downloads: dict[str, str] = field(default_factory=dict)
    sprites: dict[str, Any] = field(default_factory=dict)  # for the script: pictures shown on demand
    left_out: frozenset[int] = frozenset()  # indices of runs that this page does without
    home: Path | None = None  # the folder that the page will lie in

    @cached_property
    def all_runs(self) -> list[RunView]:
        return [RunView(index, record) for index, record in enumerate(self.found.runs)]

    @property
    def runs(self) -> list[RunView]:
        return [run for run in self.all_runs if run.index not in self.left_out]

    def without(self, indices: Iterable[int]) -> Page:
        """The same page without some runs; it shares everything else with this one."""
        page = replace(self, left_out=frozenset(indices))
        page.__dict__["all_runs"] = self.all_runs
        return page

    @property
    def readable(self) -> list[RunView]:
        return [run for run in self.runs if not run.record.error]

    @property
    def evaluated(self) -> list[RunView]:
        return [run for run in self.readable if run.evaluation is not None]

    def link(self, run: RunView) -> str:
        """The way from the page to the run's folder, where the page lies in or beside the folder of runs; else "".

        So no name is told but that of the folder of runs and what lies in it.
        """
        if self.home is None:
            return ""
        try:
            home, root = self.home.resolve(), self.found.root.resolve()
            below = run.record.path.resolve().relative_to(home)
        except (OSError, ValueError):
            return ""
        if home not in (root, root.parent):
            return ""
        return quote(below.as_posix()) + "/" if run.record.path.is_dir() and below.parts else ""

    def beside(self, run: RunView) -> RunView | None:
        """The other one of the two runs that the page opens with; None for any other run."""
        if len(self.shown) != 2 or run.index not in self.shown:
            return None
        other = self.shown[1] if run.index == self.shown[0] else self.shown[0]
        return next((found for found in self.evaluated if found.index == other), None)

    @property
    def crowded(self) -> bool:
        """More runs than a page can show in full: panels draw less of each."""
        return len(self.readable) > MANY

    @property
    def steps_per_run(self) -> int | None:
        """How many sprites a run may have on the page; None when they lie beside it."""
        if self.pictures.folder is not None:
            return None
        return max(5, MAX_STEPS // max(1, sum(bool(run.record.grids or run.record.samples) for run in self.readable)))

    def blocks(self, render: Callable[[RunView], dict[str, Any] | None], runs: list[RunView]) -> list[dict[str, Any]]:
        """One dictionary per run for which `render` has something, with the run in it."""
        made = ((run, render(run)) for run in runs)
        return [{"run": run, **block} for run, block in made if block is not None]

    def comparable(self, runs: list[RunView]) -> list[list[RunView]]:
        """Runs with the same reference and embedding have the same axes: one list for each."""
        groups: dict[tuple[str, str], list[RunView]] = {}
        for run in runs:
            if run.evaluation:
                groups.setdefault((run.evaluation.real.fingerprint, run.evaluation.fake.weights_sha256), []).append(run)
        return list(groups.values())

    def chart(self, name: str, *arguments: Any, **options: Any) -> Markup:
        from ganeval.report.charts import draw

        return draw(name, *arguments, **options)
