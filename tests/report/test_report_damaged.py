"""Damaged, strange and hostile runs beside an intact one: the page is always written, and the intact run stays whole.

Files are damaged as disks, crashes and strangers damage them, from a seed, so that each case can be had again.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.reliability.damage import damage, torn
from ganeval.report import ReportResult, build_report
from ganeval.runs.discovery import find_runs

LAYOUTS = sorted((Path(__file__).parents[1] / "runs" / "fixtures").glob("*.py"))
SEEDS = st.integers(0, 2**32)
RELAXED = settings(  # nothing is shrunk: a seed says it all
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

VERDICT = {
    "schema": "ganeval.verdict/1",
    "name": "h",
    "created": "2026-01-02T00:00:00+00:00",
    "verdict": "regressed",
    "sentence": "fid is worse",
    "candidate": {"n": 1000, "step": 300, "commit": "abc", "dirty": True},
    "protocol_hash": "sha256:ab",
    "baseline": {"name": "main"},
    "rules": [
        {
            "metric": "fid",
            "verdict": "regressed",
            "sentence": "x",
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


@pytest.fixture(scope="module")
def runs(new_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two equal runs, `0001-intact` and `0002-damaged`, with everything that a run can hold."""
    root = tmp_path_factory.mktemp("damaged") / "runs"
    for name in ("intact", "damaged"):
        run = new_run(root, name, names=("a", "b"), steps=(100,), evaluated=(100, 300), columns=2)
        (run.path / "gate").mkdir()
        (run.path / "gate" / "verdict.json").write_text(json.dumps(VERDICT))
    return root


@pytest.fixture
def damaged(runs: Path, tmp_path: Path) -> Path:
    """`0002-damaged` in a fresh copy of the folder."""
    shutil.copytree(runs, tmp_path / "runs")
    return tmp_path / "runs" / "0002-damaged"


def _page(folder: Path) -> tuple[ReportResult, str, dict[str, Any]]:
    """The page over `folder`; whatever lies beside it, the intact run must be on it with all its numbers and curves."""
    result = build_report(find_runs(folder), out=folder.parent / "r.html", json_out=folder.parent / "r.json")
    document = json.loads((folder.parent / "r.json").read_text())
    intact = next(run for run in document["runs"] if run["id"].endswith("0001-intact"))
    assert (intact["error"], len(intact["evaluations"]), sorted(intact["curves"])) == ("", 2, ["loss/d", "loss/g"])
    assert intact["evaluations"][-1]["scores"]["fid"]["value"] == 4.5
    html = result.path.read_text()
    assert 'id="m-0-fid"' in html
    assert "could not be drawn" not in html
    return result, html, document


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_an_intact_page_has_no_problems(damaged: Path) -> None:
    result, html, _ = _page(damaged.parent)
    assert result.warnings == ()
    assert "card broken" not in html


@pytest.mark.parametrize(
    "value",
    [
        "9" * 5000,
        "[1, 2, 3]",
        *(pytest.param(text, marks=pytest.mark.study) for text in ("1" + "0" * 400, '"\\ud800"', "1e999", "{}", "[]")),
    ],
)
@pytest.mark.usefixtures("words_only")
def test_strange_values_in_a_verdict_cost_the_verdict_only(damaged: Path, value: str) -> None:
    file = damaged / "gate" / "verdict.json"
    _edit(file, lambda verdict: verdict["rules"][0].update(dict.fromkeys(("metric", "value", "checks", "better"), "@")))
    file.write_text(file.read_text().replace('"@"', value))
    _, _, document = _page(damaged.parent)
    assert document["runs"][1]["error"] == ""
    assert len(document["runs"][1]["evaluations"]) == 2


def test_an_interval_of_three_numbers_is_a_red_card(damaged: Path) -> None:
    file = damaged / "eval" / "step-000300" / "result.json"
    _edit(file, lambda result: result["scores"]["fid"].update(interval=[1, 2, 3]))
    result, html, document = _page(damaged.parent)
    assert html.count("card broken") == 1
    assert any("interval" in warning for warning in result.warnings)
    assert [e["step"] for e in document["runs"][1]["evaluations"]] == [100]


def test_a_damaged_class_table_is_a_red_card(damaged: Path) -> None:
    file = damaged / "eval" / "step-000300" / "result.json"
    _edit(
        file,
        lambda result: result["scores"]["class_balance"]["details"]["classes"][0].update(
            interval=[0.1, 0.2, "x"], count={}
        ),
    )
    result, html, _ = _page(damaged.parent)
    assert html.count("card broken") == 1
    assert result.warnings


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 3, "tag": "loss/g", "value": %s}' % ("9" * 5000),
        '{"step": 1%s, "tag": "x", "value": 1}' % ("0" * 400),
        "[" * 100_000,
        '{"step": 3, "tag": "x", "value": {"a": []}}',
        "\xff\xfe",
        '{"step": 1e999, "tag": "x", "value": 2}',
    ],
)
def test_one_strange_line_of_a_log_costs_that_line_only(damaged: Path, line: str) -> None:
    with (damaged / "events.jsonl").open("a", encoding="latin-1") as file:
        file.write(line + "\n" + '{"step": 400, "tag": "loss/g", "value": 7.0}\n')
    _, html, document = _page(damaged.parent)
    assert document["runs"][1]["curves"]["loss/g"]["steps"][-1] == 400
    assert "card broken" not in html


@pytest.mark.usefixtures("words_only")
def test_half_a_surrogate_pair_in_a_tag_and_a_folder_name_that_is_no_text_are_shown_as_escapes(damaged: Path) -> None:
    with (damaged / "events.jsonl").open("a") as file:
        file.write('{"step": 1, "tag": "\\ud800", "value": 1}\n')
    damaged.rename(damaged.with_name(os.fsdecode(b"caf\xe9")))
    _, html, document = _page(damaged.parent)
    assert document["runs"][1]["id"] == r"caf\udce9"
    assert r"caf\udce9" in html
    assert r"\ud800" in document["runs"][1]["curves"]


@pytest.mark.usefixtures("words_only")
def test_every_damaged_archive_of_samples_leaves_the_page(runs: Path, tmp_path: Path) -> None:
    import numpy as np

    folder = shutil.copytree(runs, tmp_path / "runs")
    (folder / "foreign").mkdir()
    archive = folder / "foreign" / "samples_6x8x8x3.npz"
    np.savez_compressed(archive, np.zeros((6, 8, 8, 3), np.uint8))
    whole = archive.read_bytes()
    for seed in range(60):
        archive.write_bytes(torn(whole, random.Random(seed)))
        assert [run.id for run in find_runs(folder).runs][:2] == ["0001-intact", "0002-damaged"]
    archive.write_bytes(whole[:60])
    _, html, document = _page(folder)
    assert "samples_6x8x8x3.npz" in document["runs"][2]["error"]
    assert html.count("card broken") == 1


@pytest.mark.parametrize(
    "name",
    [
        "samples/fixed/step-000100.png",
        pytest.param("samples/fixed/layout.json", marks=pytest.mark.study),
        pytest.param("events.jsonl", marks=pytest.mark.study),
        pytest.param("gate/verdict.json", marks=pytest.mark.study),
        "eval/step-000300/result.json",
        pytest.param("eval/step-000300/evidence.safetensors", marks=pytest.mark.study),
        "run.json",
    ],
)
@pytest.mark.usefixtures("words_only")
def test_a_pipe_in_the_place_of_a_file_does_not_hang_the_page(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    os.mkfifo(damaged / name)
    _page(damaged.parent)


@pytest.mark.parametrize(
    "name",
    [
        "samples_6x8x8x3.npz",
        "1.png",
        "log.txt",
        "metrics.csv",
        "training_options.json",
        "x.db",
        "events.out.tfevents.1",
        "progress.csv",
        "model_index.json",
    ],
)
def test_a_pipe_in_a_foreign_folder_does_not_hang_the_page(damaged: Path, name: str) -> None:
    other = damaged.parent / "version_0"
    other.mkdir()
    (other / "checkpoints").mkdir()
    for file in (name, "2.png", "hparams.yaml"):
        os.mkfifo(other / file)
    assert [run.error for run in find_runs(damaged.parent).runs if run.reader == "ganeval"] == ["", ""]


def test_a_panel_that_fails_for_one_run_is_drawn_without_it(damaged: Path) -> None:
    file = damaged / "eval" / "step-000300" / "result.json"
    _edit(file, lambda result: result["scores"]["classifier_score"]["details"].update(confusion=[[1, "x"], [2, 3]]))
    result, html, _ = _page(damaged.parent)
    assert html.count("is left out here: its data are damaged") == 1
    assert html.count("card broken") == 1
    assert [w for w in result.warnings if w.startswith("0002-damaged: Its data for “Confusion matrix” are damaged")]


@settings(RELAXED, max_examples=4)
@given(seed=SEEDS)
def test_whatever_is_damaged_in_one_run_the_page_is_written_and_the_other_run_intact(seed: int, runs: Path) -> None:
    _spoil_a_run(seed, runs)


@pytest.mark.study
@settings(RELAXED, max_examples=40)
@given(seed=SEEDS)
def test_of_many_damages_in_one_run_none_costs_the_page(seed: int, runs: Path) -> None:
    _spoil_a_run(seed, runs)


def _spoil_a_run(seed: int, runs: Path) -> None:
    folder = runs.parent / "copy" / "runs"
    shutil.rmtree(folder.parent, ignore_errors=True)
    shutil.copytree(runs, folder)
    files = sorted(path for path in (folder / "0002-damaged").rglob("*") if path.is_file())
    damage(files[seed % len(files)], seed)
    _page(folder)


@pytest.fixture(scope="module")
def layouts(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every trainer known here leaves, each in a folder of its own, and an intact run of ours."""
    root = tmp_path_factory.mktemp("layouts")
    shutil.copytree(runs / "0001-intact", root / "0001-intact")
    for script in LAYOUTS:
        spec = importlib.util.spec_from_file_location(f"layout_{script.stem}", script)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        (root / script.stem).mkdir()
        module.write(root / script.stem)
    return root


@settings(RELAXED, max_examples=20)
@given(seed=SEEDS)
def test_whatever_is_damaged_in_a_foreign_layout_all_other_runs_are_read(seed: int, layouts: Path) -> None:
    _spoil_a_layout(seed, layouts)


@pytest.mark.study
@settings(RELAXED, max_examples=200)
@given(seed=SEEDS)
def test_of_many_damages_in_foreign_layouts_none_costs_another_run(seed: int, layouts: Path) -> None:
    _spoil_a_layout(seed, layouts)


def _spoil_a_layout(seed: int, layouts: Path) -> None:
    files = sorted(path for path in layouts.rglob("*") if path.is_file() and "0001-intact" not in path.parts)
    file = files[seed % len(files)]
    whole = file.read_bytes()
    owner = file.relative_to(layouts).parts[0]
    try:
        damage(file, seed)
        found = find_runs(layouts)
    finally:
        file.write_bytes(whole)
    assert [run for run in found.runs if run.id.split("/")[0] != owner and run.error] == []
    assert {run.id.split("/")[0] for run in found.runs} >= {path.name for path in layouts.iterdir()} - {owner}
