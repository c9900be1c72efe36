"""A run directory opens as its newest samples, wherever an image set may stand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganeval.cli.main import main
from ganeval.errors import WrongInputError
from ganeval.images import image_set
from ganeval.runs.directory import RunDirectory, create_run


def a_run(root: Path, classes: tuple[str, ...] = ("a", "b"), **protocol: str) -> RunDirectory:
    return create_run(root, "mine", config={}, seeds={}, protocol=protocol, class_names=classes)


def some(n: int, value: int) -> np.ndarray:
    images = np.full((n, 1, 8, 8), value, np.uint8)
    images[:, :, 4:] += 1
    return images


def test_a_run_opens_as_its_newest_samples_with_the_names_of_its_classes(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    for step in (5, 40, 1_000_000):
        run.write_samples(step, some(4, step % 251), np.array([0, 1, 1, 0]))
    run.write_grid(1, some(4, 9), rows=2)
    found = image_set(run.path)
    assert (len(found), int(found.array()[0, 0, 0, 0]), found.class_names) == (4, 1_000_000 % 251, ("a", "b"))
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("classes", [(), ("only",)])
def test_names_that_do_not_fit_the_labels_are_left_out(classes: tuple[str, ...], tmp_path: Path) -> None:
    run = a_run(tmp_path, classes)
    run.write_samples(1, some(2, 0), np.array([0, 1]))
    assert image_set(run.path).class_names == ()


def test_a_run_without_samples_says_so(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match=r"must hold samples .* none yet"):
        image_set(a_run(tmp_path).path)


def test_evaluate_takes_a_run_and_what_its_run_json_says_of_the_protocol(tmp_path: Path, capsys) -> None:
    run = a_run(tmp_path, real="digits:test", classifier="digits")
    rng = np.random.default_rng(0)
    run.write_samples(3, rng.integers(0, 256, (40, 1, 8, 8), dtype=np.uint8), latents="seed 0")
    out = tmp_path / "result.json"
    assert main(["evaluate", "--fake", str(run.path), "--metrics", "fid", "--json", str(out)]) == 0
    assert "against digits:test (450), digits-cnn 64-d" in capsys.readouterr().out
    said = json.loads(out.read_text())
    assert (said["name"], said["latents"]) == (run.path.name, "seed 0")
    assert main(["evaluate", "--fake", str(run.path), "--metrics", "fid", "--extractor", "pixels"]) == 0
    assert "pixels 64-d" in capsys.readouterr().out


def _opened(path: Path):
    assert (path / "run.json").is_file()
    return lambda n, _labels, rng: (
        np.full((n, 8, 8), int(rng.initial_seed()) % 7, np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None]
    )


def test_evaluate_asks_the_generator_that_a_function_opens_from_the_run(tmp_path: Path, monkeypatch, capsys) -> None:
    run = a_run(tmp_path, real="digits:test", extractor="pixels")
    monkeypatch.setattr("ganeval.measure.generators.load_generator", lambda _where: _opened)
    assert main(["evaluate", "--fake", str(run.path), "--generator", "x:y", "--n", "30", "--metrics", "fid"]) == 0
    assert f"{run.path.name}: 30 images" in capsys.readouterr().out
