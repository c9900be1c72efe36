"""The command line: exit codes, one-line errors, tables."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganeval import evaluate
from ganeval.cli.main import VERBS, main, report_main
from ganeval.errors import WrongInputError
from ganeval.images import image_set
from ganeval.records.scores import Evaluation


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)
    modules = {verb: importlib.import_module(f"ganeval.cli.{verb}") for verb in VERBS}
    assert all(hasattr(module, verb) for verb, module in modules.items())


def test_an_unknown_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalate"]) == 2
    assert "Did you mean 'evaluate'" in capsys.readouterr().err


def test_evaluate_prints_a_table_and_writes_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    words = ["evaluate", "--real", "digits:test", "--fake", "digits:train", "--classifier", "digits", "--n", "100"]
    assert main([*words, "--metrics", "fid", "precision", "--json", str(out)]) == 0
    assert "precision" in capsys.readouterr().out
    assert set(json.loads(out.read_text())["scores"]) == {"fid", "precision"}


def test_a_missing_folder_is_one_line_and_exit_code_five(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--fake", "nowhere", "--classifier", "digits"]) == 5
    captured = capsys.readouterr()
    assert captured.err.startswith("ganeval: There is no file or folder nowhere")
    assert captured.err.count("\n") == 1


def test_an_unknown_classifier_is_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--fake", "digits:train", "--classifier", "hodda"]) == 2
    assert "Did you mean 'hoda'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("evaluate --real digits:test --fake a --fake digits:train", "--fake was typed twice"),
        ("evaluate --real digits:test --fake digits:train --no-floor --floor", "--floor was typed twice"),
        ("evaluate --real digits:test --fake digits:train --metrics fid --metrics=kid", "--metrics was typed twice"),
        ("evaluate --real digits:test --fake digits:train --metrics", "--metrics names nothing"),
        ("evaluate --real digits:test --metrics --fake digits:train", "--metrics names nothing"),
        ("gate x.json --config a --config b", "--config was typed twice"),
        ("gate update --reason a --reason=b", "--reason was typed twice"),
        ("report runs --no_evaluate --no-evaluate", "--no-evaluate was typed twice"),
        ("power --n 5 --n 7", "--n was typed twice"),
        ("zoo train digits --out a --out b", "--out was typed twice"),
    ],
)
def test_words_of_which_only_some_would_count_are_refused(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err.startswith(f"ganeval: {said}")


def test_a_folder_without_runs_is_exit_code_six(tmp_path: Path) -> None:
    assert report_main([str(tmp_path), "--out", str(tmp_path / "r.html")]) == 6
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("kind", ["metrics", "datasets", "classifiers", "extractors"])
def test_ls_names_what_is_registered(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", kind]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 1


def test_zoo_shows_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "show", "digits"]) == 0
    assert "digits-cnn: 99." in capsys.readouterr().out


def test_a_gate_without_rules_is_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gate", "runs/x"]) == 2


def evaluated(*words: str) -> int:
    return main(
        ["evaluate", "--real", "digits:test", "--fake", "digits:train", "--n", "60", "--metrics", "fid", *words]
    )


JUDGES = """
import torch
from ganeval import load_extractor
ready = load_extractor("digits")
def made(): return load_extractor("pixels")
network = torch.nn.Linear(2, 2)
number = 3
def broken(): raise KeyError("weights")
"""


def test_a_judge_of_ones_own_is_named_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_judges.py").write_text(JUDGES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    assert evaluated("--classifier", "own_judges:ready") == 0
    assert "digits-cnn" in capsys.readouterr().out
    assert evaluated("--extractor", "own_judges:made") == 0
    assert "pixels" in capsys.readouterr().out
    for name, code, said in (
        ("own_judges:network", 2, "Wrap a network"),
        ("own_judges:number", 2, "got int"),
        ("own_judges:reddy", 2, "Did you mean 'ready'"),
        ("own_judges:broken", 3, "KeyError: 'weights'"),
        ("own_judgs:ready", 2, "no module 'own_judgs'"),
        (":ready", 2, "module:name"),
    ):
        assert evaluated("--classifier", name) == code
        assert said in capsys.readouterr().err


def test_a_module_that_cannot_be_loaded_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_broken.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    assert evaluated("--classifier", "own_broken:x") == 2
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_a_place_where_nothing_can_be_written_is_found_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(*_: object, **__: object) -> None:
        pytest.fail("it was measured")

    monkeypatch.setattr("ganeval.measure.measure.measure", measured)
    monkeypatch.setattr("ganeval.measure.doctor.doctor", measured)
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "file" / "x.json"):
        assert evaluated("--classifier", "digits", "--json", str(place)) == 3
        assert main(["doctor", "--real", "digits:train", "--json", str(place)]) == 3
        assert report_main([str(tmp_path), "--out", str(place)]) == 3
        assert capsys.readouterr().err.count("could not be written") == 3


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_present_folder(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--fake", name, "--classifier", "digits"]) == 2
    assert "A path must name a folder or a file" in capsys.readouterr().err


@pytest.mark.parametrize("n", [-5, 0])
def test_fewer_than_one_image_is_refused(n: int) -> None:
    with pytest.raises(WrongInputError, match="at least 1"):
        image_set("digits:test", n=n)
    with pytest.raises(WrongInputError):
        evaluate("digits:test", "digits:train", n=n, classifier="digits", metrics=["fid"])


def test_a_name_that_a_terminal_would_obey_is_printed_as_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--fake", "a\n\x1b[31mb\udce9", "--classifier", "digits"]) == 5
    assert "a\\n\\x1b[31mb\\udce9" in capsys.readouterr().err


def test_a_result_of_a_folder_that_is_no_utf8_is_written_and_read(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    for i, image in enumerate(image_set("digits:train", n=30).array()):
        Image.fromarray(image[0]).save(folder / f"{i}.png")
    out = folder / "r.json"
    words = ["evaluate", "--real", "digits:test", "--fake", str(folder), "--classifier", "digits", "--metrics", "fid"]
    assert main([*words, "--json", str(out)]) == 0
    assert Evaluation.read(out, per_sample=True).fake.source.endswith("caf\udce9")


def test_a_folder_that_is_gone_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["ls", "metrics"]) == 5
    assert "is gone" in capsys.readouterr().err
