"""Whichever routine is fastest here, the digits are the same; what was measured is kept; a wrong switch is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ganeval.errors import WrongInputError
from ganeval.numerics import fastest
from ganeval.numerics.gaussian import Gaussian, frechet_distance, frechet_influence


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(fastest.VARIABLE, raising=False)
    fastest._fastest.cache_clear()


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * (1 + seed)


@pytest.mark.parametrize("n", [280, 700], ids=["fewer rows than columns", "more rows than columns"])
def test_both_routines_give_the_same_distance_and_influence(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake, found = rows(n, 300, 0), rows(n, 300, 1), {}
    for way in fastest.WAYS:
        monkeypatch.setenv(fastest.VARIABLE, way)
        one, other = Gaussian.of(real), Gaussian.of(fake)
        found[way] = frechet_distance(one, other), *frechet_influence(one, other, fake)
    (value, also, psi), (theirs, _, other_psi) = found["torch"], found["scipy"]
    assert value == pytest.approx(theirs, rel=1e-10)
    assert also == pytest.approx(value, rel=1e-10)
    assert torch.allclose(psi, other_psi, rtol=1e-9, atol=1e-9 * float(psi.abs().max()))


def test_what_was_measured_is_kept_and_not_measured_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured: list[int] = []
    monkeypatch.setattr(fastest, "_measured", lambda size: measured.append(size) or "scipy")
    matrix = rows(300, 300, 0)
    matrix = matrix @ matrix.T
    first = fastest.eigenvalues(matrix)
    fastest._fastest.cache_clear()  # as a new process
    assert torch.equal(fastest.eigenvalues(matrix), first)
    assert measured == [fastest.SIZES[0]]
    (kept,) = json.loads((tmp_path / "ganeval" / "fastest.json").read_text()).values()
    assert kept == "scipy"


@pytest.mark.parametrize("content", ["", "[1]", '{"a": ', '{"x": 3}'])
def test_a_damaged_file_is_measured_anew(content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fastest, "_measured", lambda _: "torch")
    (tmp_path / "ganeval").mkdir()
    (tmp_path / "ganeval" / "fastest.json").write_text(content)
    assert fastest._fastest(fastest.SIZES[0], 1) == "torch"


def test_small_matrices_measure_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastest, "_measured", lambda _: pytest.fail("measured"))
    matrix = torch.eye(fastest.SMALL, dtype=torch.float64)
    values, vectors = fastest.eigensystem(matrix)
    assert torch.equal(values, fastest.eigenvalues(matrix))
    assert torch.equal(vectors, matrix)


def test_the_measurement_names_one_of_both() -> None:
    assert fastest._measured(32) in fastest.WAYS


def test_an_unknown_routine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fastest.VARIABLE, "mkl")
    with pytest.raises(WrongInputError, match="must be torch, scipy or measure; got 'mkl'"):
        fastest.eigenvalues(torch.eye(3, dtype=torch.float64))
