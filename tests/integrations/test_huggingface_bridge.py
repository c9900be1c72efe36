"""What the Hub shows of a model: files that its own library parses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ganeval import Evaluation
from ganeval.errors import UndefinedError, WrongInputError

hub = pytest.importorskip("huggingface_hub", reason="eval results are parsed by huggingface_hub")
yaml = pytest.importorskip("yaml", reason="eval results are YAML")

from ganeval.integrations.huggingface import MARKS, write_eval_results, write_model_card  # noqa: E402


def test_the_hubs_own_library_parses_what_is_written(measured: Evaluation, tmp_path: Path) -> None:
    path = write_eval_results(measured, tmp_path, dataset="ylecun/mnist")
    assert path == tmp_path / ".eval_results" / "ganeval-ylecun-mnist.yaml"
    entries = hub.parse_eval_result_entries(yaml.safe_load(path.read_text("utf-8")))
    found = {entry.task_id: entry for entry in entries}
    assert set(found) == {"fid", "kid", "precision"}
    assert found["fid"].value == measured["fid"].value
    assert found["fid"].dataset_id == "ylecun/mnist"
    assert "n = 100" in (found["fid"].notes or "")
    assert "+-" in (found["fid"].notes or "")


def test_a_model_card_keeps_its_text_and_has_one_table_however_often_it_is_written(
    measured: Evaluation, tmp_path: Path
) -> None:
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: mit\n---\n# My GAN\n\nText.\n\n", "utf-8")
    write_model_card(measured, card)
    card.write_text(card.read_text("utf-8") + "\nMore text.\n", "utf-8")
    write_model_card(measured, card)
    text = card.read_text("utf-8")
    assert text.startswith("---\nlicense: mit\n---\n# My GAN\n\nText.\n")
    assert text.count(MARKS[0]) == text.count(MARKS[1]) == 1
    assert text.endswith("More text.\n")
    assert "| kid ↓ |" in text


def test_what_the_hub_cannot_take_is_refused_before_anything_is_written(measured: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="OWNER/NAME"):
        write_eval_results(measured, tmp_path, dataset="../mnist x")
    with pytest.raises(UndefinedError, match="no number to publish"):
        write_eval_results(replace(measured, scores={}), tmp_path, dataset="a/b")
    (tmp_path / "card.md").write_text(MARKS[0], "utf-8")
    with pytest.raises(WrongInputError, match="without"):
        write_model_card(measured, tmp_path / "card.md")
    assert [path.name for path in tmp_path.iterdir()] == ["card.md"]
