"""Generators under test for gate.py: their pools of images, embedded once, and copies of them with other weights.

A pool is a long list of images of one generator, image i always of latent i and class i mod k. Pools are kept on disk
where a folder is named, so that an interrupted measurement goes on where it stopped.
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

from ganeval.cache import read_tensors, write_tensors
from ganeval.evaluation import evaluate
from ganeval.features import Features, extract
from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import GateConfig
from ganeval.gate.verdict import Verdict
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.runs.directory import open_run
from ganeval.runs.readers.native import read_run
from ganeval.scores import Evaluation
from reference_models.plumbing.checkpoint import decode_state, encode_state
from reference_models.plumbing.system import open_sampler

Rows = NDArray[np.int64]
Change = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
SEED = 0
CHUNK = 5000


@dataclass(frozen=True)
class Bench:
    """One generator under test: the fixed reference, the pool, and how to draw and judge more."""

    name: str
    folder: Path
    judge: str
    real: Features
    pool: Features
    config: GateConfig
    kept: Path
    rng: np.random.Generator

    def measure(self, features: Features, latents: str) -> Evaluation:
        found = evaluate(
            self.real, features, classifier=self.judge, metrics=self.config.metrics, floor=False, cache=False
        )
        return replace(found, settings={**found.settings, "latents": latents})

    def gate(self, base: Evaluation, now: Evaluation, **config: Any) -> Verdict:
        rules = self.config.with_(**config) if config else self.config
        return judge([now], rules, Against(Baseline.of([base], name=self.name))).verdict

    def parts(self, count: int, n: int, rows: slice = slice(None), *, balanced: bool = True) -> list[Rows]:
        """`count` disjoint random parts of the pool's `rows`, n images each; balanced: as many of every class."""
        assert self.pool.labels is not None
        there = np.arange(len(self.pool))[rows]
        if not balanced:
            order = self.rng.permutation(there)
            return [order[i * n : (i + 1) * n] for i in range(count)]
        labels = self.pool.labels.numpy()[there]
        orders = [self.rng.permutation(there[labels == c]) for c in np.unique(labels)]
        size = n // len(orders)
        return [np.concatenate([order[i * size : (i + 1) * size] for order in orders]) for i in range(count)]

    def changed(self, name: str, change: Change, n: int) -> Features:
        """The first n images of the same generator with other weights, kept as `name`."""
        folder = self.kept / name
        if not folder.exists():
            with_weights(self.folder, folder, change)
        return pool_of(folder, self.judge, n, self.kept, name)


def open_bench(folder: Path, *, pool: int, real: int, config: GateConfig, kept: Path) -> Bench:
    record = read_run(folder)
    kept.mkdir(parents=True, exist_ok=True)
    judged_by, source = str(record.protocol["classifier"]), image_set(str(record.protocol["real"]))
    part = np.sort(np.random.default_rng(SEED).permutation(len(source))[:real])
    return Bench(
        record.name or folder.name, folder, judged_by, extract(source.take(part), judged_by, cache=False),
        pool_of(folder, judged_by, pool, kept, "pool"), config, kept, np.random.default_rng(SEED),
    )  # fmt: skip


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
        parts.append(extract(images, judged_by, cache=False, progress=False))
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
