"""The bridge to Ray, on a real local cluster of two workers of which one dies."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganeval import Compute, Protocol, measure
from ganeval.errors import WrongInputError
from ganeval.integrations.ray import embed_parts

ray = pytest.importorskip("ray", reason="ray is in the extra 'ray'")
pytestmark = pytest.mark.filterwarnings("ignore")

GENERATOR = """
import os, pathlib, torch

def draw(n, labels, rng):
    images = torch.randint(0, 256, (n, 1, 6, 6), generator=rng, dtype=torch.uint8)
    mark = pathlib.Path(os.environ["DIED"])
    if int(images[0, 0, 0, 0]) == int(os.environ["DIES_AT"]) and not mark.exists():
        mark.write_text("once")
        os.kill(os.getpid(), 9)
    return images
"""
HOW = Protocol(
    real=np.random.default_rng(1).integers(0, 256, (80, 6, 6), dtype=np.uint8),
    extractor="pixels",
    n=3000,
    metrics=("fid", "kid", "recall", "coverage"),
    floor=False,
)
TEN = Compute(device="cpu", batch_size=100)


PLAIN = HOW.with_(real=None, metrics=(), n=None)


def images_of(folder: Path) -> Path:
    np.savez(folder / "images.npz", np.random.default_rng(2).integers(0, 256, (200, 6, 6), dtype=np.uint8))
    return folder / "images.npz"


def plain(n: int, _: Any, rng: Any) -> Any:
    import torch

    return torch.randint(0, 256, (n, 1, 6, 6), generator=rng, dtype=torch.uint8)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ray")
    (folder / "dying.py").write_text(GENERATOR)
    from ganeval import image_set

    fourth = int(image_set(plain, n=3000).load(1500, 1501)[0, 0, 0, 0])
    env = {
        "DIED": str(folder / "died"),
        "DIES_AT": str(fourth),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
    }
    place = tempfile.mkdtemp(prefix="ganeval-ray-")  # a socket's name may be no longer than 107 signs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": env},
            _temp_dir=place,
        )
    yield folder
    ray.shutdown()
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.study
def test_a_worker_that_dies_costs_nothing_but_time(cluster: Path, tmp_path: Path) -> None:
    made = embed_parts(
        None,
        HOW.with_(real=None, metrics=()),
        tmp_path / "parts",
        parts=6,
        workers=2,
        generator="dying:draw",
        compute=TEN,
    )
    assert (cluster / "died").read_text() == "once"
    assert [path.name for path in made] == [f"part-{i}-of-6.safetensors" for i in range(1, 7)]
    parts = measure(tmp_path / "parts", HOW.with_(n=None), TEN)
    whole = measure(None, HOW, TEN, generator=plain)
    assert {n: (r.value, r.se) for n, r in parts.scores.items()} == {
        n: (r.value, r.se) for n, r in whole.scores.items()
    }


def test_parts_that_workers_made_are_those_of_one_process(cluster: Path, tmp_path: Path) -> None:
    embed_parts(str(images_of(tmp_path)), PLAIN, tmp_path / "parts", parts=2, compute=TEN)
    parts, whole = (measure(one, HOW.with_(n=None), TEN) for one in (tmp_path / "parts", images_of(tmp_path)))
    assert {n: r.value for n, r in parts.scores.items()} == {n: r.value for n, r in whole.scores.items()}


@pytest.mark.study
def test_what_a_worker_refuses_is_the_sentence_of_the_library(cluster: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "floats.npz", np.zeros((5, 4, 4)))
    with pytest.raises(WrongInputError, match="uint8"):
        embed_parts(
            str(tmp_path / "floats.npz"), Protocol(extractor="pixels"), tmp_path / "parts", parts=2, compute=TEN
        )


def test_a_number_of_workers_that_cannot_be_is_explained(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="workers must be"):
        embed_parts("digits:test", Protocol(extractor="pixels"), tmp_path, parts=2, workers=0)
