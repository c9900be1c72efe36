"""CLIP's image towers (Radford et al. 2021, arXiv:2103.00020), in torch-fidelity's network; ViT-L/14-336 is what CMMD
uses.

The embedding is what the tower returns, not normalised: CMMD (Jayasumana et al. 2024, arXiv:2401.09603) divides each
row by its length first. As torch-fidelity does, images are resized by TensorFlow 1's bilinear rule (OpenAI's own code
resizes bicubically). OpenAI publishes TorchScript archives, which can hold code: one is opened only when its SHA-256 is
OpenAI's; a `.safetensors` file with the same state dict works too.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganeval.core.extractor import Embedded, ExtractorSpec
from ganeval.errors import WrongInputError
from ganeval.extractors.weights import RemoteWeights, find_weights, load_state, sha256_of
from ganeval.numerics.resize import resize

MEAN = (0.48145466, 0.4578275, 0.40821073)  # per channel, of images in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, eq=False)
class Clip:
    """uint8 (n, 1 or 3, h, w) -> float32 (n, 512 or 768), not normalised."""

    name: str
    tower: nn.Module
    side: int  # pixels that the tower was trained on
    weights_sha256: str
    device: torch.device
    dtype: torch.dtype = torch.float32
    class_names: tuple[str, ...] = ()
    confusion: NDArray[np.int64] | None = None
    batch_size: int = 32

    @property
    def preprocessing(self) -> str:
        return f"TF1 bilinear to {self.side}x{self.side}, CLIP mean and sd"

    @classmethod
    def of(cls, name: str, state: Mapping[str, torch.Tensor], weights_sha256: str) -> Self:
        """From the state dict of an OpenAI model, both towers or the image tower with `text_projection`."""
        if "visual.conv1.weight" not in state or "text_projection" not in state:
            raise WrongInputError(
                f"Expected OpenAI's CLIP weights for {name}; got {len(state)} tensors, the first named "
                f"{next(iter(state), None)!r}."
            )
        from torch_fidelity.feature_extractor_clip import build_model  # loads torchvision

        tower = build_model(dict(state), torch.float32).visual
        return cls(name, tower, int(tower.input_resolution), weights_sha256, torch.device("cpu"))

    def to(self, device: torch.device, precision: str = "fp32") -> Self:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        tower = copy.deepcopy(self.tower).to(device, dtype)
        return dataclasses.replace(self, tower=tower, device=device, dtype=dtype)

    def __call__(self, images: torch.Tensor) -> Embedded:
        x = resize(images.to(self.device, torch.float32) / 255, self.side, self.side).expand(-1, 3, -1, -1)
        x = (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(STD)[:, None, None]
        return Embedded(self.tower(x.to(self.dtype)).float())


def _state(path: Path) -> dict[str, torch.Tensor]:
    """`find_weights` has compared a TorchScript archive with OpenAI's hash before it comes here."""
    if path.suffix == ".safetensors":
        return load_state(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit is the format these files are published in
        return dict(torch.jit.load(path, map_location="cpu").state_dict())


def _loader(name: str, file: str, sha256: str) -> Callable[[], Clip]:
    weights = RemoteWeights(file, f"https://openaipublic.azureedge.net/clip/models/{sha256}/{file}", sha256)

    def load() -> Clip:
        path = find_weights(weights)
        return Clip.of(name, _state(path), sha256_of(path))

    return load


BASE = ExtractorSpec(
    "clip-vit-b-32",
    _loader("clip-vit-b-32", "ViT-B-32.pt", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
    licence="MIT",
    summary="CLIP ViT-B/32, 512-d",
)
LARGE = ExtractorSpec(
    "clip-vit-l-14-336px",
    _loader(
        "clip-vit-l-14-336px",
        "ViT-L-14-336px.pt",
        "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
    ),
    licence="MIT",
    summary="CLIP ViT-L/14 at 336 pixels, 768-d: CMMD's features",
)
