"""Inception: the network of FID (Szegedy et al. 2015, arXiv:1512.00567; Heusel et al. 2017, arXiv:1706.08500).

The graph of 2015-12-05 with TensorFlow's weights as torch-fidelity converted them (Apache-2.0), which is what "FID"
means. Three oddities of that graph belong to the number: average pools do not count padding, the last block pools by
maximum, and images are resized to 299 x 299 by TensorFlow 1's bilinear rule before (x - 128) / 128.

Faster than the original on the same weights, with the same features (within 1e-4): every batch normalisation is folded
into its convolution, memory is channels-last, ReLU is fused into the convolution where torch's CPU library offers it,
pooled branches project before they pool, and grey images enter through one input channel (the sum over the first
layer's three: exact, because all channels of a grey image are normalised alike). On the CPU the large maps of the first
layers are made for a few images at a time, and 3 x 3 maxima in two passes of threes; neither moves a bit.

Published numbers differ by what happens before the network, on the same weights. `inception:NAME` does what NAME does
between
uint8 and the first layer: `torch-fidelity` (the default, another word for `inception`), `pytorch-fid` (half-pixel
bilinear, without antialiasing), `torchmetrics` (half-pixel bilinear with antialiasing, its default), `clean-fid`
(Pillow's bicubic).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ganeval.core.extractor import Embedded, ExtractorSpec
from ganeval.errors import WrongInputError
from ganeval.extractors.weights import RemoteWeights, find_weights, load_state, sha256_of
from ganeval.numerics.precision import exact_convolutions
from ganeval.numerics.resize import resize

WEIGHTS = RemoteWeights(
    name="weights-inception-2015-12-05-6726825d.pth",
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    also=("pt_inception-2015-12-05-6726825d.pth",),  # pytorch-fid's name for the same file
)
SIDE = 299  # pixels, of the square the network was trained on
BN_EPS = 1e-3
SPATIAL_CHANNELS = 7  # of mixed_6/conv, 17 x 17 x 7 = 2023 numbers: sFID as in guided-diffusion's evaluator

STEM, MIDDLE = 4, 16  # float32 images at a time whose largest map stays below 32 MiB: from there on malloc gives memory
# back to the system each time, and a tenth of all CPU time was the kernel's, which zeroed it again

FUSED = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)  # conv + ReLU in one pass over memory, 10 % of all

Layers = Mapping[str, tuple[torch.Tensor, torch.Tensor]]  # name -> weight (out, in, h, w), bias (out,)


@dataclass(frozen=True, eq=False)
class Inception:
    """uint8 (n, 1 or 3, h, w) -> embeddings (n, 2048), logits (n, 1008), spatial (n, 2023), all float32.

    The logits leave out the bias of the last layer, as the original Inception Score does; add `bias` for the full ones.
    """

    layers: Layers
    classes: torch.Tensor  # (1008, 2048)
    bias: torch.Tensor  # (1008,)
    weights_sha256: str
    device: torch.device
    dtype: torch.dtype = torch.float32
    name: str = "inception"
    preprocessing: str = "TF1 bilinear to 299x299, (x-128)/128"
    prepare: Callable[[torch.Tensor], torch.Tensor] = lambda x: resize((x - 128) / 128, SIDE, SIDE)
    class_names: tuple[str, ...] = ()
    confusion: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, state: Mapping[str, torch.Tensor], weights_sha256: str) -> Self:
        """From a state dict in torch-fidelity's names."""
        if state.get("fc.weight", torch.empty(0)).shape != (1008, 2048) or "Conv2d_1a_3x3.conv.weight" not in state:
            raise WrongInputError(
                f"Expected torch-fidelity's Inception weights with {WEIGHTS.name}'s layers; got {len(state)} tensors, "
                f"the first named {next(iter(state), None)!r}. torchvision's Inception has other weights."
            )
        names = sorted(key.removesuffix(".conv.weight") for key in state if key.endswith(".conv.weight"))
        layers = {name: _folded(state, name) for name in names}
        first, shift = layers["Conv2d_1a_3x3"]
        layers["grey"] = (_laid_out(first.double().sum(dim=1, keepdim=True).float()), shift)
        return cls(layers, state["fc.weight"], state["fc.bias"], weights_sha256, torch.device("cpu"))

    @property
    def batch_size(self) -> int:
        return 32 if self.device.type == "cpu" else 256

    @property
    def _more(self) -> int:
        """How many maps take as much memory as one of float32."""
        return 4 // self.dtype.itemsize

    @property
    def one_will_do(self) -> bool:
        """Whether one image of a set and noise tell whose rows are kept: all but the weights is code of this file."""
        return self.prepare.__module__ == __name__

    def to(self, device: torch.device, precision: str = "fp32") -> Self:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        layers = {name: (_laid_out(w.to(device, dtype)), b.to(device, dtype)) for name, (w, b) in self.layers.items()}
        return dataclasses.replace(
            self, layers=layers, classes=self.classes.to(device), bias=self.bias.to(device), device=device, dtype=dtype
        )

    def __call__(self, images: torch.Tensor) -> Embedded:
        with exact_convolutions(self.device):
            x, spatial = _deep(self.layers, self._in_parts(self._middle, images.to(self.device), MIDDLE * self._more))
            embeddings = x.float().mean(dim=(2, 3))
            return Embedded(embeddings, embeddings @ self.classes.T, spatial)

    def _middle(self, images: torch.Tensor) -> torch.Tensor:
        return _middle(self.layers, self._in_parts(self._stem, images, STEM * self._more))

    def _stem(self, images: torch.Tensor) -> torch.Tensor:
        return _stem(self.layers, self._in_parts(self._prepared, images, STEM))

    def _prepared(self, images: torch.Tensor) -> torch.Tensor:
        return self.prepare(images.to(torch.float32)).to(self.dtype, memory_format=torch.channels_last)

    def _in_parts(self, step: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, most: int) -> torch.Tensor:
        """`step` of all images, on the CPU of `most` at a time."""
        if self.device.type != "cpu" or len(images) <= most:
            return step(images)
        return torch.cat([step(part) for part in images.split(most)])


def _folded(state: Mapping[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Convolution and batch normalisation as one convolution with a bias, computed in float64."""
    mean, var, gamma, beta = (
        state[f"{name}.bn.{part}"].double() for part in ("running_mean", "running_var", "weight", "bias")
    )
    scale = gamma / (var + BN_EPS).sqrt()
    weight = state[f"{name}.conv.weight"].double() * scale[:, None, None, None]
    return _laid_out(weight.float()), (beta - mean * scale).float()


def _laid_out(weight: torch.Tensor) -> torch.Tensor:
    return weight.contiguous(memory_format=torch.channels_last)


def _stem(layers: Layers, x: torch.Tensor) -> torch.Tensor:
    """(n, 1 or 3, 299, 299) -> (n, 192, 35, 35)."""
    x = _valid(layers, "Conv2d_1a_3x3" if x.shape[1] == 3 else "grey", x, stride=2)  # (n, 32, 149, 149)
    x = _valid(layers, "Conv2d_2a_3x3", x)
    x = largest(_same(layers, "Conv2d_2b_3x3", x))  # (n, 64, 73, 73)
    x = _valid(layers, "Conv2d_3b_1x1", x)
    return largest(_valid(layers, "Conv2d_4a_3x3", x))


def _middle(layers: Layers, x: torch.Tensor) -> torch.Tensor:
    """(n, 192, 35, 35) -> (n, 768, 17, 17)."""
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = _block_a(layers, name, x)  # (n, 256 or 288, 35, 35)
    return _block_b(layers, "Mixed_6a", x)


def _deep(layers: Layers, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 768, 17, 17) -> the last feature map (n, 2048, 8, 8) and the spatial features (n, 2023)."""
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d"):
        x = _block_c(layers, name, x)
    spatial = x[:, :SPATIAL_CHANNELS].permute(0, 2, 3, 1).flatten(1).float()  # TensorFlow's mixed_6/conv: rows first
    x = _block_c(layers, "Mixed_6e", x)
    x = _block_d(layers, "Mixed_7a", x)  # (n, 1280, 8, 8)
    x = _block_e(layers, "Mixed_7b", x, maximum=False)
    return _block_e(layers, "Mixed_7c", x, maximum=True), spatial


def largest(x: torch.Tensor) -> torch.Tensor:
    """The maximum of every second 3 x 3 window of maps with odd sides, none negative: over rows, then over columns.

    `max_pool2d` on the CPU also writes down where each maximum was, which takes as long again.
    """
    if x.device.type != "cpu":
        return F.max_pool2d(x, 3, stride=2)
    kind, x = x.dtype, _as_ordered(x)
    for _ in range(2):
        found = torch.maximum(x[:, :, :-2:2], x[:, :, 1:-1:2])
        x = torch.maximum(found, x[:, :, 2::2], out=found).transpose(2, 3)
    return x.view(kind)


def largest_around(x: torch.Tensor) -> torch.Tensor:
    """The maximum of the 3 x 3 window around every pixel, none negative; beyond the edge there is nothing."""
    if x.device.type != "cpu":
        return F.max_pool2d(x, 3, stride=1, padding=1)
    kind, x = x.dtype, _as_ordered(x)
    for _ in range(2):
        found = x.clone()
        torch.maximum(found[:, :, 1:], x[:, :, :-1], out=found[:, :, 1:])
        torch.maximum(found[:, :, :-1], x[:, :, 1:], out=found[:, :, :-1])
        x = found.transpose(2, 3)
    return x.view(kind)


def _as_ordered(x: torch.Tensor) -> torch.Tensor:
    """Numbers of which none is negative, as what is compared fastest: the bits of bfloat16 are whole numbers in the
    same order, and no CPU has a maximum of bfloat16.
    """
    return x.view(torch.int16) if x.dtype == torch.bfloat16 else x


def _same(layers: Layers, name: str, x: torch.Tensor, *, relu: bool = True) -> torch.Tensor:
    """A convolution that keeps the size."""
    weight, bias = layers[name]
    return _convolve(x, weight, bias, (weight.shape[2] // 2, weight.shape[3] // 2), 1, relu=relu)


def _valid(layers: Layers, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    """A convolution that looks at whole windows only."""
    return _convolve(x, *layers[name], (0, 0), stride, relu=True)


def _convolve(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: tuple[int, int], stride: int, *, relu: bool
) -> torch.Tensor:
    if FUSED is not None and x.device.type == "cpu":
        return FUSED(x, weight, bias, padding, [stride] * 2, [1, 1], 1, "relu" if relu else "none", [], "")
    x = F.conv2d(x, weight, bias, stride, padding)
    return x.relu_() if relu else x


def _chain(layers: Layers, block: str, x: torch.Tensor, *names: str) -> torch.Tensor:
    for name in names:
        x = _same(layers, f"{block}.{name}", x)
    return x


def _average_branch(layers: Layers, block: str, x: torch.Tensor) -> torch.Tensor:
    """ReLU(conv1x1(average)): averaging and a 1 x 1 convolution commute, so the average is over fewer channels."""
    x = _same(layers, f"{block}.branch_pool", x, relu=False)
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False).relu_()


def _block_a(layers: Layers, block: str, x: torch.Tensor) -> torch.Tensor:
    return torch.cat(
        [
            _chain(layers, block, x, "branch1x1"),
            _chain(layers, block, x, "branch5x5_1", "branch5x5_2"),
            _chain(layers, block, x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
            _average_branch(layers, block, x),
        ],
        dim=1,
    )


def _block_b(layers: Layers, block: str, x: torch.Tensor) -> torch.Tensor:
    return torch.cat(
        [
            _valid(layers, f"{block}.branch3x3", x, stride=2),
            _valid(layers, f"{block}.branch3x3dbl_3", _chain(layers, block, x, "branch3x3dbl_1", "branch3x3dbl_2"), 2),
            largest(x),
        ],
        dim=1,
    )


def _block_c(layers: Layers, block: str, x: torch.Tensor) -> torch.Tensor:
    return torch.cat(
        [
            _chain(layers, block, x, "branch1x1"),
            _chain(layers, block, x, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
            _chain(layers, block, x, *(f"branch7x7dbl_{i}" for i in range(1, 6))),
            _average_branch(layers, block, x),
        ],
        dim=1,
    )


def _block_d(layers: Layers, block: str, x: torch.Tensor) -> torch.Tensor:
    deep = _chain(layers, block, x, "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3")
    return torch.cat(
        [
            _valid(layers, f"{block}.branch3x3_2", _chain(layers, block, x, "branch3x3_1"), stride=2),
            _valid(layers, f"{block}.branch7x7x3_4", deep, stride=2),
            largest(x),
        ],
        dim=1,
    )


def _block_e(layers: Layers, block: str, x: torch.Tensor, *, maximum: bool) -> torch.Tensor:
    wide = _chain(layers, block, x, "branch3x3_1")
    deep = _chain(layers, block, x, "branch3x3dbl_1", "branch3x3dbl_2")
    pooled = _same(layers, f"{block}.branch_pool", largest_around(x)) if maximum else _average_branch(layers, block, x)
    return torch.cat(
        [
            _chain(layers, block, x, "branch1x1"),
            _chain(layers, block, wide, "branch3x3_2a"),
            _chain(layers, block, wide, "branch3x3_2b"),
            _chain(layers, block, deep, "branch3x3dbl_3a"),
            _chain(layers, block, deep, "branch3x3dbl_3b"),
            pooled,
        ],
        dim=1,
    )


def _half_pixel(x: torch.Tensor, mode: str, *, antialias: bool) -> torch.Tensor:
    return F.interpolate(x, (SIDE, SIDE), mode=mode, align_corners=False, antialias=antialias)


def as_pytorch_fid(x: torch.Tensor) -> torch.Tensor:
    """float (n, c, h, w) in [0, 255] -> what pytorch-fid's network is given."""
    return 2 * _half_pixel(x / 255, "bilinear", antialias=False) - 1


def as_torchmetrics(x: torch.Tensor) -> torch.Tensor:
    """The same for torchmetrics, with its default `antialias=True`."""
    return (_half_pixel(x, "bilinear", antialias=True) - 128) / 128


def as_clean_fid(x: torch.Tensor) -> torch.Tensor:
    """The same for clean-fid in its mode "clean". torch's antialiased bicubic has Pillow's kernel; Pillow computes its
    weights in float64, which moves the fifth digit (not on MPS, which has no float64).
    """
    exact = x if x.device.type == "mps" else x.double()
    return (_half_pixel(exact, "bicubic", antialias=True).float().clamp(0, 255) - 128) / 128


def _load() -> Inception:
    path = find_weights(WEIGHTS)
    return Inception.of(load_state(path), sha256_of(path))


def _loader(name: str, preprocessing: str, prepare: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], Inception]:
    return lambda: dataclasses.replace(_load(), name=name, preprocessing=preprocessing, prepare=prepare)


INCEPTION = ExtractorSpec(
    "inception", _load, licence="Apache-2.0", summary="Inception v3 of 2015-12-05, 2048-d: what FID means"
)
TORCH_FIDELITY = ExtractorSpec(
    "inception:torch-fidelity",
    _load,
    licence="Apache-2.0",
    summary="another word for inception, which resizes as it does",
)
PYTORCH_FID = ExtractorSpec(
    "inception:pytorch-fid",
    _loader("inception:pytorch-fid", "half-pixel bilinear to 299x299, 2x/255-1", as_pytorch_fid),
    licence="Apache-2.0",
    summary="Inception with the resizing of pytorch-fid",
)
TORCHMETRICS = ExtractorSpec(
    "inception:torchmetrics",
    _loader("inception:torchmetrics", "antialiased half-pixel bilinear to 299x299, (x-128)/128", as_torchmetrics),
    licence="Apache-2.0",
    summary="Inception with the resizing of torchmetrics",
)
CLEAN_FID = ExtractorSpec(
    "inception:clean-fid",
    _loader("inception:clean-fid", "Pillow bicubic to 299x299, clipped, (x-128)/128", as_clean_fid),
    licence="Apache-2.0",
    summary="Inception with the resizing of clean-fid",
)
