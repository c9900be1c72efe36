"""DINOv2: self-supervised vision transformers (Oquab et al. 2023, arXiv:2304.07193), the features of FD-DINOv2.

Stein et al. 2023 (arXiv:2306.04675) found their distances closest to people's judgement; they use ViT-L/14. Published
weights run here in torch's own transformer encoder: a layer scale multiplies what a linear layer returns, so it is
folded into that layer, and nothing is downloaded but tensors (torch.hub would run code). As torch-fidelity does, images
go to 224 x 224 by TensorFlow 1's bilinear rule; dgm-eval resizes bicubically, so its numbers differ.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from ganeval.core.extractor import Embedded, ExtractorSpec
from ganeval.errors import WrongInputError
from ganeval.extractors.weights import RemoteWeights, find_weights, load_state, sha256_of
from ganeval.numerics.resize import resize

SIDE = 224  # pixels
HEAD_WIDTH = 64  # numbers per attention head, in every published size
NORM_EPS = 1e-6
POSITION_OFFSET = 0.1  # the published code adds it to the grid before it interpolates the position embedding
M = TypeVar("M", bound=nn.Module)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, per channel, of images in [0, 1]


@dataclass(frozen=True, eq=False)
class DinoV2:
    """uint8 (n, 1 or 3, h, w) -> the class token after the last norm, float32 (n, 384, 768, 1024 or 1536)."""

    name: str
    patches: nn.Conv2d
    token: torch.Tensor  # (1, 1, d), with its position
    positions: torch.Tensor  # (1, patches, d)
    encoder: nn.TransformerEncoder
    weights_sha256: str
    device: torch.device
    preprocessing: str = "TF1 bilinear to 224x224, ImageNet mean and sd"
    class_names: tuple[str, ...] = ()
    confusion: NDArray[np.int64] | None = None
    batch_size: int = 32

    @classmethod
    def of(cls, name: str, state: Mapping[str, torch.Tensor], weights_sha256: str) -> Self:
        """From a state dict in the published names."""
        if "patch_embed.proj.weight" not in state or "blocks.0.ls1.gamma" not in state:
            raise WrongInputError(
                f"Expected DINOv2's published weights for {name}; got {len(state)} tensors, the first named "
                f"{next(iter(state), None)!r}."
            )
        patches = _patches(state)
        grid = SIDE // patches.kernel_size[0]
        place = state["pos_embed"]  # (1, 1 + m^2, d)
        return cls(
            name,
            patches,
            state["cls_token"] + place[:, :1],
            _positions(place[:, 1:], grid),
            _encoder(state),
            weights_sha256,
            torch.device("cpu"),
        )

    def to(self, device: torch.device, precision: str = "fp32") -> Self:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return dataclasses.replace(
            self,
            patches=_moved(self.patches, device, dtype),
            encoder=_moved(self.encoder, device, dtype),
            token=self.token.to(device, dtype),
            positions=self.positions.to(device, dtype),
            device=device,
        )

    def __call__(self, images: torch.Tensor) -> Embedded:
        x = resize(images.to(self.device, torch.float32) / 255, SIDE, SIDE).expand(-1, 3, -1, -1)
        x = (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(STD)[:, None, None]
        x = self.patches(x.to(self.token.dtype)).flatten(2).transpose(1, 2) + self.positions  # (n, patches, d)
        x = self.encoder(torch.cat([self.token.expand(len(x), -1, -1), x], dim=1))
        return Embedded(x[:, 0].float())


def _patches(state: Mapping[str, torch.Tensor]) -> nn.Conv2d:
    weight = state["patch_embed.proj.weight"]  # (d, 3, 14, 14)
    layer = nn.Conv2d(3, len(weight), weight.shape[-1], stride=weight.shape[-1])
    layer.load_state_dict({"weight": weight, "bias": state["patch_embed.proj.bias"]})
    return layer.requires_grad_(requires_grad=False)


def _positions(place: torch.Tensor, grid: int) -> torch.Tensor:
    """(1, m^2, d) learnt on an m x m grid -> (1, grid^2, d), bicubic with the published offset."""
    m = round(place.shape[1] ** 0.5)
    if m == grid:
        return place
    scale = (grid + POSITION_OFFSET) / m
    square = place.reshape(1, m, m, -1).permute(0, 3, 1, 2)
    return F.interpolate(square, scale_factor=(scale, scale), mode="bicubic").flatten(2).transpose(1, 2)


def _encoder(state: Mapping[str, torch.Tensor]) -> nn.TransformerEncoder:
    width, inner = len(state["norm.weight"]), len(state["blocks.0.mlp.fc1.bias"])
    layer = nn.TransformerEncoderLayer(
        width,
        width // HEAD_WIDTH,
        inner,
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=NORM_EPS,
        batch_first=True,
        norm_first=True,
    )
    depth = 1 + max(int(m[1]) for key in state if (m := re.match(r"blocks\.(\d+)\.", key)))
    encoder = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width, NORM_EPS), enable_nested_tensor=False)
    weights = {f"layers.{i}.{key}": value for i in range(depth) for key, value in _block(state, i).items()}
    encoder.load_state_dict({**weights, "norm.weight": state["norm.weight"], "norm.bias": state["norm.bias"]})
    return encoder.eval().requires_grad_(requires_grad=False)


def _block(state: Mapping[str, torch.Tensor], index: int) -> dict[str, torch.Tensor]:
    """One block in the names of torch's encoder layer, its two layer scales folded in."""
    block = {key.removeprefix(f"blocks.{index}."): value for key, value in state.items()}
    attention, mlp = block["ls1.gamma"], block["ls2.gamma"]
    return {
        "self_attn.in_proj_weight": block["attn.qkv.weight"],
        "self_attn.in_proj_bias": block["attn.qkv.bias"],
        "self_attn.out_proj.weight": attention[:, None] * block["attn.proj.weight"],
        "self_attn.out_proj.bias": attention * block["attn.proj.bias"],
        "linear1.weight": block["mlp.fc1.weight"],
        "linear1.bias": block["mlp.fc1.bias"],
        "linear2.weight": mlp[:, None] * block["mlp.fc2.weight"],
        "linear2.bias": mlp * block["mlp.fc2.bias"],
        **{f"{norm}.{part}": block[f"{norm}.{part}"] for norm in ("norm1", "norm2") for part in ("weight", "bias")},
    }


def _moved(module: M, device: torch.device, dtype: torch.dtype) -> M:
    return copy.deepcopy(module).to(device, dtype)


def _loader(name: str, stem: str, sha256: str) -> Callable[[], DinoV2]:
    file = f"{stem}_pretrain.pth"
    weights = RemoteWeights(file, f"https://dl.fbaipublicfiles.com/dinov2/{stem}/{file}", sha256)

    def load() -> DinoV2:
        path = find_weights(weights)
        return DinoV2.of(name, load_state(path), sha256_of(path))

    return load


SMALL = ExtractorSpec(
    "dinov2-vit-s-14",
    _loader("dinov2-vit-s-14", "dinov2_vits14", "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"),
    licence="Apache-2.0",
    summary="DINOv2 ViT-S/14, 384-d class token, 84 MiB of weights",
)
LARGE = ExtractorSpec(
    "dinov2-vit-l-14",
    _loader("dinov2-vit-l-14", "dinov2_vitl14", "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428"),
    licence="Apache-2.0",
    summary="DINOv2 ViT-L/14, 1024-d class token, 1.1 GiB of weights: FD-DINOv2",
)
