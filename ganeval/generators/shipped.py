"""`Shipped`: a generator with its card, ready to be asked for images or walked through;
its weights are one small file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from ganeval.core.files import read_json
from ganeval.errors import BrokenRunError, WrongInputError
from ganeval.generators.network import Generator
from ganeval.generators.reading import Draw, Reader, readable

WEIGHTS = Path(__file__).parent / "weights"
SCHEMA = "ganeval.generator/1"
AT_ONCE = 500  # images
READER = "reader."  # before the names of its weights
NAMES = {"first": "linear_in", "grow": "up", "last": "conv_out", "style": "embed"}  # of the files' parts, as of today


@dataclass(frozen=True, eq=False)
class Shipped:
    """Callable as every generator is, (n, labels, rng) -> uint8 (n, c, h, w);
    `decode(z, labels)` shows its latent space.
    """

    name: str
    class_names: tuple[str, ...]
    card: Mapping[str, Any]
    module: Generator
    latent_dim: int
    reader: Reader | None = None  # what it does not read is drawn again; `decode` shows everything

    def __call__(self, n: int, labels: Any, rng: torch.Generator) -> torch.Tensor:
        """`n` images of these labels (n,), without labels of the classes in turn; the latents come from `rng` alone."""
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device).cpu()
        wanted = torch.arange(n) % len(self.class_names) if labels is None else torch.as_tensor(labels).long().cpu()
        return self._images(z, wanted, self._chosen)

    @torch.no_grad()
    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """Latents (n, latent_dim) and labels (n,), by default class 0, to uint8 images (n, c, h, w)."""
        return self._images(z, torch.zeros(len(z), dtype=torch.int64) if labels is None else labels.long(), self.module)

    @property
    def _chosen(self) -> Draw:
        if self.reader is None:
            return self.module
        known = torch.arange(len(self.class_names))
        return readable(self.module, self.reader, known, float(self.card["recipe"]["reject"]))

    @torch.no_grad()
    def _images(self, z: torch.Tensor, wanted: torch.Tensor, draw: Draw) -> torch.Tensor:
        if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(self.class_names):
            raise WrongInputError(
                f"{self.name} knows the classes 0 to {len(self.class_names) - 1}; got another. Ask for these."
            )
        pairs = zip(z.float().split(AT_ONCE), wanted.split(AT_ONCE), strict=True)
        return torch.cat([((draw(a, b).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8) for a, b in pairs])


@dataclass(frozen=True)
class GeneratorSpec:
    """A generator that is shipped under a name: NAME.safetensors and its card NAME.json lie in `weights`."""

    name: str
    summary: str

    def load(self, folder: Path = WEIGHTS) -> Shipped:
        """The generator; raises `BrokenRunError` where the weights are not those of the card."""
        card, data = read_json(folder / f"{self.name}.json"), (folder / f"{self.name}.safetensors").read_bytes()
        if card.get("schema") != SCHEMA or card["weights_sha256"] != hashlib.sha256(data).hexdigest():
            raise BrokenRunError(
                f"{folder / self.name} must be the weights of its card; they are others. Install ganeval again."
            )
        built = {**card["network"], "widths": tuple(card["network"]["widths"])}
        module = Generator(**built).eval().requires_grad_(requires_grad=False)
        names, rejects = tuple(card["class_names"]), float(card["recipe"].get("reject", 0)) > 0
        reader = Reader(tuple(card["shape"]), len(names)).eval().requires_grad_(requires_grad=False)
        try:
            weights = {
                of_today(name): value.float() if value.is_floating_point() else value
                for name, value in safetensors.torch.load(data).items()
            }
            if rejects:
                own = [name for name in weights if name.startswith(READER)]
                reader.load_state_dict({name.removeprefix(READER): weights.pop(name) for name in own})
            module.load_state_dict(weights)
        except (SafetensorError, RuntimeError) as error:
            raise BrokenRunError(f"{self.name} does not fit its card: {error}. Install ganeval again.") from error
        return Shipped(self.name, names, card, module, built["latent"], reader if rejects else None)


def of_today(name: str) -> str:
    """The name of a weight, where the file was written when the network's parts had others."""
    return ".".join(NAMES.get(part, part) for part in name.split("."))
