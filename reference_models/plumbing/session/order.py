"""What goes into a step: real images in their order, and random numbers; both the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from reference_models.plumbing.seeds import generator
from reference_models.plumbing.session.place import Place


class Order:
    """The data order is a function of the images seen; latents, labels and augmentation come from `random`."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self.random = generator(seed, "session", device=place.device)
        self.images = 0  # real images drawn

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next real images, float (size, c, h, w) in [-1, 1], and their labels (size,)."""
        images, labels = self._place.data.batch(self.images, size)
        self.images += size
        return self._place.layout(images), labels

    def held_out(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Real images that are never trained on, like `batch`."""
        images, labels = self._place.data.held_out(size)
        return self._place.layout(images), labels

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers on the device."""
        return torch.randn(*shape, generator=self.random, device=self._place.device)

    def uniform(self, *shape: int) -> torch.Tensor:
        """Numbers uniform in [0, 1) on the device."""
        return torch.rand(*shape, generator=self.random, device=self._place.device)

    def labels(self, size: int) -> torch.Tensor:
        """Uniform class labels (size,), among the classes trained on."""
        present = self._place.data.frequencies.nonzero().flatten().to(self._place.device)
        return present[torch.randint(len(present), (size,), generator=self.random, device=self._place.device)]

    def state_dict(self) -> dict[str, Any]:
        """Where the order stands, with torch's own generators (dropout, augmentation)."""
        return {
            "images": self.images,
            "random": self.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if self._place.device.type == "cuda" else [],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.images = state["images"]
        self.random.set_state(state["random"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] and self._place.device.type == "cuda":
            torch.cuda.set_rng_state_all(state["cuda"])
