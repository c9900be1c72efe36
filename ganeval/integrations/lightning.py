"""Lightning: a callback that measures every so many steps, logs numbers with errors and keeps the best checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ganeval.core.compute import HERE, Compute
from ganeval.errors import GanevalError, WrongInputError, sentence
from ganeval.images.generated import evaluating, require_callable_so
from ganeval.integrations.loggers.values import PREFIX, checked_prefix, values_of
from ganeval.integrations.needed import needed
from ganeval.integrations.watch import Watch
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation

Sampler = Callable[..., Any]
_LIGHTNING = needed("lightning.pytorch", "lightning")


class GenerativeEvaluation(_LIGHTNING.Callback):
    """Samples from the module every `every` training steps and measures what it drew.

    Numbers go to the trainer's loggers as `ganeval/NAME`, `ganeval/NAME_se`, ..., and are what other callbacks can
    watch: `ModelCheckpoint(monitor="ganeval/fid", every_n_train_steps=...)`. `last` holds the last evaluation.
    `checkpoint` is written only when the generator is better than at the best step before, beyond noise (`Watch`); a
    training that is resumed from a checkpoint (`trainer.fit(..., ckpt_path=...)`) remembers that step. A new training
    begins anew, and `fast_dev_run` writes nothing. With Lightning's `WeightAveraging` the averages are measured, which
    are what its checkpoints hold.

    In a GAN with several optimisers `trainer.global_step` counts every one of them; a step here is one training batch.
    """

    def __init__(
        self,
        protocol: Protocol,
        sample: Sampler | None = None,
        *,
        compute: Compute = HERE,
        every: int = 1000,
        by: str = "",
        checkpoint: str | Path | None = None,
        loggers: Sequence[Any] = (),
        prefix: str = PREFIX,
    ) -> None:
        """sample: (module, n, labels, torch.Generator) -> uint8 images (n, c, h, w); by default
        `module.sample(n, labels, rng)`.
        checkpoint: the file for the best one, or an address that Lightning can write to. loggers: objects with
        `log(evaluation, step)`, called besides the trainer's. prefix: of names; two callbacks in one trainer need two.
        """
        super().__init__()
        self.watch = Watch(protocol, compute, every=every, by=by)
        if compute.ranks is not None:
            raise WrongInputError(
                "Under Lightning the first process measures and the others wait for it; got a Compute with ranks. "
                "Leave ranks out."
            )
        self.sample, self.prefix = _checked_sample(sample), checked_prefix(prefix)
        self.loggers, self.checkpoint = _checked_loggers(loggers), _checked_file(checkpoint)
        self.last: Evaluation | None = None
        self.steps = 0

    @property
    def state_key(self) -> str:
        """What its state is called in a checkpoint."""
        name = type(self).__qualname__
        return name if self.prefix == PREFIX else f"{name}[{self.prefix}]"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:  # noqa: ARG002 - as Lightning calls it
        """Refuse a module that cannot be sampled before it is trained."""
        if stage == "fit":
            self._drawing(pl_module)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - as Lightning calls it
        """Open the real images, and forget what was seen of another training."""
        if trainer.fit_loop.total_batch_idx < 0:
            self.steps, self.last, self.watch.best = 0, None, None
        self._by_the_first(trainer, lambda: bool(self.watch.prepare()))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Measure where a step is due; under several processes only the first one does, the others wait."""
        self.steps = trainer.fit_loop.total_batch_idx + 1
        if self.steps % self.watch.every:
            return
        values, improved = self._by_the_first(trainer, lambda: self._measured(trainer, pl_module))
        for name, value in values.items():
            pl_module.log(name, value, on_step=True, on_epoch=False, logger=False, batch_size=1)
        if improved and self.checkpoint is not None and not trainer.fast_dev_run:
            trainer.save_checkpoint(self.checkpoint)

    def _by_the_first(self, trainer: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives in the first process, in all of them; where it fails there, all of them end."""
        made, failure = None, None
        if trainer.is_global_zero:
            try:
                made = make()
            except Exception as error:  # noqa: BLE001 - raised below, when the others know
                failure = error
        made, said = trainer.strategy.broadcast((made, failure and sentence(failure)))
        if failure is not None:
            raise failure
        if said is not None:
            raise GanevalError(f"The first process could not measure: {said}")
        return made

    def _measured(self, trainer: Any, module: Any) -> tuple[dict[str, float], bool]:
        with _averaged(trainer, module):
            evaluation = self.watch(self.steps, self._drawing(module))
        assert evaluation is not None
        self.last, values = evaluation, values_of(evaluation, self.prefix)
        for logger in trainer.loggers:
            logger.log_metrics(values, step=self.steps)
        for logger in () if trainer.fast_dev_run else self.loggers:
            logger.log(evaluation, self.steps)
        return values, self.watch.improved

    def _drawing(self, module: Any) -> Callable[..., Any]:
        """The generator callable of the module, drawn from in evaluation mode and without gradients."""
        if self.sample is None and not callable(getattr(module, "sample", None)):
            raise WrongInputError(
                f"{type(module).__name__} has no method sample(n, labels, rng). Add one, or pass sample=, a function "
                "(module, n, labels, rng) -> uint8 images (n, c, h, w)."
            )
        own = module.sample if self.sample is None else partial(self.sample, module)

        def draw(n: int, labels: Any, rng: Any) -> Any:
            with evaluating(module):
                return own(n, labels, rng)

        draw.__name__ = f"{type(module).__name__}.sample" if self.sample is None else "sample="
        require_callable_so(own, draw.__name__)
        return draw

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "watch": self.watch.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps = int(state_dict["steps"])
        self.watch.load_state_dict(state_dict.get("watch", {"best": None}))


@contextmanager
def _averaged(trainer: Any, module: Any) -> Iterator[None]:
    """Where Lightning averages the weights the module has the averages, as in validation: checkpoints hold them."""
    kind = getattr(_LIGHTNING.callbacks, "WeightAveraging", ())
    averaging = [callback for callback in trainer.callbacks if isinstance(callback, kind)]
    for callback in averaging:
        callback.on_validation_epoch_start(trainer, module)
    try:
        yield
    finally:
        for callback in averaging:
            callback.on_validation_epoch_end(trainer, module)


def _checked_sample(sample: Any) -> Sampler | None:
    if sample is not None and not callable(sample):
        raise WrongInputError(
            f"sample must be a function (module, n, labels, rng) -> uint8 images; got {type(sample).__name__}. "
            "Leave it out where the module has a method sample(n, labels, rng)."
        )
    return sample


def _checked_loggers(loggers: Any) -> tuple[Any, ...]:
    found = tuple(loggers) if isinstance(loggers, (list, tuple)) else (loggers,)
    for logger in found:
        if not callable(getattr(logger, "log", None)):
            raise WrongInputError(
                f"loggers must be a list of objects with log(evaluation, step); got {type(logger).__name__}. Take one "
                "of ganeval.integrations.loggers; Lightning's own belong to the trainer."
            )
    return found


def _checked_file(checkpoint: Any) -> str | None:
    """The name of a file, or an address (`s3://...`), which is no path of this machine."""
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, (str, Path)) or not str(checkpoint) or os.path.isdir(checkpoint):  # noqa: PTH112
        raise WrongInputError(
            f"checkpoint must name the file for the best generator; got {checkpoint!r:.300}. "
            "Pass for example runs/best.ckpt."
        )
    return str(checkpoint)
