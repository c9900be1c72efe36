"""Lightning: a callback that measures every so many steps, logs numbers with errors and keeps the best checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganeval.core.compute import HERE, Compute
from ganeval.errors import WrongInputError
from ganeval.images.generated import evaluating
from ganeval.integrations.needed import needed
from ganeval.integrations.watch import Watch
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation

Sampler = Callable[..., Any]
_LIGHTNING = needed("lightning.pytorch", "lightning")


class GenerativeEvaluation(_LIGHTNING.Callback):
    """Samples from the module every `every` training steps and measures what it drew.

    Numbers go to the trainer's logger as `ganeval/NAME`, `ganeval/NAME_se`, ...; `evaluations` holds the last one.
    `checkpoint` is written only when the generator is better than at the best step before, beyond noise (`Watch`); a
    training that is resumed from a checkpoint (`trainer.fit(..., ckpt_path=...)`) remembers that step.

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
    ) -> None:
        """sample: (module, n, labels, torch.Generator) -> uint8 images (n, c, h, w); by default
        `module.sample(n, labels, rng)`.
        checkpoint: where the best one goes. loggers: objects with `log(evaluation, step)`, called besides the
        trainer's.
        """
        super().__init__()
        self.watch = Watch(protocol, compute, every=every, by=by)
        self.sample, self.loggers = sample, tuple(loggers)
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.last: Evaluation | None = None
        self.steps = 0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Measure where a step is due; under several processes only the first one does, the others wait."""
        self.steps += 1
        if self.steps % self.watch.every:
            return
        improved = False
        if trainer.is_global_zero:
            self._measure(trainer, pl_module)
            improved = self.watch.improved
        improved = bool(trainer.strategy.broadcast(improved))
        if improved and self.checkpoint is not None:
            trainer.save_checkpoint(self.checkpoint)

    def _measure(self, trainer: Any, module: Any) -> None:
        from ganeval.integrations.loggers.values import values_of

        evaluation = self.watch(self.steps, self._drawing(module))
        assert evaluation is not None
        self.last = evaluation
        for logger in trainer.loggers:
            logger.log_metrics(values_of(evaluation), step=self.steps)
        for logger in self.loggers:
            logger.log(evaluation, self.steps)

    def _drawing(self, module: Any) -> Callable[..., Any]:
        """The generator callable of the module, drawn from in evaluation mode and without gradients."""
        if self.sample is None and not callable(getattr(module, "sample", None)):
            raise WrongInputError(
                f"{type(module).__name__} has no method sample(n, labels, rng). Add one, or pass sample=, a function "
                "(module, n, labels, rng) -> uint8 images (n, c, h, w)."
            )

        def draw(n: int, labels: Any, rng: Any) -> Any:
            with evaluating(module):
                return self.sample(module, n, labels, rng) if self.sample else module.sample(n, labels, rng)

        return draw

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "watch": self.watch.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps = int(state_dict["steps"])
        self.watch.load_state_dict(state_dict.get("watch", {"best": None}))
