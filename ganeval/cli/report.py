"""`ganeval report` and `ganeval-report`: the page over a folder of runs."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes, Positional

from ganeval.cli.flags import Measuring, compute_of, retyped, said
from ganeval.cli.say import note, require_places
from ganeval.core.apart import require_apart
from ganeval.core.extras import MEASURING, require
from ganeval.core.files import writing
from ganeval.core.machine import quiet
from ganeval.core.shown import MaybePath, MaybeText, Names
from ganeval.core.wording import few
from ganeval.errors import MissingExtraError, WrongInputError, printable, sentence
from ganeval.records.protocol import Protocol
from ganeval.runs.told import Pictures

if TYPE_CHECKING:
    from ganeval.core.compute import Compute
    from ganeval.images.imageset import ImageSet
    from ganeval.measure.run_samples import Pending
    from ganeval.runs.discovery import Found


def report(
    runs: Positional[Path],
    measurement: OmitArgPrefixes[Measuring],
    out: Path = Path("report.html"),
    title: str = "Image generators",
    evaluate: bool = True,
    compare: Names = (),
    json: MaybePath = None,
    explain: bool = False,
    open: bool = False,  # noqa: A002 - the flag is --open
    watch: float = 0.0,
    tb: bool = False,
    generator: MaybeText = None,
    pictures: Annotated[Pictures, tyro.conf.arg(name="as")] = "auto",
) -> int:
    """Find runs, evaluate what is not yet evaluated, write one page that opens from disk.

    What --real, --classifier and the other measuring flags say goes before what a run says of itself.

    Args:
        runs: The folder that a trainer, ours or another, writes to.
        out: The page.
        title: Its heading.
        evaluate: Evaluate samples that have no evaluation yet; --no-evaluate only reads.
        compare: One or two runs that the page opens with.
        json: Also write the numbers here.
        explain: Say what was found, what was ignored, and why.
        open: Show the page in a browser.
        watch: Look again every so many seconds, until Ctrl-C.
        tb: Also read TensorBoard event files over 200 MiB.
        generator: module:function from a run's folder to its generator, for interpolations between latents.
        pictures: What numbered pictures are: generated samples, one picture a step of the training, or contact sheets,
            one a step, whose tiles are the samples.
    """
    require_places(out, json)
    require_apart({"--out": out, "--json": json})
    evaluating = Evaluating(said(measurement, Protocol), compute_of(measurement), generator) if evaluate else None
    page = Page(runs, out, title, compare, json, tb, pictures, said(measurement, Protocol))
    code = page.write(evaluating, explain=explain)
    if open and code == 0:
        webbrowser.open(out.resolve().as_uri())
    while watch > 0:
        time.sleep(watch)
        code = page.write(evaluating, explain=False)
    return code


@dataclass(frozen=True)
class Page:
    """Where runs are looked for, and what is written of them."""

    runs: Path
    out: Path
    title: str
    compare: tuple[str, ...]
    json: Path | None
    large_events: bool
    pictures: Pictures = "auto"
    measuring: Mapping[str, Any] = field(default_factory=dict)  # what was typed of the protocol

    @property
    def real(self) -> str | None:
        return self.measuring.get("real")

    def find(self, *, explain: bool = False) -> Found:
        """The runs; numbered pictures of the size of the real images that were named are samples."""
        from ganeval.runs.discovery import find_runs

        real = _images(self.real) if self.real else None
        return find_runs(
            self.runs,
            explain=explain,
            large_events=self.large_events,
            pictures=self.pictures,
            size=real.shape[1:] if real else None,
            classes=real.class_names if real else (),
            flags=retyped(self.measuring),
        )

    def write(self, evaluating: Evaluating | None, *, explain: bool) -> int:
        from ganeval.report import build_report

        found = self.find(explain=explain)
        if not explain:
            print(found.summary)
        done, refused = evaluating.run(found.runs) if evaluating else (0, {})
        found = replace(self.find(explain=explain) if done else found, refused=refused)
        if explain:
            print(found.explanation)
        if not found.runs:
            note("nothing to report" + ("" if explain else "; --explain says what was looked at"))
            return 6
        with writing(self.out):
            result = build_report(
                found, out=self.out, title=self.title, compare=self.compare or None, json_out=self.json
            )
        for warning in result.warnings:
            note(warning)
        print(printable(result.path, 4096))
        if evaluating and self.real and not any(run.evaluations for run in found.runs):
            why = "see above" if explain else "--explain says"
            note(f"--real was given, and not one run was evaluated: {why} why, and what to type.")
            return 6
        return 0


@dataclass(frozen=True)
class Evaluating:
    """How what waits is evaluated: what the flags say of the protocol, on what, and what opens generators."""

    said: dict[str, Any]
    compute: Compute
    generator: str | None = None

    def run(self, runs: tuple) -> tuple[int, dict[str, str]]:
        """How many were evaluated, and why others were not, by run: also a line on stderr, the page is written all the
        same.
        """
        if not self.can_measure():
            return 0, {}
        from ganeval.measure.run_samples import survey

        found = survey(runs, ("the command line", self.said))
        for reason in dict.fromkeys(reason for _, reason in found.refused):
            names = [run.id for run, why in found.refused if why == reason]
            note(f"not evaluated: {few(names)}: {reason}; --no-evaluate only reads.")
        for text in dict.fromkeys(text for pending in found.waiting for text in _notes(pending)):
            ids = dict.fromkeys(pending.run.id for pending in found.waiting if text in _notes(pending))
            note(f"{few(list(ids))}: {text}")
        done, failed = self._evaluate(found.waiting) if found.waiting else (0, {})
        doubtful = {run.id: reason for run, reason in found.refused if self.said.get("real")}
        return done, {**doubtful, **failed}

    def can_measure(self) -> bool:
        """Where the libraries are not installed and nobody asked to measure, evaluations that are there will do."""
        try:
            require(*MEASURING, what="Evaluating samples")
        except MissingExtraError as error:
            if self.said or self.generator:
                raise
            note(f"{error} Only evaluations that are there already are shown.")
            return False
        return True

    def _evaluate(self, waiting: tuple[Pending, ...]) -> tuple[int, dict[str, str]]:
        from tqdm import tqdm

        from ganeval.measure.generators import load_generator
        from ganeval.measure.run_samples import evaluate_pending

        opening = load_generator(self.generator) if self.generator else None
        done, failed = 0, dict[str, str]()
        with tqdm(total=sum(p.images for p in waiting), desc="evaluating", unit=" images", disable=quiet()) as bar:
            for pending in waiting:
                try:
                    evaluate_pending(pending, self.compute, generator=opening)
                    done += 1
                except Exception as error:  # noqa: BLE001 - one run's damaged samples must not cost the page of all
                    note(said := sentence(error))
                    failed.setdefault(pending.run.id, said)
                bar.update(pending.images)
        return done, failed


def _images(named: str) -> ImageSet | None:
    """The real images; None where it is their features or statistics that are named."""
    from ganeval.images import image_set

    try:
        return image_set(named)
    except WrongInputError:
        from ganeval.measure.sources import opened_as_is  # which loads torch: only for what is no set of images

        opened_as_is(named)
        return None


def _notes(pending: Pending) -> list[str]:
    how = pending.protocol
    network = how.extractor or how.classifier
    inferred = [f"compared with {how.real} by {network}, because {pending.because}; --real names another."]
    return [*pending.notes, *(inferred if pending.because else [])]
