"""Finding runs below a folder: every reader looks at every folder, the surest one owns it and all below it.

Nothing is opened here but directories. Links that lead back, unreadable folders, folders with more than 100,000
entries and all folders after the first 10,000 are passed over with a reason; a reader that fails makes a record with
`error`, never an exception.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ganeval.core.wording import plural
from ganeval.errors import GanevalError, MissingFileError, printable
from ganeval.runs import events, layout, told
from ganeval.runs.advice import Given, advice_of, contents_of, passed_over
from ganeval.runs.parsing import unread_in
from ganeval.runs.reader import Reader
from ganeval.runs.reading import WEAK, probed, read_runs
from ganeval.runs.reals import BESIDE
from ganeval.runs.record import RunRecord

MAX_DEPTH = 6
MAX_ENTRIES = 100_000
MAX_FOLDERS = 10_000
DATA = frozenset(
    {
        "data",
        "dataset",
        "datasets",
        "train",
        "training",
        "test",
        "val",
        "valid",
        "validation",
        "raw",
        "inputs",
        "screenshots",
        "screenshot",
        "figures",
        "figs",
        "plots",
        "docs",
        "doc",
        "assets",
        "media",
        "paper",
        *BESIDE,
    }
)
SEVERAL = 2  # runs below a folder that are as sure as it is: what it holds itself is a summary of them
CERTAIN = 90  # a claim this strong is not given up for runs found further down
SKIPPED = frozenset({"checkpoints", "node_modules", "__pycache__", "site-packages"})


@dataclass(frozen=True)
class Probe:
    """What each reader said about one folder: (reader, score) with the surest first, only scores above 0."""

    path: Path
    scores: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Found:
    """The runs below `root` in their order, what was passed over and why, and who claimed what."""

    root: Path
    runs: tuple[RunRecord, ...]
    ignored: tuple[tuple[Path, str], ...] = ()
    probes: tuple[Probe, ...] = ()
    given: Given = field(default_factory=Given)  # what was typed, to be repeated in advice
    size: told.Size | None = None  # (height, width) of the real images that were named
    refused: Mapping[str, str] = field(default_factory=dict)  # by run: why its samples could not be measured

    @property
    def summary(self) -> str:
        """One line for people: found 7 runs (3 stylegan, 4 ganeval); ignored 2 folders: reasons."""
        kinds = Counter(run.reader for run in self.runs)
        what = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        runs = f"found {plural(len(self.runs), 'run')}" + (f" ({what})" if what else "")
        if not self.ignored:
            return runs
        reasons = "; ".join(sorted({reason for _, reason in self.ignored}))
        return f"{runs}; ignored {plural(len(self.ignored), 'folder')}: {reasons}"

    @property
    def explanation(self) -> str:
        """Of each folder what was read, what was passed over and why; of each run why it is not measured,
        and what to type.
        """
        lines = [f"{_shown(self.root, p.path)}: {', '.join(f'{n} {s}' for n, s in p.scores)}" for p in self.probes]
        lines += [f"{_shown(self.root, path)}: ignored, {reason}" for path, reason in self.ignored]
        places = dict.fromkeys([self.root, *(run.path for run in self.runs)])
        opened = {seen.path for run in self.runs for seen in (*run.samples, *run.grids)}
        lines += [f"{_shown(self.root, place)}: {said}" for place in places if (said := passed_over(place, opened))]
        runs = (line for run in self.runs for line in _explained(run, self.given, self.refused.get(run.id, "")))
        return "\n".join([self.summary, *lines, *runs])

    def __getitem__(self, name: str) -> RunRecord:
        """The run with this id or name, or the only one whose id ends with it."""
        exact = [run for run in self.runs if name in (run.id, run.name)]
        near = exact or [run for run in self.runs if run.id.endswith(name) or run.id.startswith(name)]
        if len(near) != 1:
            known = ", ".join(printable(run.id) for run in self.runs) or "none"
            raise GanevalError(f"Expected the name of one run; {name!r} fits {len(near)} of them. Known: {known}.")
        return near[0]


def _explained(run: RunRecord, given: Given, refused: str) -> list[str]:
    name = printable(run.id)
    if run.error:
        return [f"{name}: cannot be read: {printable(run.error, 1000)}"]
    lines = [f"{name}: read by {run.reader}: {contents_of(run)}"]
    lines += [f"  {printable(text, 1000)}" for text in (*run.problems, *run.notes)]
    advice = advice_of(run, given, refused=refused)
    return (
        lines if advice is None else [*lines, f"  not evaluated. {advice.why} Type: {printable(advice.command, 4096)}"]
    )


def find_runs(
    root: str | Path,
    *,
    explain: bool = False,
    large_events: bool = False,
    now: datetime | None = None,
    pictures: told.Pictures = "auto",
    size: told.Size | None = None,
    classes: tuple[str, ...] = (),
    flags: str = "",
) -> Found:
    """All runs in `root` and up to six levels below it, in order of counter, else of creation.

    A run's `id` is its path relative to `root`. Runs of one name are distinguished by the shortest end of the path that
    is unique. With `explain` the answer also lists the claim of every reader, with `large_events` TensorBoard files
    over 200 MiB are read, too. A creation time after `now` (UTC, by default the clock's) becomes a note. Numbered
    pictures are `pictures` ("samples", "steps" or "sheets"), else samples where they have the (height, width) of real
    images, `size`. `classes` are the names of the real images' classes, `flags` what was typed to measure: advice
    repeats it.
    """
    root = Path(root)
    if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be read
        raise MissingFileError(
            f"Expected a folder of runs; {printable(root)} is none. Pass the folder that your trainer writes to."
        )
    search = _Search([], [], set())
    token = events.read_large.set(large_events)
    known = told.told.set(told.Told(pictures, size, classes, flags))
    try:
        claims = list(_claims(root, 0, search))
        runs = [run for path, reader, helpers in claims for run in read_runs(root, path, reader, helpers)]
    finally:
        events.read_large.reset(token)
        told.told.reset(known)
    runs = _named(_unique(sorted(runs, key=_order)))
    runs = [_clock(run, now or datetime.now(UTC)) for run in runs]
    probes = tuple(search.probes) if explain else ()
    return Found(root, tuple(runs), tuple(search.ignored), probes, Given(root, flags, pictures), size)


@dataclass(frozen=True)
class _Search:
    ignored: list[tuple[Path, str]]
    probes: list[Probe]
    seen: set[tuple[int, int]]  # device and inode of every folder on the way: a link back is not followed


Claim = tuple[Path, Reader, list[Reader]]


def _claims(folder: Path, depth: int, search: _Search, *, data: bool = False) -> Iterator[Claim]:
    """Who owns what, depth first. A weak claim yields to a stronger one below it."""
    children = _children(folder, search)
    if children is None:
        return
    scores = probed(folder)
    data = data or (depth > 0 and folder.name.lower() in DATA)
    if data and scores and scores[0][1] <= WEAK:
        search.ignored.append((folder, "images of a folder that is named as data or figures are no run"))
        scores = []
    if scores:
        search.probes.append(Probe(folder, tuple((reader.name, score) for reader, score in scores)))
    elif _never_began(folder):
        search.ignored.append((folder, "a run whose process ended before run.json was written; delete the folder"))
    elif reasons := unread_in(folder):
        search.ignored.append((folder, "; ".join(reasons[:3])))
    best = scores[0][1] if scores else 0
    if best >= CERTAIN or depth >= MAX_DEPTH:
        if scores:
            yield _claim(folder, scores)
        return
    below = _Search([], [], search.seen)
    found = [claim for child in children for claim in _claims(child, depth + 1, below, data=data)]
    claims = [dict(probed(path)).get(reader, 0) for path, reader, _ in found]
    if scores and not any(claim > best for claim in claims) and sum(claim == best > WEAK for claim in claims) < SEVERAL:
        yield _claim(folder, scores)
        return
    if scores:
        search.ignored.append((folder, f"{scores[0][0].name} files beside runs that are surer"))
    search.ignored.extend(below.ignored)
    search.probes.extend(below.probes)
    yield from found


def _never_began(folder: Path) -> bool:
    """Whether this is what a version that wrote run.json after its folder left when it was killed between the two."""
    return layout.counter(folder) > 0 and set(os.listdir(folder)) <= {layout.CONFIG}  # noqa: PTH208 - names alone


def _claim(folder: Path, scores: list[tuple[Reader, int]]) -> Claim:
    return folder, scores[0][0], [reader for reader, _ in scores[1:]]


def _children(folder: Path, search: _Search) -> list[Path] | None:
    """The folders in `folder` worth visiting; None where it was seen before or cannot be read."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in search.seen:
            search.ignored.append((folder, "a link to a folder that was already searched"))
            return None
        if len(search.seen) > MAX_FOLDERS:
            return None
        search.seen.add((status.st_dev, status.st_ino))
        if len(search.seen) > MAX_FOLDERS:
            search.ignored.append((folder, f"more than {MAX_FOLDERS:,} folders: pass the folder that holds the runs"))
            return None
        children = []
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= MAX_ENTRIES:
                    search.ignored.append((folder, f"more than {MAX_ENTRIES:,} entries"))
                    return None
                if entry.name not in SKIPPED and not entry.name.startswith(".") and _is_folder(entry):
                    children.append(folder / entry.name)
    except OSError as error:
        search.ignored.append((folder, f"cannot be read ({error.strerror or error})"))
        return None
    return sorted(children, key=lambda child: (child.is_symlink(), child))  # a run is read where it lies, not by a link


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """False also for a link that leads nowhere or round in a circle."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _order(run: RunRecord) -> tuple[int, int, str, str]:
    number = layout.counter(run.path)
    return (0, number, "", run.id) if number else (1, 0, run.created, run.id)


def _unique(runs: list[RunRecord]) -> list[RunRecord]:
    """Different ids for different runs, whatever a reader called them."""
    counts: Counter[str] = Counter()
    unique = []
    for run in runs:
        counts[run.id] += 1
        unique.append(run if counts[run.id] == 1 else replace(run, id=f"{run.id}#{counts[run.id]}"))
    return unique


def _named(runs: list[RunRecord]) -> list[RunRecord]:
    """Runs of one name get the shortest end of their id that no other run has."""
    names = Counter(run.name or run.id for run in runs)
    ids = [run.id for run in runs]
    return [replace(run, name=run.name if run.name and names[run.name] == 1 else _suffix(run.id, ids)) for run in runs]


def _suffix(own: str, ids: list[str]) -> str:
    """
    >>> _suffix("a/gan", ["a/gan", "b/gan", "b/vae"]), _suffix("b/vae", ["a/gan", "b/gan", "b/vae"])
    ('a/gan', 'vae')
    """
    parts = own.split("/")
    for length in range(1, len(parts)):
        tail = "/".join(parts[-length:])
        if sum(other == tail or other.endswith(f"/{tail}") for other in ids) == 1:
            return tail
    return own


def _clock(run: RunRecord, now: datetime) -> RunRecord:
    try:
        created = datetime.fromisoformat(run.created)
    except ValueError:
        return run
    created = created if created.tzinfo else created.replace(tzinfo=UTC)
    if created <= now + timedelta(days=1):  # a day covers every time zone
        return run
    return replace(run, notes=(*run.notes, f"created in the future ({run.created}): that machine's clock was wrong"))


def _shown(root: Path, path: Path) -> str:
    return printable(path.relative_to(root).as_posix()) if path != root else "."
