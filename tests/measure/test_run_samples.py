"""What waits to be evaluated, how it is compared, and what is refused with a reason;
the page over another trainer's run.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.cli.main import report_main
from ganeval.datasets.dataset import DATASETS
from ganeval.measure.run_samples import Survey, survey
from ganeval.records.protocol import Protocol
from ganeval.runs.directory import create_run
from ganeval.runs.discovery import Found, find_runs


def digits(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    split = DATASETS["digits"].load("train")
    return split.images[:n], split.labels[:n]


def write_npz(folder: Path, name: str = "samples_120x8x8x1.npz", side: int = 8) -> Path:
    images, labels = digits()
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.repeat(np.repeat(images, side // 8, axis=2), side // 8, axis=3).transpose(0, 2, 3, 1)
    np.savez(folder / name, rows, labels)
    return folder


def write_pictures(folder: Path, *, by_class: bool) -> Path:
    images, labels = digits()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / str(label) if by_class else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(place / f"{i:04d}.png")
    return folder


def surveyed(root: Path, **told: str) -> Survey:
    return survey(find_runs(root).runs, ("the test", told))


def test_a_folder_of_another_trainer_is_compared_with_what_it_is_told(tmp_path: Path) -> None:
    write_npz(tmp_path / "a-diffusion")
    found = surveyed(tmp_path, real="digits:test", classifier="digits")
    assert [(p.run.id, p.images, p.because) for p in found.waiting] == [("a-diffusion", 120, "")]
    assert found.waiting[0].protocol == Protocol(real="digits:test", classifier="digits")
    assert found.refused == ()


def test_without_a_word_about_real_images_it_is_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "a-diffusion")
    found = surveyed(tmp_path)
    assert found.waiting == ()
    assert "Pass --real" in found.refused[0][1]


def test_real_images_without_a_network_are_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "a-diffusion")
    assert "--extractor inception" in surveyed(tmp_path, real="digits:test").refused[0][1]


def test_a_data_set_in_the_name_with_images_of_its_size_is_taken(tmp_path: Path) -> None:
    write_npz(tmp_path / "ddpm-digits")
    pending = surveyed(tmp_path).waiting[0]
    assert pending.protocol == Protocol(real="digits:test", train="digits:train", classifier="digits")
    assert pending.because == "it mentions digits and has images of that size"


def test_a_data_set_in_the_name_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    write_npz(tmp_path / "ddpm-digits", side=16)
    reason = surveyed(tmp_path).refused[0][1]
    assert "digits (8 x 8 with 1 channel)" in reason
    assert "16 x 16 with 1 channel" in reason


def test_a_name_that_only_contains_a_data_sets_name_is_no_mention(tmp_path: Path) -> None:
    write_npz(tmp_path / "mydigitsgan")
    assert surveyed(tmp_path).waiting == ()


def test_what_is_told_goes_before_what_is_inferred(tmp_path: Path) -> None:
    write_npz(tmp_path / "ddpm-digits")
    pending = surveyed(tmp_path, real="elsewhere/", classifier="digits").waiting[0]
    assert pending.protocol == Protocol(real="elsewhere/", classifier="digits")
    assert pending.because == ""


def test_real_images_beside_the_run_are_taken(tmp_path: Path) -> None:
    write_npz(tmp_path / "x" / "one")
    write_pictures(tmp_path / "x" / "real", by_class=True)
    found = survey(
        tuple(r for r in find_runs(tmp_path).runs if r.path.name == "one"), ("the test", {"classifier": "digits"})
    )
    assert found.waiting[0].protocol.real == str(tmp_path / "x" / "real")
    assert found.waiting[0].because == "real lies beside it"


def test_what_is_told_goes_before_what_a_run_of_ours_says_and_that_is_said(tmp_path: Path) -> None:
    own = {"real": "digits:test", "classifier": "digits"}
    run = create_run(tmp_path, "ours", config={}, seeds={}, protocol=own)
    run.write_samples(10, digits()[0])
    assert surveyed(tmp_path).waiting[0].protocol == Protocol(**own)
    (pending,) = surveyed(tmp_path, real="elsewhere/").waiting
    assert pending.protocol == Protocol(real="elsewhere/", classifier="digits")
    assert pending.notes == ("real is 'elsewhere/' by the test; run.json says 'digits:test'.",)


def test_a_classifier_that_is_not_here_does_not_stop_another_network(tmp_path: Path) -> None:
    """Older runs on CIFAR-10 name a classifier that never was."""
    own = {"real": "digits:test", "classifier": "no-such"}
    create_run(tmp_path, "ours", config={}, seeds={}, protocol=own).write_samples(10, digits()[0])
    assert "Pass --classifier" in surveyed(tmp_path).refused[0][1]
    (pending,) = surveyed(tmp_path, extractor="pixels").waiting
    assert pending.protocol == Protocol(real="digits:test", extractor="pixels")
    assert "'no-such', which is not here" in pending.notes[0]


@pytest.mark.parametrize("by_class", [True, False])
def test_a_folder_of_pictures_is_a_sample_set(tmp_path: Path, *, by_class: bool) -> None:
    write_pictures(tmp_path / "digits", by_class=by_class)
    found = find_runs(tmp_path)
    assert [(run.id, len(run.samples), len(run.grids)) for run in found.runs] == [("digits", 1, 0)]
    assert [(p.images, p.protocol.classifier) for p in survey(found.runs).waiting] == [(120, "digits")]


def test_folders_of_steps_are_no_classes(tmp_path: Path) -> None:
    for step in ("100", "200"):
        write_pictures(tmp_path / "run" / step, by_class=False)
    assert {run.path.name for run in find_runs(tmp_path).runs} == {"100", "200"}


def test_two_sample_files_of_one_step_are_one_evaluation(tmp_path: Path) -> None:
    for name in ("samples_120x8x8x1.npz", "samples_121x8x8x1.npz"):
        write_npz(tmp_path / "ddpm-digits", name)
    assert [p.samples.path.name for p in surveyed(tmp_path).waiting] == ["samples_120x8x8x1.npz"]


def test_a_run_that_cannot_be_read_is_neither_evaluated_nor_refused(tmp_path: Path) -> None:
    run = create_run(tmp_path, "broken", config={}, seeds={}, protocol={"real": "digits:test"})
    run.write_samples(10, digits()[0])
    (run.path / "run.json").write_text("{")
    assert surveyed(tmp_path) == Survey()


def _reported(root: Path, *flags: str) -> tuple[int, Found]:
    code = report_main([str(root), "--out", str(root.parent / "r.html"), *flags])
    return code, find_runs(root)


def test_another_trainers_run_is_evaluated_once_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "runs"
    folder = write_pictures(root / "gan-digits", by_class=True)
    before = {path for path in folder.rglob("*") if path.is_file()}
    code, found = _reported(root)
    said = capsys.readouterr().err
    assert code == 0
    assert "gan-digits: compared with digits:test by digits, because it mentions digits" in said
    assert (found.runs[0].evaluations[0]["classifier_score"].value or 0) > 0.9
    assert 'data-metric="fid"' in (tmp_path / "r.html").read_text()
    new = {path for path in folder.rglob("*") if path.is_file()} - before
    assert {path.relative_to(folder).parts[0] for path in new} == {".ganeval"}
    stamp = found.runs[0].evaluations[0].created
    _, again = _reported(root)
    assert again.runs[0].evaluations[0].created == stamp
    assert capsys.readouterr().err == ""
    os.utime(folder / ".ganeval" / "eval" / "step-000000" / "result.json", (1, 1))
    assert len(survey(again.runs).waiting) == 1  # the samples are newer than what was measured


def test_no_evaluate_only_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_npz(tmp_path / "runs" / "ddpm-digits")
    code, found = _reported(tmp_path / "runs", "--no-evaluate")
    assert code == 0
    assert found.runs[0].evaluations == ()
    assert not (folder / ".ganeval").exists()
    assert capsys.readouterr().err == ""


def test_a_refusal_is_a_line_and_the_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(7):
        write_npz(tmp_path / "runs" / f"x{i}")
    code, _ = _reported(tmp_path / "runs")
    said = capsys.readouterr().err
    assert code == 0
    assert said.count("\n") == 1
    assert "not evaluated: x0, x1, x2, x3, x4 and 2 more: nothing says which real images" in said
    assert (tmp_path / "r.html").is_file()


def test_a_wrong_name_is_a_line_with_the_run_and_the_page_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_npz(tmp_path / "runs" / "x")
    code, _ = _reported(tmp_path / "runs", "--real", "digits:test", "--classifier", "digts")
    assert code == 6  # --real was given, and nothing was measured
    assert (tmp_path / "r.html").is_file()
    assert "x, step 0: There is no extractor or classifier named 'digts'" in capsys.readouterr().err
