"""A training session: the loop's clock. The trainer tells the story, the session keeps the books.

    def train(config, model, session):
        session.hold(g_adam=g_adam, ...)                  what a checkpoint must bring back, besides the networks
        for step in session.steps(config.steps):          resumes, logs, saves, stops
            images, labels = session.order.batch(config.batch)
            ...
            session.log(loss__d=loss_d, loss__g=loss_g)

It consists of four parts: `place` (device, arithmetic, ranks), `order` (images and random numbers), `diary` (log and
pictures) and `checkpoints`. Everything random comes from three places, all in the checkpoint: torch's own generators
(initial weights, dropout; forked from the caller's for the time of the session), the order's generator (latents,
labels, augmentation) and the data order, a function of the images seen. Pictures and samples have generators of their
own, so that looking at a training never changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from ganeval.runs.directory import RunDirectory
from reference_models.plumbing import health
from reference_models.plumbing.points import Points
from reference_models.plumbing.session.checkpoints import Checkpoints, Stateful
from reference_models.plumbing.session.diary import Diary
from reference_models.plumbing.session.order import Order
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.stopping import graceful_stop, shown


class Session:
    """See the module's docstring. `state` is that of the checkpoint that the training goes on from."""

    def __init__(
        self, model: Model, place: Place, seed: int, run: RunDirectory, state: Mapping[str, Any] | None = None
    ) -> None:
        self.place, self.model, self.seed = place, model, seed
        self.order = Order(place, seed)
        self.diary = Diary(run, seed)
        self.checkpoints = Checkpoints(run, place.options.judge)
        self.step = 0  # generator updates done
        self._state = state
        self._stop, self._total = False, 0
        self.hold(**model.networks)

    # What a loop asks for

    def hold(self, **things: Stateful) -> None:
        """Name what a checkpoint must hold beside the networks: optimisers, schedulers, augmentation."""
        self.checkpoints.held.update(things)
        for thing in things.values():
            if isinstance(thing, torch.optim.Optimizer):
                self.place.team.average_gradients(thing)

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next real images, float (size, c, h, w) in [-1, 1], and their labels (size,)."""
        return self.order.batch(size)

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 where `amp` is on; losses and penalties belong outside."""
        return self.place.autocast()

    @property
    def logging(self) -> bool:
        """True in steps that end with a log line: the time to compute what is too dear for every step."""
        return self.step % self.place.options.log_every == 0 or self.step == self._total

    def log(self, **values: torch.Tensor | float) -> None:
        """Note values of this step; a log line holds their means since the last one."""
        self.diary.note(values)

    def watch(self, real: torch.Tensor, labels: torch.Tensor, fake: torch.Tensor) -> None:
        """Log how shuffled the real batch is and how varied the fakes are; alarms are events in the run."""
        self.log(batch_entropy=health.batch_entropy(labels, self.place.data.frequencies))
        if self.logging and min(len(real), len(fake)) > 1:  # one image has nothing to differ from
            self.log(diversity=health.diversity(fake.detach(), real.detach()))

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Every network held is in evaluation mode; modes and torch's random states are put back afterwards."""
        nets = self.checkpoints.networks
        modes = [(module, module.training) for net in nets for module in net.modules()]
        cuda = self.place.device.type == "cuda"
        with torch.random.fork_rng(range(torch.cuda.device_count()) if cuda else ()):
            try:
                for net in nets:
                    net.eval()
                yield
            finally:
                for module, training in modes:
                    module.training = training

    # The clock

    def steps(self, total: int) -> Iterator[int]:
        """1, 2, ... `total`, from where the checkpoint ended; keeps the books between two steps."""
        self._total = total
        if self._state is not None:
            self._load(self._state)
            self._show(missing=True)
        team = self.place.team
        with graceful_stop() as stop, shown(self.step, total, hidden=not team.leads) as bar:
            while self.step < total and not self._stop:
                self.step += 1
                team.begin(self.seed, self.step)
                yield self.step
                self._stop = team.rest(stop=stop.asked)
                self._after_step()
                bar.update()
        self._finish()

    def _after_step(self) -> None:
        done, options = self.step == self._total, self.place.options
        save = done or self._stop or self._due(options.checkpoints)
        if self.logging or save:
            self.diary.write_line(self.step, self._progress())
        if save:
            self._save()
        self._show()

    def _show(self, *, missing: bool = False) -> None:
        """The picture and the samples of this step, after its checkpoint: whatever ends the process here, a resumed one
        draws those that are `missing`.
        """
        done, options = self.step == self._total, self.place.options
        if not self.place.team.leads or not self.step:
            return
        if (done or self._due(options.grids)) and not (missing and self.diary.has_grid(self.step)):
            self._write_picture()
        if (done or self._due(options.sample_times)) and not (missing and self.diary.has_samples(self.step)):
            self._write_samples()

    def _due(self, times: int) -> bool:
        """True `times` times over the training, evenly."""
        return times > 0 and self.step % max(1, self._total // times) == 0

    def _finish(self) -> None:
        run = self.diary.run
        if self.place.options.gif and self.place.team.leads:
            run.write_animation()
        done = self.step >= self._total
        if not done:
            run.event(self.step, "stop", text="interrupted; go on with --resume")
        run.update(status="done" if done else "stopped", **self._progress())
        self.place.team.wait()

    # What is written between two steps

    def _progress(self) -> dict[str, Any]:
        cpu_seconds = round(self.diary.cpu_seconds, 2)
        best = self.checkpoints.best
        return {"step": self.step, "images": self.order.images, "best": best, "cpu_seconds": cpu_seconds}

    def _write_picture(self) -> None:
        data = self.place.data
        with self.evaluating():
            if isinstance(data, Points):
                self.diary.write_points(self.step, self.model.sampler, data)
            else:
                self.diary.write_grid(self.step, self.model.sampler)

    def _write_samples(self) -> None:
        per_class = self.place.options.sample_per_class
        if self.place.points or per_class < 1:
            return
        with self.evaluating():
            self.diary.write_samples(self.step, self.model.sampler, per_class)

    def _save(self) -> None:
        if wrong := self.checkpoints.broken():
            self.diary.diverged(f"a weight of {', '.join(wrong)} is not finite", self._progress())
        self.place.team.require_alike(self.checkpoints.networks)
        with self.evaluating():
            best = self.checkpoints.is_best(self.step, self.model.sampler, self.place.data, self.seed)
        if self.place.team.leads:
            state = {"step": self.step, **self.order.state_dict(), **self.diary.state_dict()}
            keep, info = self.place.options.keep_last, self._progress()
            self.checkpoints.write(self.step, state, best=best, keep_last=keep, info=info)

    def _load(self, state: Mapping[str, Any]) -> None:
        self.checkpoints.load(state)
        self.order.load_state_dict(state)
        self.diary.load_state_dict(state)
        self.step = state["step"]
