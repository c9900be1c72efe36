"""A training session: the loop's clock, memory and diary. The trainer tells the story, the session keeps the books.

    session.hold(generator=g, discriminator=d, g_adam=g_adam, ...)      what a checkpoint must bring back
    session.sampler(lambda z, labels: average(z, labels), latent=(64,)) how evaluation draws images
    for step in session.steps(config.steps):                            resumes, logs, saves, stops
        images, labels = session.batch(config.batch)
        ...
        session.log(loss_d=loss_d, loss_g=loss_g)

Everything random comes from three places, all in the checkpoint: torch's own generators (initial weights, dropout;
forked from the caller's for the time of the session), `session.random` (latents, labels, augmentation) and the data
order, a function of the images seen. Grids and samples have generators of their own, so that looking at a training
never changes it.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import nn

from ganeval.errors import BrokenRunError, GanevalError
from ganeval.features.extraction import choose_device
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing import health
from reference_models.plumbing.checkpoint import encode_state, restore
from reference_models.plumbing.coding import Codec, Rows
from reference_models.plumbing.data import Data
from reference_models.plumbing.options import Options
from reference_models.plumbing.parallel import Team
from reference_models.plumbing.points import JUDGED, Points, measure, render_points
from reference_models.plumbing.ranges import first_line
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.seeds import generator
from reference_models.plumbing.selection import selection_score
from reference_models.plumbing.stopping import graceful_stop, shown

GRID_COLUMNS = 8  # fixed latents per class; the grid has one row per class
GRID_ROWS = 8  # of a generator that knows no classes
SELECT_PER_CLASS = 50  # images of each class that the judge sees at every checkpoint


class TrainingDivergedError(GanevalError):
    """A loss or a weight became NaN or infinite; the last good checkpoint is kept."""


class Stateful(Protocol):
    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


Net = TypeVar("Net", bound=nn.Module)


class Session:
    """See the module's docstring. `run=None` keeps no books: the networks are built and restored,
    nothing is trained.
    """

    def __init__(
        self,
        data: Data,
        seed: int,
        options: Options,
        run: RunDirectory | None,
        state: Mapping[str, Any] | None = None,
        team: Team | None = None,
    ) -> None:
        self.device = choose_device(options.device)
        self.data = data.to(self.device)
        self.options = options
        self.seed = seed
        self.random = generator(seed, "session", device=self.device)
        self.step = 0  # generator updates done
        self.images = 0  # real images drawn
        self.best: dict[str, Any] = {}
        self.draw: Sampler | None = None
        self.coding: Codec | None = None
        self._team = team or Team()
        self._run = run
        self._state = state
        self._held: dict[str, Stateful] = {}
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._lines = 0
        self._alarmed: set[str] = set()
        self._cpu_before = 0.0
        self._cpu_start = time.process_time()
        self._stop, self._total = False, 0

    # What the trainer asks for

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of the images."""
        return self.data.shape

    @property
    def classes(self) -> int:
        return len(self.data.class_names)

    @property
    def points(self) -> bool:
        """Whether these are points in the plane, in their own units, and not images in [-1, 1]."""
        return isinstance(self.data, Points)

    def restrict(self, classes: tuple[int, ...]) -> None:
        """Train on these classes alone."""
        self.data = self.data.only(classes)

    def resize(self, size: int) -> None:
        """Train on images of `size` pixels a side; what is sampled comes back at the size of the data set."""
        self.data = self.data.at(size)

    def prepare(self, net: Net) -> Net:
        """Move a network to the device, in the memory format and compiled as the options say."""
        net = net.to(self.device)
        if self.options.channels_last:
            net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - it may stand alone
        self._team.share(net)
        if self.options.compile:
            net.compile()
        return net

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 where `amp` is on; losses and penalties belong outside."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.options.amp else nullcontext()

    def hold(self, **things: Stateful) -> None:
        """Name what a checkpoint must hold: networks, averages, optimisers, schedulers, augmentation."""
        self._held.update(things)
        for thing in things.values():
            if isinstance(thing, torch.optim.Optimizer):
                self._team.average_gradients(thing)

    def sampler(
        self,
        draw: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        latent: tuple[int, ...],
        *,
        conditional: bool = True,
    ) -> None:
        """Say how evaluation draws images: `draw(z, labels)` -> float (n, c, h, w) in [-1, 1].

        Without `conditional` the labels mean nothing: samples are written without them.
        """
        self.draw = Sampler(draw, latent, self.classes, self.device, conditional, self.data.export)

    def codec(self, encoder: Rows, decoder: Rows) -> None:
        """Say how images become latents and latents images: float (n, c, h, w) in [-1, 1] -> (n, d), and back."""
        self.coding = Codec(encoder, decoder, self.shape, self.device)

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next real images, float (size, c, h, w) in [-1, 1], and their labels (size,)."""
        images, labels = self.data.batch(self.images, size)
        self.images += size
        return self._format(images), labels

    def held_out(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Real images that are never trained on, like `batch`."""
        images, labels = self.data.held_out(size)
        return self._format(images), labels

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers on the device."""
        return torch.randn(*shape, generator=self.random, device=self.device)

    def uniform(self, *shape: int) -> torch.Tensor:
        """Numbers uniform in [0, 1) on the device."""
        return torch.rand(*shape, generator=self.random, device=self.device)

    def labels(self, size: int) -> torch.Tensor:
        """Uniform class labels (size,), among the classes trained on."""
        present = self.data.frequencies.nonzero().flatten().to(self.device)
        return present[torch.randint(len(present), (size,), generator=self.random, device=self.device)]

    @property
    def logging(self) -> bool:
        """True in steps that end with a log line: the time to compute what is too dear for every step."""
        return self.step % self.options.log_every == 0 or self.step == self._total

    def log(self, **values: torch.Tensor | float) -> None:
        """Note values of this step; a log line holds their means since the last one."""
        for tag, value in values.items():
            number = torch.as_tensor(value, dtype=torch.float32).detach().mean()
            self._sums[tag] = self._sums[tag] + number if tag in self._sums else number
            self._counts[tag] = self._counts.get(tag, 0) + 1

    def watch(self, real: torch.Tensor, labels: torch.Tensor, fake: torch.Tensor) -> None:
        """Log how shuffled the real batch is and how varied the fakes are; alarms are events in the run."""
        self.log(batch_entropy=health.batch_entropy(labels, self.data.frequencies))
        if self.logging and min(len(real), len(fake)) > 1:  # one image has nothing to differ from
            self.log(diversity=health.diversity(fake.detach(), real.detach()))

    # The clock

    def steps(self, total: int) -> Iterator[int]:
        """1, 2, ... `total`, from where the checkpoint ended; keeps the books between two steps."""
        self._total = total
        if self._state is not None:
            self._load(self._state)
        if self._run is None:
            for net in self._nets():
                net.eval()
            return
        with graceful_stop() as stop, shown(self.step, total, hidden=not self._team.leads) as bar:
            while self.step < total and not self._stop:
                self.step += 1
                self._team.begin(self.seed, self.step)
                yield self.step
                self._stop = self._team.rest(stop=stop.asked)
                self._after_step()
                bar.update()
        self._finish()

    def _after_step(self) -> None:
        done = self.step == self._total
        save = done or self._stop or self._due(self.options.checkpoints)
        if self.logging or save:
            self._flush()
        if self._team.leads and (done or self._due(self.options.grids)):
            self._write_grid()
        if self._team.leads and (done or self._due(self.options.sample_times)):
            self._write_samples()
        if save:
            self._save()

    def _due(self, times: int) -> bool:
        """True `times` times over the training, evenly."""
        return times > 0 and self.step % max(1, self._total // times) == 0

    def _finish(self) -> None:
        run = self.books
        if self.options.gif and self._team.leads:
            run.write_animation()
        done = self.step >= self._total
        if not done:
            run.event(self.step, "stop", text="interrupted; go on with --resume")
        run.update(status="done" if done else "stopped", **self._progress())
        self._team.wait()

    # The books

    @property
    def books(self) -> RunDirectory:
        """The run directory; there is none in a session that only restores."""
        assert self._run is not None
        return self._run

    def _progress(self) -> dict[str, Any]:
        return {"step": self.step, "images": self.images, "best": self.best, "cpu_seconds": round(self.cpu_seconds, 2)}

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all threads of this training, over all resumed parts."""
        return self._cpu_before + time.process_time() - self._cpu_start

    def _flush(self) -> None:
        if not self._sums:
            return
        values = {tag.replace("__", "/"): float(total) / self._counts[tag] for tag, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        self._lines += 1
        self.books.log(self.step, {**values, "cpu_seconds": self.cpu_seconds, "images": self.images})
        self._sound_alarms(values)
        wrong = [tag for tag, value in values.items() if not math.isfinite(value)]
        if wrong:
            self._diverged(f"{', '.join(wrong)} is not finite")

    def _sound_alarms(self, values: Mapping[str, float]) -> None:
        for tag, text in health.alarms(values, self._lines).items():
            if tag not in self._alarmed:
                self._alarmed.add(tag)
                self.books.event(self.step, "alarm", text=text)

    def _diverged(self, reason: str) -> None:
        self.books.event(self.step, "nan", text=reason)
        self.books.update(status="failed", **self._progress())
        kept = self.books.checkpoint()
        raise TrainingDivergedError(
            f"Training diverged at step {self.step}: {reason}. "
            + (f"The last good checkpoint is {kept.name}. " if kept else "There is no checkpoint yet. ")
            + "Lower the learning rate or raise the penalty."
        )

    def _write_grid(self) -> None:
        if self.draw is None:
            return
        if isinstance(self.data, Points):
            self._write_points(self.data)
            return
        known = self.draw.conditional
        labels = np.repeat(np.arange(self.classes) if known else np.zeros(GRID_ROWS, np.int64), GRID_COLUMNS)
        images = self._look(lambda draw: draw(labels, seed=self.seed))
        latents = hashlib.sha256(f"{self.seed} {self.draw.latent}".encode()).hexdigest()
        rows, shown = len(labels) // GRID_COLUMNS, labels.tolist() if known else ()
        self.books.write_grid(self.step, images, rows=rows, labels=shown, latents=latents)

    def _write_points(self, data: Points) -> None:
        """The picture of a toy's points, and as curves what its protocol says of them."""
        points, _ = self._look(lambda draw: draw.evenly(JUDGED, self.seed))
        self.books.log(self.step, measure(data.toy, points))
        self.books.write_grid(self.step, render_points(data.toy, points)[None], rows=1)

    def _write_samples(self) -> None:
        if self.draw is None or self.points or self.options.sample_per_class < 1:
            return
        images, labels = self._look(lambda draw: draw.evenly(self.options.sample_per_class, self.seed))
        self.books.write_samples(self.step, images, labels, latents=self.draw.latents_id(self.seed, labels))

    def _look(self, use: Callable[[Sampler], Any]) -> Any:
        """Draw images without a trace in the training."""
        assert self.draw is not None
        with self.evaluating():
            return use(self.draw)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Every network held is in evaluation mode; modes and torch's random states are put back afterwards."""
        nets = self._nets()
        modes = [(module, module.training) for net in nets for module in net.modules()]
        with torch.random.fork_rng(range(torch.cuda.device_count()) if self.device.type == "cuda" else ()):
            try:
                for net in nets:
                    net.eval()
                yield
            finally:
                for module, training in modes:
                    module.training = training

    def _nets(self) -> list[nn.Module]:
        return [thing for thing in self._held.values() if isinstance(thing, nn.Module)]

    # Memory

    def _save(self) -> None:
        wrong = [name for name, thing in self._held.items() if isinstance(thing, nn.Module) and not _finite(thing)]
        if wrong:
            self._diverged(f"a weight of {', '.join(wrong)} is not finite")
        self._team.require_alike(self._nets())
        best = self._is_best()
        if self._team.leads:
            content, keep = encode_state(self._snapshot()), self.options.keep_last
            self.books.write_checkpoint(self.step, content, keep_last=keep, best=best, info=self._progress())

    def _is_best(self) -> bool:
        """Ask the judge, keep the record; without a judge no checkpoint is the best."""
        if not self.options.judge or self.draw is None:
            return False
        value = self._look(lambda draw: selection_score(draw, self.data, self._judge(), SELECT_PER_CLASS, self.seed))
        self.books.log(self.step, {"select/kid": value})
        if self.best and self.best["value"] <= value:
            return False
        self.best = {"metric": "kid", "judge": self.options.judge, "value": value, "step": self.step}
        return True

    def _judge(self) -> str:
        """The judge by its name; one of these images lies in the run."""
        named = self.options.judge
        return str(self.books.path / self.books.info["protocol"]["classifier"]) if named == "auto" else named

    def _snapshot(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "images": self.images,
            "cpu_seconds": self.cpu_seconds,
            "best": self.best,
            "lines": self._lines,
            "held": {name: thing.state_dict() for name, thing in self._held.items()},
            "random": self.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        missing = sorted(set(self._held) ^ set(state["held"]))
        if missing:
            raise BrokenRunError(f"The checkpoint and the trainer differ in {', '.join(missing)}. Start a new run.")
        for name, thing in self._held.items():
            try:
                restore(thing, state["held"][name])
            except (RuntimeError, ValueError, KeyError) as error:  # networks whose parts are named or shaped otherwise
                raise BrokenRunError(
                    f"The checkpoint's {name} is of another version of this trainer: {first_line(error)} Start a new "
                    "run."
                ) from error
        self.step, self.images, self.best = state["step"], state["images"], state["best"]
        self._cpu_before, self._lines = state["cpu_seconds"], state["lines"]
        if self._run is None:
            return
        self.random.set_state(state["random"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] and self.device.type == "cuda":
            torch.cuda.set_rng_state_all(state["cuda"])

    def _format(self, images: torch.Tensor) -> torch.Tensor:
        return images.contiguous(memory_format=torch.channels_last) if self.options.channels_last else images


def _finite(net: nn.Module) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in net.state_dict().values())
