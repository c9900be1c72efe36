"""CLIP's image towers (Radford et al. 2021, arXiv:2103.00020) in torch's own transformer encoder; ViT-L/14-336 is what
CMMD uses.

The embedding is what the tower returns, not normalised: CMMD (Jayasumana et al. 2024, arXiv:2401.09603) divides each
row by its length first. As torch-fidelity does, images are resized by TensorFlow 1's bilinear rule (OpenAI's own code
resizes bicubically). OpenAI publishes TorchScript archives, which can hold code: one is opened only when its SHA-256 is
OpenAI's; a `.safetensors` file with the same state dict works too.
"""

from __future__ import annotations

import copy
import dataclasses
import re
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

HEAD_WIDTH = 64  # numbers per attention head, in every published size
SLOPE = 1.702  # of the sigmoid that stands for a GELU in these weights
MEAN = (0.48145466, 0.4578275, 0.40821073)  # per channel, of images in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, eq=False)
class Clip:
    """uint8 (n, 1 or 3, h, w) -> float32 (n, 512 or 768), not normalised."""

    name: str
    tower: Tower
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
        """From the state dict of one of OpenAI's vision transformers: both towers, or the image tower alone."""
        if "visual.conv1.weight" not in state or "visual.proj" not in state:
            raise WrongInputError(
                f"Expected OpenAI's CLIP weights of a vision transformer for {name}; got {len(state)} tensors, the "
                f"first named {next(iter(state), None)!r}."
            )
        tower = Tower(_published(state))
        return cls(name, tower, tower.side, weights_sha256, torch.device("cpu"))

    def to(self, device: torch.device, precision: str = "fp32") -> Self:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        tower = copy.deepcopy(self.tower).to(device, dtype)
        return dataclasses.replace(self, tower=tower, device=device, dtype=dtype)

    def __call__(self, images: torch.Tensor) -> Embedded:
        x = resize(images.to(self.device, torch.float32) / 255, self.side, self.side).expand(-1, 3, -1, -1)
        x = (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(STD)[:, None, None]
        return Embedded(self.tower(x.to(self.dtype)).float())


def _published(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The image tower's tensors. OpenAI publishes the weights of products in half precision; those of a file that keeps
    more digits are rounded to it, as torch-fidelity does.
    """
    found = {key.removeprefix("visual."): value for key, value in state.items() if key.startswith("visual.")}
    return {key: (value.half() if _PRODUCT.search(key) else value).float() for key, value in found.items()}


class Tower(nn.Module):
    """float (n, 3, side, side), normalised -> (n, d): a class token and one per patch, a norm before the encoder and
    one after it.
    """

    def __init__(self, visual: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        kernels = visual["conv1.weight"]  # (width, 3, patch, patch)
        width, patch = len(kernels), kernels.shape[-1]
        place = visual["positional_embedding"]  # (1 + grid^2, width)
        self.side = patch * round((len(place) - 1) ** 0.5)
        self.patches = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.patches.load_state_dict({"weight": kernels})
        self.token = nn.Parameter(visual["class_embedding"] + place[0])
        self.positions = nn.Parameter(place[1:].clone())
        self.before, self.after = (_norm(visual, name) for name in ("ln_pre", "ln_post"))
        self.encoder = _encoder(visual, width)
        self.projection = nn.Parameter(visual["proj"].clone())  # (width, d)
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions  # (n, patches, width)
        x = torch.cat([self.token.expand(len(x), 1, -1), x], dim=1)
        return self.after(self.encoder(self.before(x))[:, 0]) @ self.projection


def _norm(visual: Mapping[str, torch.Tensor], name: str) -> nn.LayerNorm:
    norm = nn.LayerNorm(len(visual[f"{name}.weight"]))
    norm.load_state_dict({part: visual[f"{name}.{part}"] for part in ("weight", "bias")})
    return norm


def _quick_gelu(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(SLOPE * x)


_PRODUCT = re.compile(r"^conv1\.|\.(attn|mlp)\.")
_NAMES = {"attn": "self_attn", "ln_1": "norm1", "ln_2": "norm2", "mlp.c_fc": "linear1", "mlp.c_proj": "linear2"}


def _encoder(visual: Mapping[str, torch.Tensor], width: int) -> nn.TransformerEncoder:
    blocks = {m[1]: value for key, value in visual.items() if (m := re.match(r"transformer\.resblocks\.(.*)", key))}
    layer = nn.TransformerEncoderLayer(
        width,
        width // HEAD_WIDTH,
        len(blocks["0.mlp.c_fc.bias"]),
        dropout=0.0,
        activation=_quick_gelu,
        batch_first=True,
        norm_first=True,
    )
    encoder = nn.TransformerEncoder(
        layer, 1 + max(int(key.split(".")[0]) for key in blocks), enable_nested_tensor=False
    )
    encoder.load_state_dict({f"layers.{_ours(key)}": value for key, value in blocks.items()})
    return encoder


def _ours(key: str) -> str:
    """Of "3.mlp.c_fc.bias", the name that it has in torch's encoder: "3.linear1.bias"."""
    index, _, rest = key.partition(".")
    theirs = next(name for name in _NAMES if rest.startswith(name))
    return f"{index}.{_NAMES[theirs]}{rest.removeprefix(theirs)}"


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
