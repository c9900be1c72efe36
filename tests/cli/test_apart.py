"""No output replaces what a command reads, what another of its outputs wrote, or the promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.reliability.outputs import furnish
from ganeval.cli.main import main


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "ok.json"],
        ["--markdown", "./ok.json"],
        ["--history", "ok.json"],
        ["--json", "base.json"],
        ["--history", "base.json"],
        ["--junit", "ganeval.toml"],
        ["--json", "x", "--junit", "x"],
        ["--json", "x", "--history", "../{name}/x"],
        ["--json", "link.json"],
        ["--openmetrics", "base.json"],
    ],
    ids=" ".join,
)
def test_the_gate_writes_over_nothing_that_it_reads(
    place: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "link.json").symlink_to("base.json")
    before = {path: path.read_bytes() for path in place.iterdir() if path.is_file()}
    assert main(["gate", "ok.json", *(word.format(name=place.name) for word in words)]) == 2
    assert "Name another file" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in place.iterdir() if path.is_file()} == before


def test_a_run_is_not_its_own_promise(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "link.json").symlink_to("worse.json")
    for same in ("worse.json", "./worse.json", "link.json"):
        assert main(["gate", "worse.json", "--baseline", same]) == 2
        assert "its own baseline" in capsys.readouterr().err
    assert main(["gate", "worse.json", "--baseline", "ok.json"]) == 1


def test_devices_may_be_named_more_than_once(place: Path) -> None:
    assert main(["gate", "ok.json", "--json", "/dev/null", "--junit", "/dev/null"]) == 0
    assert main(["gate", "worse.json", "--json", "verdict.json", "--junit", "verdict.xml"]) == 1


def test_the_report_does_not_write_two_things_into_one_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "runs", "--no-evaluate", "--out", "p.html", "--json", "p.html"]) == 2
    assert "Name another file" in capsys.readouterr().err
    assert not (place / "p.html").exists()


def test_an_evaluation_does_not_replace_the_images(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    np.savez(place / "fake.npz", images)
    before = (place / "fake.npz").read_bytes()
    words = ["evaluate", "--real", "digits:test", "--fake", "fake.npz", "--classifier", "digits", "--json", "fake.npz"]
    assert main(words) == 2
    assert "Name another file" in capsys.readouterr().err
    assert (place / "fake.npz").read_bytes() == before
