"""How a reader learns beside a generator: from the same real batches, inside the same budget.

The reader (`ganeval.generators.reading`) knows the training images alone and is never the judge that measures.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ganeval.generators.reading import Reader
from reference_models.plumbing.session import Session

EVERY = 4  # steps of the generator between two of the reader
RATE = 2e-3  # Adam, at the start
SMOOTHING = 0.05  # of its labels: a reader that is never certain can be asked how certain it is


class Learning:
    """Its own small training: one update each time that it is shown a batch."""

    def __init__(self, reader: nn.Module, session: Session) -> None:
        assert isinstance(reader, Reader)
        self.reader, self.session = reader, session
        self.adam = torch.optim.Adam(reader.parameters(), RATE, fused=True)
        session.hold(reader_adam=self.adam)

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, rate: float) -> None:
        """Learn from real images and labels (n,), at this share of the first rate."""
        for group in self.adam.param_groups:
            group["lr"] = RATE * rate
        loss = reading_loss(self.reader, images, labels)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.session.log(loss__reader=loss)


def reading_loss(reader: Reader, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of real images (n, c, h, w), in float32 whatever the loop around it computes in."""
    return F.cross_entropy(reader(images.float()), labels, label_smoothing=SMOOTHING)
