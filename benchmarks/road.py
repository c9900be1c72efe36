"""From two folders of files to FID, as a user feels it: PNGs of 32 x 32 and 256 x 256, and JPEGs,
one set of weights for all.

Every contestant opens the folders itself, with the tools that it brings. The files are dropped from the memory of the
system before each run, the feature cache is empty, the threads are the same. pytorch-fid and clean-fid resize in ways
of their own, so their numbers differ a little. `--n` says how many images a side (5,000 at most): with few of them the
fixed costs of a method weigh more, above all pytorch-fid's and clean-fid's root of a matrix.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import torch
from PIL import Image
from torch import nn

from benchmarks.inception import by_batch, network
from benchmarks.timing import Contest
from ganeval import fid, image_set
from ganeval.extractors.inception import Inception
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.frechet import fid as fid_of

MOST = 5000
BATCH = 32
SHARED = 500  # images at most, whose seconds are told apart
FEW = 8  # images a side of the untimed round: imports, thread pools, kernels
CPU = torch.device("cpu")
KINDS = (("png", 32, 2.0), ("png", 256, 1.3), ("jpg", 256, 1.3))  # suffix, side, bar against the fastest peer
OURS, ROUGH, AGAIN = "ganeval", "ganeval, bf16", "ganeval, the second time"

Folders = tuple[Path, Path]
T = TypeVar("T")


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:  # noqa: ARG001 - d is the network's own
    n = min(n, MOST)
    theirs, weights = network()
    with tempfile.TemporaryDirectory() as place:
        saved = Path(place) / "weights.pth"
        torch.save(theirs.state_dict(), saved)
        for suffix, side, bar in KINDS:
            yield contest(Path(place) / f"{suffix}{side}", saved, theirs, weights, (n, suffix, side, bar))


def contest(place: Path, saved: Path, theirs: nn.Module, weights: str, what: tuple[int, str, int, float]) -> Contest:
    n, suffix, side, bar = what
    ours = Inception.of(theirs.state_dict(), "seeded").to(CPU)
    caches = place / "caches"  # a new one for each cold run of ours, the newest is the second run's
    peers: dict[str, Callable[[Folders], float]] = {
        "torch-fidelity": partial(torch_fidelity, saved=saved),
        "torchmetrics, DataLoader": partial(torchmetrics, saved=saved),
        "pytorch-fid": partial(pytorch_fid, theirs=theirs),
        "clean-fid": partial(clean_fid, theirs=theirs),
    }
    mine: dict[str, Callable[[Folders], float]] = {
        OURS: partial(first, ours=ours, caches=caches),
        ROUGH: partial(rough, ours=ours),
        AGAIN: partial(again, ours=ours, caches=caches),
    }
    folders = place / "real", place / "fake"
    found: dict[str, float] = {}

    def noted(name: str, run: Callable[[Folders], float]) -> None:
        found[name] = run(folders)

    def small(run: Callable[[Folders], float]) -> None:
        written(folders, n, suffix, side)
        run(written((place / "few real", place / "few fake"), FEW, suffix, side))

    works = {name: partial(noted, name, run) for name, run in {**mine, **peers}.items()}
    return Contest(
        f"folder to FID, {n} + {n} {suffix.upper()} of {side} x {side}, {weights} weights",
        works.pop(OURS),
        works,
        dict.fromkeys(peers, bar),
        repeats=1,
        limits={AGAIN: 1.0},
        before=partial(forget, folders),
        small={name: partial(small, run) for name, run in {**mine, **peers}.items()},
        fastest={ROUGH: 4.0},
        note=lambda: f"{values(found)}; {shares(folders, ours)}",
    )


def values(found: dict[str, float]) -> str:
    """What everybody printed, ours to the digits that agree or do not, and the effect of half the precision."""
    told = f"FID {', '.join(f'{name} {value:.6f}' for name, value in found.items())}"
    return f"{told} (bf16 {found[ROUGH] / found[OURS] - 1:+.2%})" if ROUGH in found else told


def written(folders: Folders, n: int, suffix: str, side: int) -> Folders:
    """Two folders of n seeded smooth pictures in colour, the second set brighter; those that are there stay."""
    for seed, folder in enumerate(folders):
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        g = torch.Generator().manual_seed(seed)
        for i in range(n):
            coarse = torch.rand(1, 3, 8, 8, generator=g) * 225 + 20 * seed
            image = nn.functional.interpolate(coarse, size=side, mode="bicubic") + torch.randn(
                1, 3, side, side, generator=g
            )
            pixels = image[0].clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
            Image.fromarray(pixels).save(folder / f"{i:06d}.{suffix}")
    return folders


def forget(folders: Folders) -> None:
    """Ask the system to drop the files from its memory, where it can be asked."""
    for path in (path for folder in folders for path in folder.iterdir()):
        if hasattr(os, "posix_fadvise"):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def first(folders: Folders, ours: Inception, caches: Path) -> float:
    """The first time: a new feature cache, which `again` finds."""
    caches.mkdir(exist_ok=True)
    place = caches / f"{len(list(caches.iterdir())):04d}"
    place.mkdir()
    return from_folders(folders, ours, place)


def again(folders: Folders, ours: Inception, caches: Path) -> float:
    """The second time: the features lie in the cache that the newest first run has filled."""
    return from_folders(folders, ours, max(caches.iterdir()))


def rough(folders: Folders, ours: Inception) -> float:
    with tempfile.TemporaryDirectory() as place:
        return from_folders(folders, ours, Path(place), "bf16")


def from_folders(folders: Folders, ours: Inception, cache: Path, precision: str = "fp32") -> float:
    with patch.dict(os.environ, {"XDG_CACHE_HOME": str(cache)}):
        return float(fid(*map(str, folders), extractor=ours, device="cpu", precision=precision))


def torch_fidelity(folders: Folders, saved: Path) -> float:
    from torch_fidelity import calculate_metrics

    settings = {"cuda": False, "fid": True, "cache": False, "verbose": False, "batch_size": BATCH, "save_cpu_ram": True}
    found = calculate_metrics(
        input1=str(folders[0]), input2=str(folders[1]), feature_extractor_weights_path=str(saved), **settings
    )
    return found["frechet_inception_distance"]


def torchmetrics(folders: Folders, saved: Path) -> float:
    from torch.utils.data import DataLoader
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature_extractor_weights_path=str(saved))
    for real, folder in zip((True, False), folders, strict=True):
        for batch in DataLoader(Pictures(folder), batch_size=BATCH, num_workers=1):
            metric.update(batch, real=real)
    return float(metric.compute())


class Pictures(torch.utils.data.Dataset[torch.Tensor]):
    """What a user of torchmetrics writes: a file an item, uint8 (3, h, w)."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.iterdir())

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        from torchvision.transforms.functional import pil_to_tensor

        return pil_to_tensor(Image.open(self.paths[index]).convert("RGB"))


def pytorch_fid(folders: Folders, theirs: nn.Module) -> float:
    from pytorch_fid import fid_score, inception

    with patch.object(inception, "load_state_dict_from_url", lambda *_, **__: theirs.state_dict()):
        return float(fid_score.calculate_fid_given_paths([str(one) for one in folders], BATCH, CPU, 2048, 1))


def clean_fid(folders: Folders, theirs: nn.Module) -> float:
    """Its own resize of each image by Pillow ("clean"), its PyTorch network with these weights."""
    from cleanfid import features, fid, inception_pytorch

    with patch.object(inception_pytorch, "load_state_dict_from_url", lambda *_, **__: theirs.state_dict()):
        made = features.feature_extractor("pytorch_inception", device=CPU, use_dataparallel=False)
    settings = {"num_workers": 1, "batch_size": BATCH, "device": CPU, "verbose": False, "use_dataparallel": False}
    return float(fid.compute_fid(*map(str, folders), mode="clean", custom_feat_extractor=made, **settings))


def shares(folders: Folders, ours: Inception) -> str:
    """Where our seconds go, a step at a time and without what runs side by side: images of one folder, files cold."""
    forget(folders)
    folder, took = folders[0], {}
    paths = sorted(folder.iterdir())[:SHARED]
    n = len(paths)
    took["read"] = seconds(lambda: [path.read_bytes() for path in paths])[0]
    took["open all files"], opened = seconds(lambda: image_set(str(folder)))
    took["decode"], images = seconds(lambda: opened.load(0, n))
    pixels = torch.from_numpy(images[:BATCH])
    resize, _ = seconds(lambda: nn.functional.interpolate(pixels.float(), size=299, mode="bilinear"))
    took["resize"] = resize * n / len(pixels)
    passed, rows = seconds(lambda: by_batch(ours, torch.from_numpy(images)))
    took["network with its resize"] = passed
    features = Features.given(rows)
    took["statistics"] = seconds(lambda: fid_of(Pair(features, Features.given(rows.flip(1))), se=False))[0]
    return f"{n} images of one folder, seconds: " + ", ".join(f"{step} {time_:.2f}" for step, time_ in took.items())


def seconds(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made
