"""python -m reference_models NAME: what cannot be meant is a sentence and exit code 2, before a run is begun."""

from __future__ import annotations

import math
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch

from ganeval.classifiers import CLASSIFIERS
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import WrongInputError
from ganeval.measure.run_samples import survey
from ganeval.records.protocol import Protocol
from ganeval.runs.directory import create_run
from ganeval.runs.readers.native import read_run
from reference_models.__main__ import main
from reference_models.plumbing.data import Data
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.ranges import require_ranges
from reference_models.plumbing.session import Session
from reference_models.plumbing.system import SYSTEMS, fit, protocol_of
from studies.__main__ import main as write_results
from studies.trained import train_whole

RECIPES = {f"{s.name}-{p}": c for s in SYSTEMS for p, c in {**s.profiles, **s.variants}.items() if not callable(c)}
SMOKE = {s.name: s.profile("smoke") for s in SYSTEMS}
QUICK = ("--profile", "smoke", "--device", "cpu", "--sample-per-class", "2", "--grids", "1", "--checkpoints", "1")


def quick(*flags):
    """`QUICK` with these flags, each of them once."""
    pairs = zip(QUICK[::2], QUICK[1::2], strict=True)
    return [*(word for name, value in pairs if name not in flags for word in (name, value)), *flags]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_that_is_shipped_is_within_its_ranges(recipe):
    require_ranges(recipe)


def test_the_defaults_of_the_options_are_within_their_ranges():
    require_ranges(Options())


@pytest.mark.parametrize("name", SMOKE)
def test_no_number_of_a_recipe_may_be_negative_endless_or_no_number(name):
    hints = get_type_hints(type(SMOKE[name]))
    for field in (field for field, hint in hints.items() if hint in (int, float)):
        for value in (-1, math.nan, math.inf, -math.inf, True, "1", None, 10**400):
            with pytest.raises(WrongInputError, match=f"^{field} must be a (whole|finite) number"):
                require_ranges(replace(SMOKE[name], **{field: value}))


@pytest.mark.parametrize("name", SYSTEMS.names())
@pytest.mark.parametrize("changes", [{"steps": 0}, {"batch": 0}, {"lr": 0.0}, {"batch": 2.0}, {"steps": 1.5}])
def test_nothing_is_trained_with_nothing(name, changes):
    with pytest.raises(WrongInputError, match=f"^{next(iter(changes))} must be"):
        fit(name, replace(SMOKE[name], **changes), dataset="synthetic")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("projection_cgan", {"classes": (1, -2)}),
        ("projection_cgan", {"classes": [1]}),
        ("projection_cgan", {"augment": "x"}),
        ("projection_cgan", {"final_lr": 2.0}),
        ("projection_cgan", {"ada_ramp": 0}),
        ("cgan_dense", {"g_widths": (0,)}),
        ("gan_mlp", {"loss": "other"}),
        ("dcgan", {"beta1": 1.0}),
    ],
)
def test_tuples_words_and_shares_are_checked_too(name, changes):
    (field,) = changes
    if field not in {f.name for f in fields(SMOKE[name])}:
        name = next(n for n, config in SMOKE.items() if field in {f.name for f in fields(config)})
    with pytest.raises(WrongInputError, match=f"^{field} must be"):
        require_ranges(replace(SMOKE[name], **changes))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--batch", "0"], "batch must be a whole number above 0"),
        (["--lr", "-1"], "lr must be a finite number above 0"),
        (["--lr", "nan"], "got nan"),
        (["--lr", "inf"], "got inf"),
        (["--steps", "0"], "steps must be"),
        (["--log-every", "0"], "log_every must be"),
        (["--keep-last", "0"], "keep_last must be"),
        (["--threads", "-2"], "threads must be"),
        (["--threads", "999999"], "at most 1,024"),  # the process ended with a segmentation fault
        (["--depth", "1000000000"], "at most 1,000"),  # a MemoryError
        (["--judge", "hoda"], "looks at images of shape (n, 1, 28, 28)"),
        (["--dataset", "synthetic3", "--judge", "digits"], "looks at grey images"),
        (["--dataset", "ring", "--judge", "digits"], "--judge looks at images; ring is a set of points"),
        (["--device", "gpu"], "A device must be"),
        (["--device", "meta"], "one that is here"),
        (["--judge", "hodaa"], "Did you mean 'hoda'"),
        (["--dataset", "hodaa"], "hoda"),
        (["--seed", "1", "--seed=2"], "--seed was typed twice"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_a_sentence_and_leaves_no_run(flags, said, tmp_path, capsys):
    assert main(["gan_mlp", "--out", str(tmp_path), *quick(*flags)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("reference_models: ")
    assert error.count("\n") == 1
    assert said in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what stands in is open to the end
@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), ([], 2), (["dcgann"], 2)])
def test_a_disk_without_room_for_words_changes_no_exit_code(words, code, monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "stderr", full)
        assert main(words) == code


def test_a_device_that_is_not_there_is_a_sentence(tmp_path, capsys):
    assert main(["gan_mlp", "--out", str(tmp_path), *quick("--device", "cuda")]) == 2
    assert "one that is here (cpu); got 'cuda'" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["gan_mlp", *QUICK, "--out", str(tmp_path / "file" / "runs")]) == 2
    assert "file" in capsys.readouterr().err


def test_a_data_set_that_is_not_there_is_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GANEVAL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody answers there
    assert main(["gan_mlp", *QUICK, "--out", str(tmp_path / "runs"), "--dataset", "hoda"]) == 2
    assert "hoda" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["cdcgan", "dcgan", "ddpm"])
def test_layers_that_do_not_fit_the_images_are_a_sentence(name, tmp_path, capsys):
    flags = {"cdcgan": ["--size", "3"], "dcgan": ["--d-kernel", "7"], "ddpm": ["--patch", "3"]}[name]
    assert main([name, *QUICK, "--out", str(tmp_path), *flags]) == 2
    assert f"{name} cannot begin on synthetic (1, " in capsys.readouterr().err
    assert read_run(next(tmp_path.iterdir())).status == "failed"


def test_a_finished_training_says_what_to_type_next(tmp_path, capsys):
    assert main(["gan_mlp", *QUICK, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"look at it: ganeval report {tmp_path}"


COMMAND = [sys.executable, "-m", "reference_models", "gan_mlp", *QUICK, "--steps", "900000000"]


def started(out: Path, **more: Any) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    environment.pop("CI", None)
    process = subprocess.Popen([*COMMAND, "--out", str(out)], env=environment, text=True, **more)
    deadline = time.monotonic() + 100
    while not list(out.glob("*/events.jsonl")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(tmp_path):
    process = started(tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.startswith("stopped: ")
    (run,) = tmp_path.iterdir()
    assert f"go on with: python -m reference_models --resume {run}" in said
    assert error == ""


BEFORE = {
    "reference_models": COMMAND[3:],
    "plain_gan": [],
    "reference_models.bands": ["check", "none"],
    "studies": ["modes"],
    "benchmarks": ["frechet"],
}


@pytest.mark.parametrize(
    "name", [name if name == "reference_models" else pytest.param(name, marks=pytest.mark.study) for name in BEFORE]
)
def test_ctrl_c_while_torch_is_imported_ends_with_130_and_one_line(name, tmp_path):
    module, where = f"reference_models.{name}" if name == "plain_gan" else name, ["--out", str(tmp_path)]
    words = [*BEFORE[name], *(where if name in ("reference_models", "plain_gan") else [])]
    command = [sys.executable, "-X", "importtime", "-m", module, *words]  # it names what is imported
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert any("| " in line and "torch." in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        try:
            error = process.communicate(timeout=60)[1]
        finally:
            process.kill()  # no training goes on for ever where this fails
        said = [line for line in error.splitlines() if not line.startswith("import time:")]
    assert process.returncode == 130
    assert said == [f"{name}: interrupted before anything was begun."]
    assert not list(tmp_path.iterdir())


def test_a_terminal_sees_the_time_left(tmp_path):
    mine, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = started(tmp_path, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = os.read(mine, 4096).decode()
    process.kill()
    process.wait()
    os.close(mine)
    assert "training:" in said
    assert "900000000" in said


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C in the second step of every training."""
    watch = Session.watch

    def watched(session: Session, *batch: torch.Tensor) -> None:
        watch(session, *batch)
        if session.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Session, "watch", watched)


@pytest.mark.usefixtures("interrupted")
def test_a_study_whose_training_was_interrupted_ends_with_it(tmp_path):
    with pytest.raises(KeyboardInterrupt, match="is stopped at step 2"):
        train_whole(tmp_path, "gan_mlp", "synthetic", SMOKE["gan_mlp"], 0, Options(device="cpu"))


@pytest.fixture
def stopped(interrupted, tmp_path):
    """A run of other numbers than any profile has, stopped at its second step."""
    flags = [
        *QUICK,
        "--out",
        str(tmp_path / "runs"),
        "--steps",
        "5",
        "--width",
        "24",
        "--batch",
        "9",
        "--log-every",
        "1",
    ]
    assert main(["gan_mlp", *flags]) == 130
    return next((tmp_path / "runs").iterdir())


def test_a_run_is_resumed_from_its_folder_alone(stopped, monkeypatch, capsys):
    monkeypatch.undo()
    capsys.readouterr()
    assert main(["--resume", str(stopped)]) == 0
    assert capsys.readouterr().out.startswith(f"done: {stopped}\n")
    info = read_run(stopped)
    assert (info.status, info.config["steps"], info.config["width"], info.config["batch"]) == ("done", 5, 24, 9)
    assert main(["--resume", str(stopped)]) == 2
    assert "is done: nothing is left to train" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [[], ["--log-every", "3"], ["nowhere"], ["RUN", "--width", "32"], ["RUN", "--amp"]])
def test_what_cannot_be_resumed_is_a_sentence_and_changes_nothing(flags, stopped, capsys):
    before = (stopped / "run.json").read_bytes()
    capsys.readouterr()
    assert main(["--resume", *(str(stopped) if flag == "RUN" else flag for flag in flags)]) == 2
    assert capsys.readouterr().err.startswith("reference_models: ")
    assert (stopped / "run.json").read_bytes() == before


@pytest.mark.parametrize("part", ["images", "labels", "held_images", "held_labels"])
def test_a_data_set_that_changed_since_the_start_is_refused(part, stopped, monkeypatch, capsys):
    def changed(*arguments: Any, **options: Any) -> Data:
        data = load_data(*arguments, **options)
        values = getattr(data, part).clone()
        values.view(-1)[0] = 1 - values.view(-1)[0].clamp(max=1)
        return replace(data, **{part: values})

    monkeypatch.setattr("reference_models.plumbing.system.load_data", changed)
    before = (stopped / "run.json").read_bytes()
    assert main(["--resume", str(stopped)]) == 2
    assert "have changed since" in capsys.readouterr().err
    assert (stopped / "run.json").read_bytes() == before


@pytest.mark.parametrize("name", SMOKE)
def test_a_batch_of_one_image_trains_or_is_a_sentence_that_names_it(name, tmp_path):
    try:
        run = fit(name, replace(SMOKE[name], batch=1), dataset="synthetic", out=tmp_path, options=Options(device="cpu"))
    except WrongInputError as error:
        assert "batch" in str(error)  # noqa: PT017 - either is right, and a training that "diverged" is not
    else:
        assert run.info["status"] == "done"


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize("page", [["ddpm", "--dataset", "digits"], ["generator", "digits"]], ids=lambda page: page[0])
def test_no_page_is_made_of_a_part_of_a_training(page, tmp_path, capsys):
    out = tmp_path / "out"
    places = ["--runs", str(tmp_path / "runs"), "--out", str(out), "--profile", "smoke"]
    assert write_results([*page, *places]) == 130
    assert "interrupted, no page is written" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", DATASETS.names())
def test_a_run_names_only_a_judge_that_is_shipped(name):
    dataset = DATASETS[name]
    protocol = protocol_of(Data.empty(name, dataset.classes, dataset.shape))
    assert protocol.get("classifier", "hoda") in CLASSIFIERS.names()
    assert set(protocol) <= {"real", "train", "classifier"}
    assert protocol["real"] == f"{name}:test"


def test_a_run_that_names_no_network_is_evaluated_with_the_one_that_is_told(tmp_path):
    real = {"real": "cifar10:test", "train": "cifar10:train"}
    run = create_run(tmp_path, "x", config={}, seeds={}, protocol=real)
    run.write_samples(1, torch.zeros(2, 3, 4, 4, dtype=torch.uint8).numpy())
    (pending,) = survey((read_run(run.path),), ("--extractor", {"extractor": "pixels"})).waiting
    assert pending.protocol == Protocol(**real, extractor="pixels")
    (pending,) = survey((read_run(run.path),), ("the flags", {"extractor": "pixels", "real": "hoda:test"})).waiting
    assert (pending.protocol.real, pending.protocol.train) == ("hoda:test", "cifar10:train")
    assert pending.notes == ("real is 'hoda:test' by the flags; run.json says 'cifar10:test'.",)
