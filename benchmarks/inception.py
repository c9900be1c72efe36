"""The Inception pass on small images: ours against torch-fidelity's network, on the same weights and pictures.

The published weights are used where `GANEVAL_WEIGHTS` or the cache has them; else seeded ones of the same shapes, which
cost the same time. What bfloat16 does to FID is measured on two disjoint sets and stands in the contest's title.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn

from benchmarks.timing import Contest
from ganeval.core.extractor import Embedded
from ganeval.extractors.inception import WEIGHTS, Inception
from ganeval.extractors.weights import load_state, weight_folders
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.metrics.frechet import fid

CPU = torch.device("cpu")
BATCH = 32
FOR_FID = 256  # images a side; n < d, so the Gram route


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:  # noqa: ARG001 - d is the network's own
    """`n` bounds the pictures a contest uses; a pass over 64 of them is long enough to time."""
    theirs, weights = network()
    ours = Inception.of(theirs.state_dict(), "").to(CPU)
    rough = ours.to(CPU, "bf16")
    pictures = colour_pictures(2 * min(n, FOR_FID))
    some = pictures[: min(n, 64)]
    grey = some[:, :1].contiguous()
    name = "torch-fidelity"
    peer = {name: lambda: by_batch(theirs, some)}
    yield Contest(
        f"Inception on {len(some)} images of 32 x 32, fp32, {weights} weights",
        lambda: by_batch(ours, some),
        peer,
        {name: 2.0},
    )
    yield Contest(
        f"the same, grey (the peer gets three equal channels), fp32, {weights} weights",
        lambda: by_batch(ours, grey),
        {name: lambda: by_batch(theirs, grey.expand(-1, 3, -1, -1))},
        {name: 2.0},
    )
    yield Contest(
        f"the same in colour, bf16, {weights} weights: {effect_on_fid(ours, rough, pictures)}",
        lambda: by_batch(rough, some),
        peer,
        {name: 4.0},
    )


def network() -> tuple[nn.Module, str]:
    """torch-fidelity's network and whose weights it has: "published" or "seeded"."""
    made = blank_network()
    found = next((folder / WEIGHTS.name for folder in weight_folders() if (folder / WEIGHTS.name).is_file()), None)
    if found is not None:
        made.load_state_dict(load_state(found))
        return made, "published"
    seed(made, torch.Generator().manual_seed(0))
    return made, "seeded"


def blank_network() -> nn.Module:
    """torch-fidelity's network as constructed, without its download."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    with tempfile.TemporaryDirectory() as folder, patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        blank = Path(folder) / "blank.pth"
        torch.save({}, blank)
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"], str(blank))


def seed(made: nn.Module, generator: torch.Generator) -> None:
    """He-scaled convolutions and running statistics away from the identity, so that no layer is dead or explodes."""
    for layer in made.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5, generator=generator)
        elif isinstance(layer, nn.BatchNorm2d):
            for values, low, high in ((layer.running_var, 0.5, 2.0), (layer.weight.data, 0.7, 1.3)):
                assert values is not None
                values.uniform_(low, high, generator=generator)
            for values in (layer.running_mean, layer.bias.data):
                assert values is not None
                values.normal_(0, 0.2, generator=generator)
        elif isinstance(layer, nn.Linear):
            layer.weight.data.normal_(0, 0.02, generator=generator)
            layer.bias.data.normal_(0, 0.5, generator=generator)


def colour_pictures(n: int) -> torch.Tensor:
    """CIFAR-10's first test images where they are on this machine, else smooth seeded ones; uint8 (n, 3, 32, 32)."""
    try:
        return torch.tensor(image_set("cifar10:test").load(0, n))
    except ValueError:
        coarse = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 255
        return nn.functional.interpolate(coarse, size=32, mode="bicubic").clamp(0, 255).to(torch.uint8)


def by_batch(network: nn.Module | Inception, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        made = [network(batch.contiguous()) for batch in images.split(BATCH)]
    return torch.cat([rows.embeddings if isinstance(rows, Embedded) else rows[0] for rows in made])


def effect_on_fid(ours: Inception, rough: Inception, pictures: torch.Tensor) -> str:
    half = len(pictures) // 2
    values = []
    for each in (ours, rough):
        rows = by_batch(each, pictures)
        values.append(fid(Pair(Features.given(rows[:half]), Features.given(rows[half:]))))
    exact, other = values
    return (
        f"FID of {half} against {half} images {float(exact):.4f}, in bf16 {float(other):.4f} ({other / exact - 1:+.2%})"
    )
