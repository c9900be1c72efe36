"""Each tracker's own library is given an evaluation, and its own files are read back."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganeval import Evaluation
from ganeval.errors import WrongInputError
from ganeval.integrations.loggers.csv import CSVLogger
from ganeval.integrations.loggers.failing import TrackerError
from ganeval.integrations.loggers.mlflow import MLflowLogger
from ganeval.integrations.loggers.tensorboard import TensorBoardLogger
from ganeval.integrations.loggers.trackio import TrackioLogger
from ganeval.integrations.loggers.values import values_of
from ganeval.integrations.loggers.wandb import WandbLogger
from ganeval.integrations.needed import MissingLibraryError
from ganeval.runs.discovery import find_runs


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


def test_values_have_their_error_interval_and_floor_and_no_value_stands_for_an_absent_one(measured: Evaluation) -> None:
    values = values_of(measured)
    fid = measured["fid"]
    assert fid.floor is not None
    assert values["ganeval/fid"] == fid.value
    assert values["ganeval/fid_se"] == fid.se
    assert (values["ganeval/fid_low"], values["ganeval/fid_high"]) == fid.interval
    assert values["ganeval/fid_floor"] == fid.floor.value
    assert not any("classifier_score" in name for name in values)
    assert set(values_of(measured, prefix="")) == {name.removeprefix("ganeval/") for name in values}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_back_every_number_at_its_step(measured: Evaluation, tmp_path: Path) -> None:
    library("tensorboard")
    logger = TensorBoardLogger(tmp_path)
    logger.log(measured)
    logger.log(measured, 400)
    logger.writer.close()
    (run,) = find_runs(tmp_path).runs
    curve = run.curves["ganeval/fid"]
    assert curve.steps == (200, 400)
    assert curve.values == pytest.approx([measured["fid"].value] * 2)
    assert {"ganeval/fid_se", "ganeval/kid_low", "ganeval/precision_floor"} <= set(run.curves)


@pytest.mark.filterwarnings("ignore")
def test_wandb_keeps_every_number_in_an_offline_run(
    measured: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = library("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=tmp_path, project="p", settings=wandb.Settings(x_disable_stats=True)) as run:
        WandbLogger().log(measured)
        WandbLogger(run).log(measured, 400)
        assert run.summary["ganeval/fid"] == measured["fid"].value
        assert run.summary["ganeval/step"] == 400
    for _ in range(300):  # its file is written by a process of its own, which a busy machine lets end late
        (found,) = find_runs(tmp_path).runs
        if "ganeval/fid_se" in found.curves:
            break
        time.sleep(0.1)
    assert "ganeval/fid_se" in found.curves, sorted(found.curves)
    assert found.curves["ganeval/fid_se"].values == pytest.approx([measured["fid"].se] * 2)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_back_every_number_from_a_folder(
    measured: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = library("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    uri = tmp_path.as_uri()
    client = mlflow.MlflowClient(uri)
    run_id = client.create_run(client.create_experiment("e")).info.run_id
    logger = MLflowLogger(run_id, tracking_uri=uri)
    logger.log(measured)
    logger.log(measured, 400)
    history = client.get_metric_history(run_id, "ganeval/fid")
    assert [(point.step, point.value) for point in history] == [
        (200, measured["fid"].value),
        (400, measured["fid"].value),
    ]
    assert client.get_run(run_id).data.metrics["ganeval/fid_se"] == measured["fid"].se


def test_a_csv_file_grows_by_a_line_a_metric_and_says_why_one_has_no_number(
    measured: Evaluation, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "scores.csv"
    CSVLogger(path).log(measured)
    CSVLogger(path).log(measured, 400)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(measured.scores)
    fid = next(row for row in rows if row["metric"] == "fid")
    assert (int(fid["step"]), float(fid["value"]), float(fid["se"])) == (200, measured["fid"].value, measured["fid"].se)
    assert "needs" in next(row["status"] for row in rows if row["metric"] == "classifier_score")


def test_a_csv_logger_leaves_another_table_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(WrongInputError, match="is another table"):
        CSVLogger(path)
    assert path.read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("module", "make", "extra"),
    [
        ("tensorboard", lambda: TensorBoardLogger("x"), "loggers"),
        ("wandb", WandbLogger, "loggers"),
        ("mlflow", MLflowLogger, "loggers"),
        ("trackio", TrackioLogger, "trackio"),
    ],
)
def test_a_missing_library_is_a_sentence_that_names_its_extra(
    module: str, make: Any, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingLibraryError, match=rf'pip install "ganeval\[{extra}\]"'):
        make()


@pytest.mark.filterwarnings("ignore")
def test_a_tracker_without_an_open_run_says_how_to_open_one() -> None:
    library("wandb")
    with pytest.raises(WrongInputError, match=r"wandb\.init"):
        WandbLogger()
    library("mlflow")
    with pytest.raises(WrongInputError, match=r"mlflow\.start_run"):
        MLflowLogger()


def test_what_is_no_evaluation_and_a_step_that_nobody_named_are_refused(measured: Evaluation, tmp_path: Path) -> None:
    from dataclasses import replace

    logger = CSVLogger(tmp_path / "s.csv")
    with pytest.raises(WrongInputError, match="log takes an evaluation; got float"):
        logger.log(3.0, 1)  # type: ignore[arg-type]
    with pytest.raises(WrongInputError, match=r"Call log\(evaluation, step\)"):
        logger.log(replace(measured, step=None))
    for wrong in (1.5, -6, True, "3"):
        with pytest.raises(WrongInputError, match="whole number of at least 0; got"):
            logger.log(measured, wrong)  # type: ignore[arg-type]
    logger.log(measured, np.int64(5))  # type: ignore[arg-type]  # a counter of numpy is a whole number, too


@pytest.mark.filterwarnings("ignore")
def test_what_a_tracker_cannot_take_is_a_sentence_that_names_it(
    measured: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorboard", "wandb", "mlflow"):
        library(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TrackerError, match=r"^TensorBoard failed: .*file.*\. Name a folder that can be written"):
        TensorBoardLogger(tmp_path / "file").log(measured)
    with pytest.raises(TrackerError, match=r"^MLflow failed: .*127\.0\.0\.1.*whether its server runs"):
        MLflowLogger("0" * 32, tracking_uri="http://127.0.0.1:9").log(measured)
    with pytest.raises(TrackerError, match=r"^MLflow failed: "):
        MLflowLogger("0" * 32, tracking_uri="nonsense://x").log(measured)
    for wrong, make in (("int", lambda: WandbLogger(3)), ("dict", lambda: TensorBoardLogger({}))):
        with pytest.raises(WrongInputError, match=f"got {wrong}"):
            make()


def test_a_run_that_is_closed_is_a_sentence(measured: Evaluation) -> None:
    library("wandb")

    class Closed:
        def log(self, values: dict[str, float]) -> None:
            raise RuntimeError("Run is finished.\nMany more lines.")

    with pytest.raises(TrackerError, match=r"W&B failed: RuntimeError: Run is finished\. Is the run still open\?"):
        WandbLogger(Closed()).log(measured)
