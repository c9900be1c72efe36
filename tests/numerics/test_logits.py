"""What is taken for logits, and what is told to be something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from ganeval.errors import WrongInputError
from ganeval.numerics.logits import require_logits

Change = Callable[[torch.Tensor], torch.Tensor]  # of probabilities (n, k)
DISGUISED: dict[str, Change] = {
    "of bytes": lambda p: (255 * p).round(),
    "of few images": lambda p: 100 * p[:3],
    "of a sigmoid, of few images": lambda p: p[:3].sqrt(),
    "losses": lambda p: -p.log(),
    "losses in bfloat16": lambda p: -p.log().bfloat16().double(),
    "losses of a doubtful network": lambda p: -(0.01 * p).log_softmax(1),
    "with the sign changed": lambda p: -p,
    "between -1 and 1": lambda p: 2 * p - 1,
}
PLAIN: dict[str, Change] = {
    "logarithms": lambda p: p.log(),
    "logarithms of a doubtful network": lambda p: (0.01 * p).log_softmax(1),
    "two of them": lambda p: p[:, :2].log_softmax(1),
    "after a ReLU": lambda p: (p.log() + 4).relu(),
    "of a network that is sure": lambda p: 9.0 * F.one_hot(p[:, :2].argmax(1)),
    "of a network that has no doubt": lambda p: 40.0 * F.one_hot(p.argmax(1), 10),
    "in base ten": lambda p: p.log10(),
    "of a sigmoid": lambda p: F.logsigmoid(p.log() + 4),
    "far from zero": lambda p: 50 + 0.01 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)),
    "the same for all images": lambda p: 0.3 + 0 * p + torch.arange(10),
    "of one bit": lambda p: torch.stack([p[:, 0] / 2, -p[:, 0] / 2], 1),
}


@pytest.mark.parametrize("kind", [*DISGUISED, *PLAIN])
def test_probabilities_in_disguise_are_refused_and_logits_are_not(kind: str) -> None:
    p = torch.softmax(5 * torch.randn(99, 10, generator=torch.Generator().manual_seed(0)), 1)
    if kind in PLAIN:
        require_logits(PLAIN[kind](p))
        return
    with pytest.raises(WrongInputError, match=r"before the softmax; these rows .*probabilities"):
        require_logits(DISGUISED[kind](p))
