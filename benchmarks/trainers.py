"""python -m benchmarks.trainers [NAME ...]: images a second of every trainer and of its plain transcription.

Three contestants for each system, with the recipe `cpu` (and the Hoda study's), the same data, one process and one
thread, a block of updates each in turns: our trainer with its default options (fp32), with the options recommended for
a processor that multiplies bfloat16 (`amp`, `channels_last`), and `benchmarks.transcriptions`. Ours writes a log line
in every block (the default is one in 50 updates), with all that belongs to it; checkpoints and pictures, a handful in a
whole training, are left out. Ratios are of medians over the blocks. With --write the page docs/results/trainers.md.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch

from benchmarks.suite import blobs
from benchmarks.timing import Contest, Result, race
from benchmarks.transcriptions import TRANSCRIPTIONS, shuffled
from benchmarks.updates import convolutions, sentence
from ganeval.core.files import write_atomic
from ganeval.core.machine import processor
from ganeval.errors import GanevalError
from ganeval.runs.directory import RunDirectory, create_run
from reference_models.plumbing.data import Data, resample, to_float
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.system import SYSTEMS, System

PAGE = Path(__file__).parent.parent / "docs" / "results" / "trainers.md"
RECOMMENDED, PLAIN = "recommended", "plain"
MOST = 10_000  # training images taken
WARM = 8  # updates before the first block, of which one has a penalty


@dataclass(frozen=True)
class Entry:
    """What a system is trained on, and how many updates are a block;
    `bar` is what the recommended options must reach.
    """

    dataset: str
    updates: int  # a multiple of the steps between two penalties
    bar: float = 1.0
    recipe: str = "cpu"
    bf16: bool = True  # whether that is recommended: products as small as those of points gain less than the casts cost


ENTRIES = {  # by system, or by system and recipe
    "acgan": Entry("digits", 48),
    "autoencoder": Entry("cifar10", 24),
    "cdcgan": Entry("mnist", 16),
    "cgan": Entry("hoda", 16, 1.3),
    "cgan study004_r1": Entry("hoda", 8, 1.3, "study004_r1"),
    "cgan_dense": Entry("mnist", 32),
    "dcgan": Entry("mnist", 16),
    "ddpm": Entry("hoda", 32),
    "gan_mlp": Entry("digits", 192, bf16=False),
    "projection_cgan": Entry("hoda", 16, 1.3),
    "rpgan": Entry("digits", 48),
    "sngan": Entry("digits", 48),
    "vae": Entry("cifar10", 24),
    "wgan_clip": Entry("digits", 16),
    "wgan_gp": Entry("digits", 8),
}
SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "hoda": (1, 28, 28), "cifar10": (3, 32, 32)}


@dataclass(frozen=True)
class Row:
    """Images a second of the three, and how many times the CPU time of the two that are ours the plain one takes."""

    name: str
    data: str
    batch: int
    plain: float
    default: float
    recommended: float
    cpu_ratios: tuple[float, float]  # of the default, of the recommended options
    bar: float

    @property
    def ratios(self) -> tuple[float, float]:
        return self.default / self.plain, self.recommended / self.plain


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ENTRIES)}; all by default")
    parser.add_argument("--blocks", type=int, default=3, help="timed blocks of each contestant")
    parser.add_argument("--updates", type=int, help="updates in a block, instead of what is set for each system")
    parser.add_argument("--write", action="store_true", help="write the page")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - set(ENTRIES)
    if unknown:
        parser.error(f"there is no system {sorted(unknown)}; known: {', '.join(ENTRIES)}")
    torch.set_num_threads(1)
    rows = []
    for name in given.names or ENTRIES:
        entry = ENTRIES[name]
        rows.append(measure(name, replace(entry, updates=given.updates or entry.updates), given.blocks))
        print(line(rows[-1]), flush=True)
    if given.write:
        write_atomic(PAGE, page(rows, given.blocks, [limit(row.name) for row in rows if row.bar > 1]))


def measure(label: str, entry: Entry, blocks: int) -> Row:
    """One race; all three trainings end with it."""
    name = label.partition(" ")[0]
    config, data = SYSTEMS[name].profile(entry.recipe), training_images(entry.dataset)
    options = Options(device="cpu", log_every=entry.updates, checkpoints=0, grids=0, sample_times=0)
    advised = replace(options, amp=entry.bf16, channels_last=entry.bf16)
    peer = transcribed(name, config, data)

    def plain(updates: int) -> None:
        for _ in range(updates):
            next(peer)

    with (
        tempfile.TemporaryDirectory() as place,
        Paced(name, config, data, options, place) as default,
        Paced(name, config, data, advised, place) as recommended,
    ):
        runners = (default.advance, recommended.advance, plain)
        ours, fast, peers = (partial(runner, entry.updates) for runner in runners)
        warm_up = partial(_each, [partial(runner, WARM) for runner in runners])
        contest = Contest(name, ours, {RECOMMENDED: fast, PLAIN: peers}, repeats=blocks, warm_up=warm_up)
        results = {result.name: result for result in race(contest)}
    return _row(label, entry, data, config, results)


def limit(label: str) -> str:
    """How fast a trainer in float32 can be at most, from a profile of the plain one."""
    name, entry = label.partition(" ")[0], ENTRIES[label]
    peer = transcribed(name, SYSTEMS[name].profile(entry.recipe), training_images(entry.dataset))
    for _ in range(2):
        next(peer)
    return sentence(label, convolutions(partial(next, peer)))


def _each(works: Sequence[Callable[[], object]]) -> None:
    for work in works:
        work()


def _row(label: str, entry: Entry, data: Data, config: Any, results: dict[str, Result]) -> Row:
    images = entry.updates * config.batch * images_per_update(config)
    plain, default, fast = (results[key] for key in (PLAIN, "ganeval", RECOMMENDED))
    speeds = images / plain.seconds, images / default.seconds, images / fast.seconds
    cpu = plain.cpu / default.cpu, plain.cpu / fast.cpu
    return Row(label, data.used.partition(" ")[0], config.batch, *speeds, cpu, entry.bar)


def images_per_update(config: Any) -> int:
    """Batches of real images in one update of the generator."""
    return getattr(config, "critic_steps", getattr(config, "d_steps", 1))


def transcribed(name: str, config: Any, data: Data) -> Iterator[dict[str, float]]:
    """The plain training, one update at a time; images are at the size trained on from the start."""
    channels, height, width = data.shape
    size = getattr(config, "size", 0)
    shape = (channels, size or height, size or width)
    images = resample(to_float(data.images), shape)
    torch.manual_seed(0)
    return TRANSCRIPTIONS[name](config, shape, len(data.class_names), shuffled(images, data.labels, config.batch))


def training_images(name: str) -> Data:
    """At most `MOST` images of a data set; where it is not on this machine, seeded blobs of its shape."""
    try:
        data = load_data(name)
        return replace(data, images=data.images[:MOST], labels=data.labels[:MOST], _order={})
    except GanevalError:
        channels, size, _ = SHAPES[name]
        grey = resample(torch.from_numpy(blobs(MOST)).float(), (1, size, size))
        images, labels = grey.byte().repeat(1, channels, 1, 1), torch.arange(MOST) % 10
        classes, used = tuple("0123456789"), f"{name}-shaped blobs"
        return Data(name, classes, images, labels, images[:1000], labels[:1000], used=used)


class Paced:
    """One of our trainings, which goes on for some updates when told to and then waits; in a thread of its own."""

    def __init__(self, name: str, config: Any, data: Data, options: Options, root: str | Path) -> None:
        run = create_run(root, name, config={}, seeds={}, protocol={})
        self._start = partial(self._begun, SYSTEMS[name], config, Place(data, options), run)
        self._session: Session | None = None
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._left = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._await()
        return self

    def __exit__(self, *_: object) -> None:
        self._left = -1
        self._go.release()
        self._thread.join()

    def advance(self, updates: int) -> None:
        self._left = updates
        self._go.release()
        self._await()

    @property
    def step(self) -> int:
        """Updates done."""
        return 0 if self._session is None else self._session.step - 1  # the next one has begun, and waits

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def _begun(self, system: System, config: Any, place: Place, run: RunDirectory) -> None:
        model = system.build(config, place)
        self._session = Waiting(model, place, run, self._wait)
        system.train(config, model, self._session)

    def _await(self) -> None:
        self._done.acquire()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            torch.manual_seed(0)
            self._start()
        except _EnoughError:
            return
        except BaseException as error:  # noqa: BLE001 -- it is the waiting thread's to raise
            self._error = error
            self._done.release()

    def _wait(self) -> None:
        """Called before every update: give the word back when those asked for are done."""
        if self._left == 0:
            self._done.release()
            self._go.acquire()
        if self._left < 0:
            raise _EnoughError
        self._left -= 1


class Waiting(Session):
    """A session that asks before each update."""

    def __init__(self, model: Model, place: Place, run: RunDirectory, wait: Callable[[], None]) -> None:
        super().__init__(model, place, 0, run)
        self._wait = wait

    def steps(self, total: int) -> Iterator[int]:
        for step in super().steps(total):
            self._wait()
            yield step


class _EnoughError(Exception):
    pass


def line(row: Row) -> str:
    (default, recommended), (cpu_default, cpu_recommended) = row.ratios, row.cpu_ratios
    return (
        f"{row.name:17s} {row.plain:9,.0f} plain {row.default:9,.0f} default ({default:.2f} x, cpu {cpu_default:.2f} "
        f"x) {row.recommended:9,.0f} recommended ({recommended:.2f} x, cpu {cpu_recommended:.2f} x, bar {row.bar:g})"
    )


def page(rows: Sequence[Row], blocks: int, limits: Sequence[str]) -> str:
    heads = (
        "system",
        "data",
        "batch",
        "plain PyTorch",
        "ours, default",
        "times plain (CPU)",
        "ours, recommended",
        "times plain (CPU)",
        "bar",
        "",
    )
    parts = [
        "# Speed of the trainers",
        (
            f"Made by `python -m benchmarks.trainers --blocks {blocks} --write`. Real images a second in training, "
            "recipe `cpu` where none is named."
        ),
        "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *map(_cells, rows))),
        (
            "*Plain* are the same networks, losses, penalties, optimisers, batches and weight averages as a tutorial "
            "writes them, `benchmarks/transcriptions.py`; a test holds both to the same losses from the same start. "
            "*Default* is `python -m reference_models NAME`, fp32, which is what the plain one computes too. "
            "*Recommended* adds `--amp --channels-last`: convolutions and matrix products in bfloat16, penalties, "
            "losses, weights and averages in fp32; most pages of results are trained with it. "
            f"{_exceptions()}{_unraced()}The bar is for the recommended options, by the clock; in brackets "
            "the same of CPU time, which other work on the machine disturbs less."
        ),
        _reading(rows),
        *([" ".join(limits)] if limits else []),
        (
            f"One process, one thread, in turns; the median of {blocks} blocks of each, after {WARM} updates that are "
            "not timed. Ours log a line with every health signal in every block, more often than by default in most; "
            f"checkpoints and pictures are not in it. At most {MOST:,} training images, which the plain one has as "
            "floats at the size trained on from the start. "
            f"Measured on {processor()}, torch {torch.__version__}."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _exceptions() -> str:
    plain = [f"`{name}`" for name, entry in ENTRIES.items() if not entry.bf16]
    return f"Not for {', '.join(plain)}, whose products are too small to gain: there it is the default once more. "


def _unraced() -> str:
    missing = [f"`{name}`" for name in SYSTEMS.names() if name not in TRANSCRIPTIONS]
    return f"Without a plain transcription, so not raced: {', '.join(missing)}. " if missing else ""


def _cells(row: Row) -> list[str]:
    recommended = row.ratios[1]
    default_times, fast_times = (f"{a:.2f} ({b:.2f})" for a, b in zip(row.ratios, row.cpu_ratios, strict=True))
    met = "met" if recommended >= row.bar else f"NOT met, {recommended / row.bar:.2f} of it"
    return [
        f"`{row.name}`",
        row.data,
        str(row.batch),
        f"{row.plain:,.0f}",
        f"{row.default:,.0f}",
        default_times,
        f"{row.recommended:,.0f}",
        fast_times,
        f">= {row.bar:g}",
        met,
    ]


def _reading(rows: Sequence[Row]) -> str:
    """Who is slower than the plain one, by name."""
    said = []
    for options, ratios in (("default", [r.ratios[0] for r in rows]), ("recommended", [r.ratios[1] for r in rows])):
        slow = [f"`{r.name}` ({ratio:.2f})" for r, ratio in zip(rows, ratios, strict=True) if ratio < 1]
        said.append(
            f"With the {options} options ours are {min(ratios):.2f} to {max(ratios):.2f} times as fast"
            + (f"; slower than the plain one: {', '.join(slow)}." if slow else ".")
        )
    return " ".join(said)


if __name__ == "__main__":
    main()
