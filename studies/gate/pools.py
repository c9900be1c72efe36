"""Generators under test of the gate: their pools of images, embedded once, and copies of them with other weights.

A pool is a long list of images of one generator, image i always of latent i and class i mod k. Pools are kept on disk
where a folder is named, so that an interrupted measurement goes on where it stopped.

Whether one image lies in the manifold of the fixed reference does not depend on the other images, so the sweep over
neighbours (three quarters of an evaluation) is done once for a pool, and the precision of a part is the mean of what it
found. That this is what `precision` says of the part is checked once for every generator.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.compute import Compute
from ganeval.errors import GanevalError
from ganeval.features.cache import read_tensors, write_tensors
from ganeval.features.extraction import extract
from ganeval.features.rows import Features
from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import GateConfig
from ganeval.gate.verdict import Verdict
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.metrics import METRICS
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.runs.directory import open_run
from ganeval.runs.readers.native import read_run
from reference_models.plumbing.checkpoint import decode_state, encode_state
from reference_models.plumbing.system import open_sampler

Rows = NDArray[np.int64]
Change = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
SEED = 0
CHUNK = 5000


@dataclass(frozen=True)
class Pool:
    """Images of one generator as features, and whether each lies in the manifold of the reference: 0 or 1 (n,)."""

    features: Features
    inside: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Rows) -> Pool:
        return Pool(self.features.take(rows), self.inside[rows])

    @property
    def labels(self) -> NDArray[np.int64]:
        assert self.features.labels is not None
        return self.features.labels.numpy()


@dataclass(frozen=True)
class Bench:
    """One generator under test: the fixed reference, the pool, and how to draw and judge more."""

    name: str
    folder: Path
    judge: str
    real: Features
    pool: Pool
    config: GateConfig
    kept: Path
    rng: np.random.Generator

    def measure(self, part: Pool, latents: str) -> Evaluation:
        found = self.evaluate(part.features, [name for name in self.config.metrics if name != "precision"])
        return replace(
            found,
            latents=latents,
            scores={**found.scores, "precision": precision_of(part.inside)},
            per_sample={**found.per_sample, "precision.in_manifold": part.inside},
        )

    def evaluate(self, features: Features, metrics: Sequence[str]) -> Evaluation:
        return evaluate(self.real, features, classifier=self.judge, metrics=metrics, floor=False, cache=False)

    def require_same_precision(self, n: int) -> None:
        """That the precision of a part, read off the pool, is what the metric says of it."""
        part = self.pool.take(self.parts(1, n)[0])
        said = self.evaluate(part.features, ["precision"])
        own = self.measure(part, "")
        if replace(said["precision"], signature="", details={}) != own["precision"]:
            raise GanevalError(f"precision of a part: {own['precision']!r} here, {said['precision']!r} by the metric.")

    def gate(self, base: Evaluation, now: Evaluation, **config: Any) -> Verdict:
        rules = self.config.with_(**config) if config else self.config
        return judge([now], rules, Against(Baseline.of([base], name=self.name))).verdict

    def parts(self, count: int, n: int, rows: slice = slice(None), *, balanced: bool = True) -> list[Rows]:
        """`count` disjoint random parts of the pool's `rows`, n images each; balanced: as many of every class."""
        there = np.arange(len(self.pool))[rows]
        if not balanced:
            order = self.rng.permutation(there)
            return [order[i * n : (i + 1) * n] for i in range(count)]
        labels = self.pool.labels[there]
        orders = [self.rng.permutation(there[labels == c]) for c in np.unique(labels)]
        size = n // len(orders)
        return [np.concatenate([order[i * size : (i + 1) * size] for order in orders]) for i in range(count)]

    def changed(self, name: str, change: Change, n: int) -> Pool:
        """The first n images of the same generator with other weights, kept as `name`."""
        folder = self.kept / name
        if not folder.exists():
            with_weights(self.folder, folder, change)
        return whole_pool(self.real, self.judge, pool_of(folder, self.judge, n, self.kept, name), self.kept, name)


def open_bench(folder: Path, *, pool: int, real: int, config: GateConfig, kept: Path) -> Bench:
    record = read_run(folder)
    kept.mkdir(parents=True, exist_ok=True)
    judged_by, source = str(record.protocol["classifier"]), image_set(str(record.protocol["real"]))
    part = np.sort(np.random.default_rng(SEED).permutation(len(source))[:real])
    reference = extract(source.take(part), judged_by, compute=Compute(cache=False))
    images = whole_pool(reference, judged_by, pool_of(folder, judged_by, pool, kept, "pool"), kept, "pool")
    return Bench(
        record.name or folder.name, folder, judged_by, reference, images, config, kept, np.random.default_rng(SEED)
    )


def whole_pool(real: Features, judged_by: str, features: Features, kept: Path, name: str) -> Pool:
    """With what the sweep over neighbours says of every image, chunk by chunk."""
    stored = read_tensors(kept, f"{name}-inside")
    if stored is not None and len(stored["inside"]) == len(features):
        return Pool(features, stored["inside"].numpy())
    parts = []
    for start in range(0, len(features), CHUNK):
        part = features.take(np.arange(start, min(len(features), start + CHUNK)))
        found = evaluate(real, part, classifier=judged_by, metrics=["precision"], floor=False, cache=False)
        parts.append(found.per_sample["precision.in_manifold"])
    inside = np.concatenate(parts)
    write_tensors(kept, f"{name}-inside", {"inside": torch.from_numpy(inside)})
    return Pool(features, inside)


def precision_of(inside: NDArray[np.float32]) -> ScoreRecord:
    metric, n, value = METRICS["precision"], len(inside), float((inside > 0).mean())
    return ScoreRecord(
        "precision",
        "ok",
        value,
        (value * (1 - value) / n) ** 0.5,
        wilson(int(inside.sum()), n),
        n,
        better=metric.better,
        perfect=metric.perfect,
        version=metric.version,
        question=metric.question,
        biased_in_n=metric.biased_in_n,
    )


def pool_of(folder: Path, judged_by: str, n: int, kept: Path, name: str) -> Features:
    """n images of a run's generator, all classes in turn, embedded chunk by chunk so that no pixels pile up."""
    sampler = open_sampler(folder, "cpu")
    stored = read_tensors(kept, name)
    if stored is not None and len(stored["labels"]) != n:
        stored = None
    wanted = n if stored is None else 2  # the passport of what is kept comes from two fresh images
    parts = []
    for start in range(0, wanted, CHUNK):
        labels = np.arange(start, min(wanted, start + CHUNK)) % sampler.classes
        images = ImageSet.from_array(sampler(labels, SEED, start), source=folder.name, labels=labels)
        parts.append(extract(images, judged_by, compute=Compute(cache=False, progress=False)))
    if stored is not None:
        return _like(parts[0], stored)
    found = _joined(parts)
    write_tensors(kept, name, _columns(found))
    return found


def with_weights(run: Path, folder: Path, change: Change) -> Path:
    """A copy of a run whose averaged generator has other weights; running statistics stay."""
    checkpoint = open_run(run).checkpoint("last")
    assert checkpoint is not None
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("samples", "checkpoints", "eval"))
    state = decode_state(checkpoint.read_bytes())
    weights, rng = state["held"]["average"], torch.Generator().manual_seed(SEED)
    for name, w in weights.items():
        if w.is_floating_point() and "running_" not in name:
            weights[name] = change(w, rng)
    open_run(folder).write_checkpoint(int(state["step"]), encode_state(state))
    return folder


def _joined(parts: Sequence[Features]) -> Features:
    columns = [_columns(part) for part in parts]
    return _like(parts[0], {name: torch.cat([one[name] for one in columns]) for name in columns[0]})


def _like(first: Features, columns: dict[str, torch.Tensor]) -> Features:
    passport = replace(first.passport, n=len(columns["embeddings"]), fingerprint="")
    return replace(first, passport=passport, images=None, **columns)


def _columns(features: Features) -> dict[str, torch.Tensor]:
    assert features.logits is not None
    assert features.labels is not None
    return {"embeddings": features.embeddings, "logits": features.logits, "labels": features.labels}
