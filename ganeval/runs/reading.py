"""Reading one folder: by the reader that owns it, with what others find beside it; whole and sound records, or one that
says what is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ganeval.core.apart import place_of
from ganeval.errors import BrokenRunError, GanevalError, sentence
from ganeval.records.scores import Evaluation
from ganeval.runs import animations, layout, series
from ganeval.runs.parsing import lfs_pointer, names_in, passed, unread_in
from ganeval.runs.reader import READERS, Reader
from ganeval.runs.reals import says_generated
from ganeval.runs.record import RunRecord
from ganeval.runs.sound import sound

TEXTS = ("id", "name", "created", "status", "step_unit", "error")  # of a run: what the order and the page rest on
LOGS, MAX_LOGS = (".csv", ".tsv", ".json", ".jsonl", ".log", ".txt", ".npz"), 200
WEAK = 30  # a claim on images alone: they may be anybody's


def probed(folder: Path) -> list[tuple[Reader, int]]:
    """Who claims a folder and how surely, the surest first."""
    scores = []
    for reader in READERS:
        try:
            score = reader.probe(folder)
        except Exception:  # noqa: BLE001 - who cannot even look does not claim
            score = 0
        if score > 0:
            scores.append((reader, score))
    return sorted(scores, key=lambda item: (-item[1], item[0].name))


def read_runs(root: Path, path: Path, reader: Reader, helpers: list[Reader]) -> list[RunRecord]:
    """The runs of a folder by its surest reader, with what other readers find in it; ids begin at `root`."""
    runs = _attempt(reader, path)
    if len(runs) == 1 and not runs[0].error:
        for helper in helpers:
            if not (helper.guesses and (runs[0].curves or reader.name == "ganeval")):
                runs = [_enriched(runs[0], helper)]
        runs = [_with_samples_below(runs[0])]
    runs = [_framed(series.as_sheets(run)) for run in runs]
    base = sound(path.relative_to(root).as_posix() if path != root else place_of(path).name)
    return [replace(run, id=base if len(runs) == 1 else f"{base}/{run.id}") for run in runs]


def _attempt(reader: Reader, path: Path) -> list[RunRecord]:
    """The runs that `reader` finds, whole and sound; where anything at all goes wrong, one record that says what."""
    token = passed.set(reasons := [])
    try:
        runs = [_evaluated(_pointed(_typed(run))) for run in reader.read(path)]
        return [sound(_told(run, [*reasons, *unread_in(path, below=True)])) for run in runs]
    except Exception as error:  # noqa: BLE001 - damaged files and plug-ins must cost one red card, not the page
        return [sound(RunRecord(id=path.name, path=path, reader=reader.name, name=path.name, error=sentence(error)))]
    finally:
        passed.reset(token)


def _told(run: RunRecord, reasons: list[str]) -> RunRecord:
    """With the reasons for which logs were passed over among its problems, each once."""
    return replace(run, problems=tuple(dict.fromkeys((*run.problems, *reasons)))) if reasons else run


def _framed(run: RunRecord) -> RunRecord:
    """With a word on pictures that are the frames of an animation."""
    said = animations.told_of(run.grids)
    return replace(run, notes=(*run.notes, said)) if said else run


def _typed(run: RunRecord) -> RunRecord:
    wrong = [key for key in TEXTS if not isinstance(getattr(run, key), str)]
    if wrong:
        raise BrokenRunError(f"Expected texts in {', '.join(wrong)} of the run; the reader gave something else.")
    return run


def _pointed(run: RunRecord) -> RunRecord:
    """What Git LFS has not brought of the files of a foreign run's folder is a problem of the run."""
    small = (
        [run.path / name for name in names_in(run.path) if name.lower().endswith(LOGS)]
        if run.reader != "ganeval" and not run.error
        else []
    )
    found = [said for path in small[:MAX_LOGS] if (said := lfs_pointer(path)) and said not in run.problems]
    return replace(run, problems=(*run.problems, *found)) if found else run


def _enriched(run: RunRecord, helper: Reader) -> RunRecord:
    """Quantities, pictures and samples that another reader finds in the same folder, where the run has none of them."""
    extra = _attempt(helper, run.path)
    if len(extra) != 1 or extra[0].error:
        return run
    more = extra[0]
    new = {tag: curve for tag, curve in more.curves.items() if tag not in run.curves}
    if new and run.curves and more.step_unit != run.step_unit:
        note = f"{helper.name} counts in {more.step_unit}, this run in {run.step_unit}: its curves are left out"
        return replace(run, notes=(*run.notes, note))
    return replace(
        run,
        curves={**run.curves, **new},
        grids=run.grids or more.grids,
        samples=run.samples or more.samples,
        step_unit=run.step_unit if run.curves or not new else more.step_unit,
    )


def _with_samples_below(run: RunRecord) -> RunRecord:
    """The images in a folder of the run that is named as generated ones, where its readers have found none to measure:
    whatever shape they have there, folders of classes or of steps, arrays or archives.
    """
    if run.samples or run.error or run.reader == "ganeval":
        return run
    for place in _named_as_samples(run.path):
        for reader, score in probed(place):
            found = _attempt(reader, place) if score <= WEAK else []
            if len(found) == 1 and (found[0].samples or (found[0].grids and not run.grids)):
                more = found[0]
                unit = run.step_unit if run.curves else more.step_unit
                return replace(run, grids=run.grids or more.grids, samples=more.samples, step_unit=unit)
    return run


def _named_as_samples(folder: Path) -> list[Path]:
    """Folders of a folder, and of web/ and artifacts/ in it, that are named as generated images."""
    places = [place / name for place in (folder, folder / "web", folder / "artifacts") for name in names_in(place)]
    named = [path for path in places if path.name.lower() in series.PLAIN or says_generated(path.name)]
    return [path for path in named if path.is_dir() and not path.is_symlink()]


def _evaluated(run: RunRecord) -> RunRecord:
    """Evaluations that this library has written into a foreign run's folder."""
    if run.evaluations or run.error or run.reader == "ganeval":
        return run
    found: dict[int, Evaluation] = {}
    problems = []
    for place in layout.evaluations(run.path):
        for step, folder in layout.by_step(place, ""):
            try:
                if step not in found and (folder / "result.json").exists():
                    found[step] = Evaluation.read(folder / "result.json")
            except GanevalError as error:
                problems.append(str(error))
    return replace(run, evaluations=tuple(found[step] for step in sorted(found)), problems=(*run.problems, *problems))
