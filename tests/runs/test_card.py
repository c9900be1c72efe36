"""The model card of a run: a head that the Hub can read, no private word, the numbers of the last evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ganeval.cli.main import main
from ganeval.records.scores import Evaluation, Floor, Passport, ScoreRecord
from ganeval.runs.card import render_card
from ganeval.runs.directory import create_run
from ganeval.runs.record import RunRecord

REAL = Passport("hoda:test", "ab" * 32, 450, 64, "hoda-cnn", "cd" * 32, "")
FID = ScoreRecord("fid", "ok", 4.2, 0.1, (4.0, 4.4), 1000, floor=Floor(3.0, 0.1, 1000), question="close")


def record(**more: object) -> RunRecord:
    evaluation = Evaluation(name="a", created="", step=300, real=REAL, fake=REAL, scores={"fid": FID})
    return RunRecord(
        "0001-a",
        Path("runs/0001-a"),
        "ganeval",
        "a | b\n# c",
        protocol={"real": "hoda:test", "train": "hoda:train"},
        config={"lr": 2e-4, "out": "/home/ann/runs", "net": {"width": 32}},
        class_names=("۰", "|"),
        evaluations=(evaluation,),
        **more,  # pyright: ignore[reportArgumentType]
    )


def head_of(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_head_is_what_the_hub_reads() -> None:
    head = head_of(render_card(record(), licence="free for research and non-commercial use"))
    assert head["license"] == "other"
    assert head["license_name"] == "free for research and non-commercial use"
    assert head["metrics"] == ["fid"]
    assert head["pipeline_tag"] == "unconditional-image-generation"
    assert head_of(render_card(record(), licence="CC BY 4.0 (UCI)"))["license"] == "cc-by-4.0"
    assert "license" not in head_of(render_card(record()))


def test_the_hub_itself_takes_the_card() -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(render_card(record(), licence="CC BY-SA 3.0"))
    assert card.data.license == "cc-by-sa-3.0"
    assert card.data.library_name == "pytorch"


def test_numbers_settings_and_the_licence_are_said_and_no_folder_is() -> None:
    card = render_card(record(), licence="free for research and non-commercial use")
    assert "| net.width | 32 |" in card
    assert "4.20 ± 0.10" in card
    assert "non-commercial use only" in card
    assert "/home" not in card
    assert "ann" not in card.replace("pipeline", "")


def test_a_name_from_outside_cannot_make_a_heading_or_a_column() -> None:
    lines = render_card(record()).splitlines()
    assert [line for line in lines if line.startswith("# ")] == [lines[lines.index("---", 1) + 2]]
    assert lines[lines.index("---", 1) + 2] == "# a \\| b # c"


def test_a_run_without_an_evaluation_says_so() -> None:
    assert "Not evaluated yet" in render_card(RunRecord("r", Path("r"), "ganeval", "r"))


def test_the_command_writes_a_card_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(tmp_path, "vae", config={"lr": 1}, seeds={}, protocol={"real": "digits:test"})
    assert main(["card", str(run.path)]) == 0
    assert head_of((run.path / "README.md").read_text())["license"] == "cc-by-4.0"
    assert main(["card", str(run.path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["card", str(run.path), "--force"]) == 0
    (run.path / "README.md").unlink()
    assert main(["card", str(tmp_path)]) == 0, "a folder with one run in it means that run"
    assert [path.name for path in tmp_path.rglob("README.md") if path.parent == run.path] == ["README.md"]
    create_run(tmp_path, "second", config={}, seeds={}, protocol={})
    assert main(["card", str(tmp_path)]) == 2
    assert "A card is of one run" in capsys.readouterr().err
