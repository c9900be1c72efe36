"""Runs as a trainer and an evaluation leave them, made of scikit-learn's digits without training anything."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ganeval.records.scores import Evaluation, Floor, Passport, ScoreRecord
from ganeval.runs.directory import RunDirectory, create_run
from tests.report.chromium import browser, launch, opened, report  # noqa: F401 - fixtures

PERSIAN = tuple("۰۱۲۳۴۵۶۷۸۹")
HOSTILE_RUN = '"><img src=x onerror=alert(1)>\u202egnp</script><script>alert(2)</script>'
HOSTILE_CLASS = "</script><img src=x onerror=alert(3)>"

MakeRun = Callable[..., RunDirectory]


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    return (values * 255 / 16).round().astype(np.uint8).reshape(-1, 8, 8).repeat(3, 1).repeat(3, 2), labels


def _tiles(label: int, n: int, *, same: bool) -> np.ndarray:
    images, labels = _digits()
    own = images[labels == label]
    return own[np.zeros(n, int) if same else np.arange(n)]


def _score(
    name: str, value: float, se: float, better: str, question: str, n: int = 1000, **details: object
) -> ScoreRecord:
    biased = name not in ("kid", "precision", "density", "classifier_score")
    return ScoreRecord(
        name=name,
        status="ok",
        value=value,
        se=se,
        interval=(value - 1.96 * se, value + 1.96 * se),
        n=n,
        better=better,
        question=question,
        floor=Floor(value * 0.9, se, n),
        details=details,
        biased_in_n=biased,  # pyright: ignore[reportArgumentType]
        signature=f"{name}|v:1|x:digits-cnn@cdcd|real:abababab|n:{n}|dtype:fp32",
    )


def evaluation_of(name: str, step: int, names: Sequence[str], *, collapsed: bool, n: int = 1000) -> Evaluation:
    """A plausible evaluation: the numbers of a healthy run, or of one that draws the first three classes only."""
    k = len(names)
    per, kept = n // k, 3 if collapsed else k
    confusion = np.zeros((k, k), int)
    for i in range(k):
        confusion[i, i % kept] = per - 2
        confusion[i, (i + 1) % kept] += 2
    counts = confusion.sum(axis=0)
    balance = [
        {
            "name": names[i],
            "count": int(counts[i]),
            "share": counts[i] / n,
            "interval": [max(0, counts[i] / n - 0.02), counts[i] / n + 0.02],
            "target": 1 / k,
        }
        for i in range(k)
    ]
    classes = [
        {
            "name": names[i],
            "n": per,
            "judged": int(counts[i]),
            "recall": confusion[i, i] / per,
            "recall_interval": [0.0, 1.0],
            "precision": None if not counts[i] else confusion[i, i] / counts[i],
            "precision_interval": [None, None],
            "f1": None,
            "f1_interval": [None, None],
        }
        for i in range(k)
    ]
    shift = 30.0 if collapsed else 0.0
    missing = [{"name": row["name"], "by_chance": 0.0} for row in balance if row["count"] == 0]
    scores = [
        _score("fid", 2.5 + shift + 800 / (step + 100), 0.21, "lower", "close"),
        _score("kid", 0.01 + shift / 1000, 0.002, "lower", "close"),
        _score("precision", 0.91, 0.01, "higher", "fidelity"),
        _score("recall", 0.05 if collapsed else 0.8, 0.01, "higher", "diversity"),
        _score("density", 1.02, 0.03, "higher", "fidelity"),
        _score("coverage", 0.1 if collapsed else 0.9, 0.01, "higher", "diversity"),
        _score("prd_precision", 0.97, 0.01, "higher", "fidelity", curve=[[0.0, 1.0], [0.5, 0.9], [1.0, 0.0]]),
        _score(
            "classifier_score",
            confusion.trace() / n,
            0.004,
            "higher",
            "label",
            confusion=confusion.tolist(),
            classes=classes,
            corrected=0.985,
            corrected_interval=[0.97, 0.99],
        ),
        _score(
            "class_balance",
            0.5 if collapsed else 0.001,
            0.01,
            "lower",
            "diversity",
            classes=balance,
            missing=missing,
            p_value=0.0 if collapsed else 0.4,
            test="chi-square",
            prior="uniform",
        ),
        ScoreRecord(
            "missing_classes",
            "ok",
            float(len(missing)),
            n=n,
            question="diversity",
            details={"doubtful": []},
            signature=f"missing_classes|v:1|x:digits-cnn@cdcd|real:abababab|n:{n}|dtype:fp32",
            biased_in_n=True,
        ),
        ScoreRecord(
            "worst_packet",
            "ok",
            1.2 if collapsed else 0.2,
            n=n,
            better="lower",
            question="fidelity",
            details={
                "p_value": 0.002 if collapsed else 0.4,
                "worst": {"channel": 0, "rows": 3, "columns": 3, "of": "level"},
                "energy": [[[0.1, -0.2, 0.0, 0.1], [0.0, 0.1, 0.2, 0.1], [0.1, 0.0, 0.3, 0.2], [0.2, 0.1, 0.2, 1.2]]],
                "level": [[[0.1, -0.2, 0.0, 0.1], [0.0, 0.1, 0.2, 0.1], [0.1, 0.0, 0.3, 0.2], [0.2, 0.1, 0.2, 1.2]]],
            },
            signature=f"worst_packet|v:1|x:digits-cnn@cdcd|real:abababab|n:{n}|dtype:fp32",
            biased_in_n=True,
        ),
        _score(
            "fdr",
            1.9 + shift,
            0.2,
            "lower",
            "close",
            eyes=[
                {
                    "name": "digits-cnn",
                    "ratio": 1.1,
                    "se": 0.1,
                    "distance": 2.2,
                    "real_against_real": 2.0,
                    "chosen": True,
                },
                {
                    "name": "wavelet",
                    "ratio": 2.7,
                    "se": 0.3,
                    "distance": 5.4,
                    "real_against_real": 2.0,
                    "chosen": False,
                },
            ],
        ),
        ScoreRecord("vendi", "not computed: needs more images", better="higher", question="diversity"),
    ]
    passport = Passport("digits:test", "ab" * 32, 450, 64, "digits-cnn", "cd" * 32, "resize none")
    fake = Passport("samples", "ef" * 32, n, 64, "digits-cnn", "cd" * 32, "resize none", class_names=tuple(names))
    return Evaluation(
        name=name,
        created="2026-01-02T03:04:05+00:00",
        step=step,
        real=passport,
        fake=fake,
        classifier="digits-cnn@cdcd",
        scores={score.name: score for score in scores},
        protocol={"seed": 0},
        environment={
            "ganeval": "0.1.0",
            "device": "cpu",
            "seconds": 3.2,
            "metric_seconds": {"fid": 0.4, "recall": 1.5},
        },
    )


def evidence_of(k: int, *, collapsed: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    fakes = np.concatenate([_tiles(i % (3 if collapsed else 10), 4, same=collapsed) for i in range(8)])
    edges = np.linspace(0, 4, 11).astype(np.float32)
    share = np.full(10, 0.1, np.float32)
    return {
        "map.real": rng.normal(size=(200, 2)).astype(np.float32),
        "map.fake": rng.normal(size=(200, 2)).astype(np.float32),
        "map.real_labels": np.arange(200) % k,
        "map.fake_labels": np.arange(200) % k,
        "map.explained": np.array([0.4, 0.2], np.float32),
        "neighbours.fake": fakes,
        "neighbours.real": np.stack([fakes, fakes, fakes], axis=1),
        "neighbours.distance": np.ones((32, 3), np.float32),
        "neighbours.quantile": np.linspace(0, 1, 32).astype(np.float32),
        "distances.edges": edges,
        "distances.real": share,
        "distances.fake": share,
        "distances.heldout": share,
        "worst.tiles": fakes[:24],
        "worst.values": np.linspace(0.1, 1, 24).astype(np.float32),
        "worst.near": np.stack([fakes[1:25], fakes[2:26], fakes[3:27]], axis=1),
        "influential.tiles": fakes[:24],
        "influential.values": np.linspace(9, 1, 24).astype(np.float32),
        "cells.tiles": fakes[:6],
        "cells.asked": np.array([0, 0, 0, 1, 1, 1]),
        "cells.judged": np.array([0, 0, 1, 1, 1, 1]),
        "diversity.edges": edges,
        "diversity.real": share,
        "diversity.fake": share,
        "interpolation.tiles": fakes[:18].reshape(2, 9, 24, 24),
        "modes.real": fakes[:16].reshape(2, 8, 24, 24),
        "modes.fake": fakes[16:32].reshape(2, 8, 24, 24),
        "modes.counts": np.array([[30, 2], [0, 20]]),
        "modes.of": np.array([[200, 200], [2000, 2000]]),
        "modes.invented": np.array([0, 1]),
        "modes.p": np.array([0.01, 0.01]),
        "modes.class": np.array([2, -1]),
        "judge.confusion": np.diag(np.full(k, 45)) + np.eye(k, k, 1, dtype=int),
    }


def make_run(
    root: Path,
    name: str,
    *,
    names: Sequence[str] = PERSIAN,
    collapsed: bool = False,
    steps: Sequence[int] = (100, 200, 300),
    evaluated: Sequence[int] = (100, 300),
    columns: int = 8,
) -> RunDirectory:
    run = create_run(
        root,
        name,
        config={"lr": 0.0002, "betas": (0.0, 0.99)},
        seeds={"train": 0},
        class_names=names,
        protocol={"real": "digits:test", "classifier": "digits"},
        environment={"torch": "2.15"},
    )
    rng = np.random.default_rng(len(name))
    for step in range(0, 301, 10):
        d = 0.001 if collapsed and step > 100 else 0.7 + 0.05 * rng.normal()
        run.log(step, {"loss/g": float("nan") if collapsed and step == 250 else 1.0 + step / 300, "loss/d": d})
    for step in steps:
        tiles = np.concatenate(
            [_tiles((i + step // 100) % 10 if i else 0, columns, same=collapsed) for i in range(len(names))]
        )
        labels = [i for i in range(len(names)) for _ in range(columns)]
        run.write_grid(step, tiles[:, None], rows=len(names), labels=labels, latents="ab" * 32)
    for step in evaluated:
        path = run.write_evaluation(evaluation_of(name, step, names, collapsed=collapsed), step)
        evidence = {
            key: np.ascontiguousarray(rows) for key, rows in evidence_of(len(names), collapsed=collapsed).items()
        }
        save_file(evidence, path.with_name("evidence.safetensors"))
    run.update(status="done", created="2026-01-01T00:00:00+00:00")
    return run


def make_copies(root: Path, n: int, **options: Any) -> None:
    """A healthy and a collapsed run, copied in turn until there are n: much quicker than writing each."""
    kinds = (make_run(root, "healthy", **options).path, make_run(root, "collapsed", collapsed=True, **options).path)
    for i in range(2, n):
        shutil.copytree(kinds[i % 2], root / f"{i + 1:04d}-run-{i}")


@pytest.fixture
def words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page as it is where matplotlib is not installed: its charts take nine tenths of the time."""
    monkeypatch.setattr("ganeval.report.charts.is_installed", lambda _: False)


@pytest.fixture(scope="session")
def new_run() -> MakeRun:
    return make_run


@pytest.fixture(scope="session")
def new_runs() -> Callable[..., None]:
    return make_copies


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of two classes: the cheapest page with every kind of picture."""
    root = tmp_path_factory.mktemp("small") / "runs"
    make_run(root, "small", names=("a", "b"), steps=(100, 200), evaluated=(300,))
    return root


@pytest.fixture(scope="session")
def three_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy run, a collapsed one, one with hostile names, one that is broken, one that is not evaluated."""
    root = tmp_path_factory.mktemp("three") / "runs"
    make_run(root, "healthy digits")
    make_run(root, "collapsed digits", collapsed=True)
    make_run(root, HOSTILE_RUN, names=(HOSTILE_CLASS, "\u202e1", *PERSIAN[2:]))
    (make_run(root, "broken", evaluated=()).path / "run.json").write_text("{")
    make_run(root, "only trained", evaluated=())
    verdict = {
        "schema": "ganeval.verdict/1",
        "name": "healthy",
        "created": "2026-01-02T03:04:05+00:00",
        "verdict": "regressed",
        "exit_code": 1,
        "sentence": "fid is worse than the baseline",
        "baseline": {"name": HOSTILE_RUN},
        "rules": [
            {
                "metric": "fid",
                "verdict": "regressed",
                "sentence": HOSTILE_CLASS,
                "value": 4.5,
                "se": 0.2,
                "n": 1000,
                "better": "lower",
                "checks": [
                    {
                        "what": "difference",
                        "verdict": "regressed",
                        "sentence": "",
                        "delta": 1.5,
                        "interval": [1.0, 2.0],
                        "base": 3.0,
                    }
                ],
            }
        ],
    }
    from ganeval.core.files import write_json

    write_json(root / "0001-healthy-digits" / "gate" / "verdict.json", verdict)
    return root
