"""The run directory: what is written comes back, whatever happened in between."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.errors import BrokenRunError, WrongInputError
from ganeval.records.scores import Evaluation, Passport, Score, ScoreRecord
from ganeval.runs.directory import RunDirectory, create_run, git_state, open_run, runs_in, tile
from ganeval.runs.reader import READERS
from ganeval.runs.readers.native import probe, read, read_run
from ganeval.runs.toml import render_toml

PROTOCOL = {"real": "hoda:test", "classifier": "hoda", "train": "hoda:train"}


def start(root: Path, **changes) -> RunDirectory:
    fields = {"config": {"lr": 2e-4, "betas": (0.0, 0.99)}, "seeds": {"seed": 3}, "protocol": PROTOCOL}
    return create_run(root, changes.pop("name", "pcgan hoda"), **{**fields, **changes})


def evaluation(step: int) -> Evaluation:
    passport = Passport("runs/x", "f" * 64, 4, 8, "hoda", "w" * 64, "none")
    score = ScoreRecord.of(Score.from_influence(3.0, np.array([1.0, 2.0, 3.0, 4.0]), name="fid"))
    return Evaluation(
        "x",
        "2026-01-01T00:00:00+00:00",
        passport,
        passport,
        {"fid": score},
        step=step,
        per_sample={"fid/influence": np.arange(4.0)},
    )


def pictures(n: int = 6, c: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, c, 8, 5), dtype=np.uint8)


def test_runs_are_counted_and_their_names_are_safe(tmp_path):
    names = [start(tmp_path, name=n).path.name for n in ("a", "../B é/c", "")]
    assert names == ["0001-a", "0002-b-c", "0003-run"]


def test_two_runs_that_start_at_once_get_two_folders(tmp_path, monkeypatch):
    from ganeval.runs import directory

    (tmp_path / "0001-a").mkdir()
    counts = iter([0, 0, 1])
    monkeypatch.setattr(directory.layout, "counter", lambda _: next(counts))
    assert start(tmp_path, name="a").path.name == "0002-a"


KILLED = """
import os, sys
from pathlib import Path
from ganeval.runs.directory import create_run
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
def dying(root, moment):
    left = [moment]
    def hook(event, arguments):
        if event in CHANGES and str(root) in str(arguments[0]):
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
    sys.addaudithook(hook)
    create_run(root, "gan", config={"lr": 1.0}, seeds={}, protocol={})
    os._exit(0)
for moment in range(40):
    root = Path(sys.argv[1]) / f"{moment:02d}"
    root.mkdir()
    child = os.fork()
    if not child:
        dying(root, moment)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills copies of one process")
def test_a_process_killed_while_it_begins_a_run_leaves_a_whole_run_or_none(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    roots = sorted(tmp_path.iterdir())
    begun = [[path for path in root.iterdir() if not path.name.startswith(".")] for root in roots]
    assert len(roots) > 8
    assert len(begun[0]) == 0
    assert len(begun[-1]) == 1
    for root, runs in zip(roots, begun, strict=True):
        assert all(open_run(path).info["id"] == "0001-gan" for path in runs)
        assert start(root, name="next").path.name == f"{len(runs) + 1:04d}-next"
        assert not [path for path in root.iterdir() if path.name.startswith(".")]


def test_everything_written_comes_back(tmp_path):
    run = start(tmp_path, class_names=("zero", "one"), environment={"torch": "2"})
    run.log(10, {"loss/g": 1.5, "loss/d": 0.5})
    run.log(20, {"loss/g": 1.25})
    grid = run.write_grid(20, pictures(), rows=2, labels=[0, 1, 0, 1, 0, 1], latents="abc")
    samples = run.write_samples(20, pictures(), np.arange(6) % 2)
    run.write_evaluation(evaluation(20), 20)
    run.update(status="done")
    record = read_run(run.path)
    assert (record.id, record.name, record.status) == (run.path.name, "pcgan hoda", "done")
    assert record.protocol == PROTOCOL
    assert record.class_names == ("zero", "one")
    assert record.curves["loss/g"].steps == (10.0, 20.0)
    assert record.curves["loss/g"].values == (1.5, 1.25)
    (found,) = record.grids
    assert (found.step, found.path, found.rows, found.columns, found.latents) == (20, grid, 2, 3, "abc")
    assert found.labels == (0, 1, 0, 1, 0, 1)
    assert [(s.step, s.path) for s in record.samples] == [(20, samples)]
    assert record.evaluations == (evaluation(20),)
    assert record.environment["torch"] == "2"


def test_samples_are_nhwc_with_labels_and_need_no_pickle(tmp_path):
    images = pictures(c=3)
    with np.load(start(tmp_path).write_samples(7, images, np.arange(6)), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["arr_0"].transpose(0, 3, 1, 2), images)
        np.testing.assert_array_equal(file["arr_1"], np.arange(6))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_is_filled_row_by_row(tmp_path, channels):
    images = pictures(c=channels)
    path = start(tmp_path).write_grid(1, images, rows=2)
    sprite = np.asarray(Image.open(path)).reshape(16, 15, channels)
    np.testing.assert_array_equal(sprite[8:, 5:10].transpose(2, 0, 1), images[4])


def test_images_that_do_not_fill_the_rows_are_refused():
    with pytest.raises(WrongInputError, match="6 images do not fill 4 rows"):
        tile(pictures(), rows=4)


def test_float_images_are_refused(tmp_path):
    with pytest.raises(WrongInputError, match=r"must be uint8 \(n, c, h, w\).*got float64"):
        start(tmp_path).write_samples(1, np.zeros((2, 1, 4, 4)))


def test_nan_is_strict_json_and_comes_back_as_nan(tmp_path):
    run = start(tmp_path)
    run.log(1, {"loss/g": math.nan, "loss/d": math.inf})
    lines = [
        json.loads(line, parse_constant=pytest.fail) for line in (run.path / "events.jsonl").read_text().splitlines()
    ]
    assert [line["status"] for line in lines] == ["nan", "inf"]
    assert all(math.isnan(curve.values[0]) for curve in read_run(run.path).curves.values())


def test_a_resumed_run_forgets_what_the_dead_process_logged_too_far(tmp_path):
    run = start(tmp_path)
    for step in (10, 20, 30):
        run.log(step, {"loss": step})
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"step": 40, "tag": "lo')
    open_run(run.path).resume(20)
    run.log(30, {"loss": 31})
    record = read_run(run.path)
    assert record.curves["loss"].steps == (10, 20, 30)
    assert record.curves["loss"].values == (10, 20, 31)
    assert "resume at step 20" in record.notes


def test_no_path_of_the_machine_is_stored(tmp_path):
    run = start(tmp_path, command=["python", "-m", "x", "--out", str(tmp_path)])
    run.log(1, {"a": 1.0})
    run.write_checkpoint(1, b"x")
    run.write_grid(1, pictures(), rows=2)
    for file in run.path.rglob("*"):
        if file.suffix in {".json", ".jsonl", ".toml", ".txt"}:
            assert str(tmp_path) not in file.read_text()


def test_checkpoints_are_pruned_but_the_last_and_the_best_stay(tmp_path):
    run = start(tmp_path)
    for step in range(1, 6):
        run.write_checkpoint(step, bytes([step]), keep_last=2, best=step == 2)
    names = sorted(path.name for path in (run.path / "checkpoints").iterdir())
    assert names == ["best.json", "last.json", *(f"step-{i:06d}.safetensors" for i in (2, 4, 5))]
    last, best = run.checkpoint("last"), run.checkpoint("best")
    assert last is not None
    assert best is not None
    assert (last.read_bytes(), best.read_bytes()) == (b"\x05", b"\x02")


def test_a_folder_without_a_run_is_said_to_be_none_in_one_sentence(tmp_path):
    with pytest.raises(BrokenRunError, match=r"it has no run\.json") as none:
        open_run(tmp_path)
    assert ".." not in str(none.value)
    with pytest.raises(BrokenRunError, match="Expected a JSON document") as nowhere:
        open_run(tmp_path / "nowhere")
    assert ".." not in str(nowhere.value), "a sentence within a sentence has one full stop"


def test_a_run_is_whole_from_its_first_word(tmp_path):
    run = start(tmp_path, system="dcgan", options={"amp": False})
    assert (run.info["system"], run.info["options"]) == ("dcgan", {"amp": False})


def test_what_run_json_says_of_a_checkpoint_is_written_before_an_old_one_is_dropped(tmp_path, monkeypatch):
    run = start(tmp_path)
    run.write_checkpoint(1, b"1", keep_last=1, best=True, info={"step": 1, "best": {"step": 1}})
    unlink, seen = Path.unlink, []

    def dropped(path: Path, **options: bool) -> None:
        if path.suffix == ".safetensors":
            seen.append((path.name, run.info["best"]["step"]))
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", dropped)
    run.write_checkpoint(2, b"2", keep_last=1, best=True, info={"step": 2, "best": {"step": 2}})
    assert seen == [("step-000001.safetensors", 2)]


def test_resuming_ends_what_a_death_between_two_files_left(tmp_path):
    run = start(tmp_path)
    for step in (1, 2, 3):
        run.write_checkpoint(step, bytes([step]), keep_last=9, best=step == 1)
    run.resume(3, best=2, keep_last=1, note="x")
    best = run.checkpoint("best")
    assert best is not None
    assert best.name == "step-000002.safetensors"
    assert sorted(path.name for path in best.parent.glob("*.safetensors")) == [best.name, "step-000003.safetensors"]
    assert (run.info["status"], run.info["note"]) == ("running", "x")


def test_a_pointer_that_leads_outside_is_refused(tmp_path):
    run = start(tmp_path)
    (tmp_path / "secret.safetensors").write_bytes(b"x")
    (run.path / "checkpoints").mkdir()
    (run.path / "checkpoints" / "last.json").write_text('{"file": "../../secret.safetensors"}')
    with pytest.raises(BrokenRunError, match="must name a checkpoint beside it"):
        run.checkpoint()


def test_links_and_unknown_files_are_ignored(tmp_path):
    run = start(tmp_path)
    run.write_grid(1, pictures(), rows=2)
    folder = run.path / "samples" / "fixed"
    (folder / "step-000002.png").symlink_to(folder / "step-000001.png")
    (folder / "notes.txt").write_text("x")
    (run.path / "other").mkdir()
    assert [grid.step for grid in read_run(run.path).grids] == [1]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"schema": "ganeval.run/9"}', "\x00\xff"])
def test_a_broken_run_is_a_record_with_an_error(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    assert probe(tmp_path) == 100
    (record,) = read(tmp_path)
    assert "run.json" in record.error
    with pytest.raises(BrokenRunError):
        read_run(tmp_path)


def test_runs_are_found_newest_first_by_what_they_say_and_broken_ones_are_passed_over(tmp_path):
    names = [start(tmp_path, system=system).path.name for system in ("a", "b", "a")]
    (tmp_path / "9999-broken").mkdir()
    (tmp_path / "9999-broken" / "run.json").write_text("{")
    assert [run.path.name for run in runs_in(tmp_path)] == names[::-1]
    assert [run.path.name for run in runs_in(tmp_path, system="a")] == [names[2], names[0]]
    assert list(runs_in(tmp_path, system="a", status="no such")) == []


def test_a_broken_evaluation_is_a_problem_and_the_rest_is_read(tmp_path):
    run = start(tmp_path)
    run.write_evaluation(evaluation(5), 5)
    run.write_evaluation(evaluation(6), 6)
    (run.path / "eval" / "step-000005" / "result.json").write_text("{")
    record = read_run(run.path)
    assert [e.step for e in record.evaluations] == [6]
    assert any("step-000005" in problem for problem in record.problems)


def test_wrong_types_in_run_json_are_survived(tmp_path):
    run = start(tmp_path)
    run.update(config=[1], class_names="x", status=7, protocol=None)
    (run.path / "events.jsonl").write_text('{"step": "a", "tag": 1}\n[]\n{"step": 1, "tag": "t", "value": "x"}\n')
    record = read_run(run.path)
    assert (record.config, record.class_names, record.status) == ({}, (), "unknown")
    assert math.isnan(record.curves["t"].values[0])


def test_our_layout_is_found_by_the_registry(tmp_path):
    assert READERS["ganeval"].read(start(tmp_path).path)[0].reader == "ganeval"
    assert READERS["ganeval"].probe(tmp_path) == 0


def test_metric_lines_follow_the_stylegan_family(tmp_path):
    run = start(tmp_path)
    run.write_evaluation(evaluation(5), 5)
    (line,) = map(json.loads, (run.path / "metric-fid.jsonl").read_text().splitlines())
    assert (line["metric"], line["results"]["fid"], line["snapshot_pkl"], line["step"]) == ("fid", 3.0, None, 5)


scalars = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text())


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(), st.one_of(scalars, st.lists(scalars), st.dictionaries(st.text(), scalars))))
def test_toml_reads_back_what_was_rendered(table):
    assert tomllib.loads(render_toml(table)) == table


def test_reading_runs_loads_no_torch(tmp_path):
    run = start(tmp_path)
    code = (
        f"import sys; from ganeval.runs.readers.native import read_run; read_run({str(run.path)!r}); print('torch' in "
        "sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("error", [subprocess.TimeoutExpired("git", 20), PermissionError("git")])
def test_a_git_that_does_not_answer_costs_the_commit_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fails)
    monkeypatch.setattr("shutil.which", lambda _: "git")
    assert git_state() is None
    run = create_run(tmp_path, "a", config={}, seeds={}, protocol={})
    assert (run.path / "run.json").is_file()
