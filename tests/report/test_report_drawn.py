"""Whatever is a sample of a run has its picture on the run's card and in the panel of samples."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.cli.main import report_main
from ganeval.datasets.dataset import DATASETS
from ganeval.report import build_report
from ganeval.runs.discovery import Found, find_runs
from studies.folders.__main__ import KINDS, found_in
from studies.folders.kind import Kind, digits, save, sheet, sheets, text

pytestmark = pytest.mark.usefixtures("words_only")

REAL = ("--real", "digits:test", "--classifier", "digits")
EVENTS = "events.out.tfevents.1700000000.host"


def _csv(run: Path) -> None:
    text(run / "training_log.csv", "step,loss_g\n0,1.5\n100,1.25\n")


def _printed(run: Path) -> None:
    text(run / "train.log", "\n".join(f"[Epoch {e}/3] [Batch 1/2] [D loss: 0.{e}] [G loss: 1.{e}]" for e in range(3)))


def _lightning(run: Path) -> None:
    text(run / "metrics.csv", "epoch,step,loss\n0,1,0.5\n1,2,0.4\n")
    text(run / "hparams.yaml", "lr: 0.1\n")


def _stylegan(run: Path) -> None:
    text(run / "training_options.json", '{"training_set_kwargs": {"resolution": 8}}')
    text(run / "stats.jsonl", '{"Progress/kimg": {"mean": 4.0}, "Loss/G/loss": {"mean": 1.0}}\n')


def _progress(run: Path) -> None:
    text(run / "progress.csv", "loss,step\n1.0,10\n0.5,20\n")


LOGS = {"csv": _csv, "printed": _printed, "lightning": _lightning, "stylegan": _stylegan, "progress": _progress}


def _single(place: Path) -> None:
    save(place, [f"{i}.png" for i in range(80)], digits(80))


def _classes(place: Path) -> None:
    for label in range(10):
        rows = np.flatnonzero(DATASETS["digits"].load("train").labels == label)[:10]
        save(place / str(label), [f"{i}.png" for i in range(10)], digits(1797)[rows])


def _steps(place: Path) -> None:
    for epoch in (1, 2):
        save(place / f"epoch_{epoch:02d}", [f"sample_{i}.png" for i in range(60)], digits(60, 60 * epoch))


def _npz(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(place / "samples_80x8x8x1.npz", digits(80)[..., None])


def _npy(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    np.save(place / "generated.npy", digits(80))


def _zip(place: Path) -> None:
    _single(place / "in")
    with zipfile.ZipFile(place / "samples.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((place / "in").iterdir()):
            archive.write(path, path.name)
            path.unlink()
    (place / "in").rmdir()


def _tar(place: Path) -> None:
    _single(place / "in")
    with tarfile.open(place / "samples.tar", "w") as archive:
        for path in sorted((place / "in").iterdir()):
            archive.add(path, path.name)
            path.unlink()
    (place / "in").rmdir()


def _sheets(place: Path) -> None:
    sheets(place, ["0.png", "100.png"])


def _one_sheet(place: Path) -> None:
    save(place, ["sample_grid.png"], sheet(8, 8)[None])


SAMPLES = (_single, _classes, _steps, _npz, _npy, _zip, _tar, _sheets, _one_sheet)


def _section(page: str, name: str) -> str:
    return page[page.index(f'<section id="{name}"') :].split("</section>", maxsplit=1)[0]


def _undrawn(found: Found, page: str) -> list[str]:
    """The runs with pictures or samples that the page does not show, and where they are missing."""
    missing = []
    for i, run in enumerate(found.runs):
        if not (run.samples or run.grids):
            continue
        card = page[page.index(f'id="run-{i}"') :].split("</article>", maxsplit=1)[0]
        missing += [f"{run.id}: card"] if '<span class="strip' not in card else []
        missing += [f"{run.id}: panel"] if f'id="samples-{i}"' not in _section(page, "samples") else []
    return missing


PLACES = [
    pytest.param(
        log, place, marks=[] if (log, place) == ("csv", "samples") else [pytest.mark.study], id=f"{log}-{place}"
    )
    for log in ("csv", "lightning")
    for place in ("samples", "generated", "")
]


@pytest.mark.parametrize(("log", "place"), PLACES)
@pytest.mark.parametrize("samples", SAMPLES, ids=lambda write: write.__name__[1:])
def test_samples_beside_a_log_are_found_and_seen(
    log: str, samples: Callable[[Path], None], place: str, tmp_path: Path
) -> None:
    if not place and samples is _classes:
        pytest.skip("folders 0 ... 9 beside a log may be anything")
    run = tmp_path / "runs" / "version_0"
    LOGS[log](run)
    samples(run / place)
    found = find_runs(tmp_path / "runs", size=(8, 8))
    assert [bool(run.curves) for run in found.runs] == [True]
    assert found.runs[0].samples or found.runs[0].grids
    assert _undrawn(found, build_report(found, out=tmp_path / "r.html").path.read_text()) == []


@pytest.mark.parametrize("log", LOGS)
def test_samples_below_the_folder_of_any_trainer_are_found(log: str, tmp_path: Path) -> None:
    LOGS[log](tmp_path / "version_0")
    _classes(tmp_path / "version_0" / "samples")
    (run,) = find_runs(tmp_path).runs
    assert run.curves
    assert [len(list(one.files) or [one.path]) for one in run.samples]


EVERYDAY = (
    "class and index",
    "folders of classes",
    "folders of epochs",
    "channels first",
    "samples as zip",
    "a tensor",
)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind, marks=[] if kind.name in EVERYDAY else [pytest.mark.study], id=re.sub(r"\W+", "-", kind.name)
        )
        for kind in KINDS
    ],
)
def test_every_kind_of_folder_shows_what_it_holds(kind: Kind, tmp_path: Path) -> None:
    kind.write(tmp_path / "run")
    found = found_in(kind, tmp_path / "run")
    page = build_report(found, out=tmp_path / "r.html").path.read_text()
    if any(str(samples.path).endswith(".pt") for run in found.runs for samples in run.samples):
        assert "samples.pt are shown once they are measured" in page
    else:
        assert _undrawn(found, page) == []


def test_what_was_measured_is_seen_whatever_it_lies_in(tmp_path: Path) -> None:
    """A log and a folder of pictures, and a tensor that nothing but the evaluation opens."""
    import torch

    _csv(tmp_path / "runs" / "a")
    _single(tmp_path / "runs" / "a" / "samples")
    _csv(tmp_path / "runs" / "b")
    torch.save(torch.from_numpy(digits(80)[:, None].copy()), tmp_path / "runs" / "b" / "samples.pt")
    assert report_main([str(tmp_path / "runs"), "--out", str(tmp_path / "r.html"), *REAL]) == 0
    found = find_runs(tmp_path / "runs")
    assert [len(run.evaluations) for run in found.runs] == [1, 1]
    assert _undrawn(found, (tmp_path / "r.html").read_text()) == []


def test_measured_samples_are_seen_beside_the_pictures_of_the_training(tmp_path: Path) -> None:
    _csv(tmp_path / "run")
    _sheets(tmp_path / "run" / "images")
    _npz(tmp_path / "run")
    found = find_runs(tmp_path)
    section = _section(build_report(found, out=tmp_path / "r.html").path.read_text(), "samples")
    assert 'id="samples-0"' in section
    assert 'id="measured-0"' in section
    assert "64 of 80 images" in section


def test_a_damaged_sample_costs_its_own_picture(tmp_path: Path) -> None:
    _csv(tmp_path / "run")
    _single(tmp_path / "run" / "samples")
    (tmp_path / "run" / "samples" / "0.png").write_bytes(b"no picture")
    found = find_runs(tmp_path)
    assert _undrawn(found, build_report(found, out=tmp_path / "r.html").path.read_text()) == []


@pytest.mark.parametrize("kind", ["cut", "no uint8", "a pipe of a name"])
def test_samples_that_cannot_be_looked_into_are_a_sentence(kind: str, tmp_path: Path) -> None:
    from ganeval.report.glimpse import glimpse_of
    from ganeval.report.pictures import BrokenPictureError
    from ganeval.runs.record import SampleSet

    path = tmp_path / "samples.npz"
    if kind == "cut":
        np.savez_compressed(path, np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[:-900])
    elif kind == "no uint8":
        np.savez(path, np.zeros((80, 8, 8), np.float32))
    with pytest.raises(BrokenPictureError, match=r"samples\.npz"):
        glimpse_of(SampleSet(0, path))


def test_a_look_is_spread_over_the_whole_set(tmp_path: Path) -> None:
    from ganeval.report.glimpse import glimpse_of
    from ganeval.runs.record import SampleSet

    images = np.repeat(np.arange(200, dtype=np.uint8), 64).reshape(200, 8, 8)
    np.savez(tmp_path / "a.npz", images)
    np.save(tmp_path / "a.npy", images)
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i:03d}.png")
    files = tuple(sorted(tmp_path.glob("*.png")))
    for samples in (SampleSet(0, tmp_path / "a.npz"), SampleSet(0, tmp_path / "a.npy"), SampleSet(0, tmp_path, files)):
        found = glimpse_of(samples)
        assert (found.of, len(found.tiles)) == (200, 64)
        assert (found.tiles[0, 0, 0], found.tiles[-1, 0, 0]) == (0, 199)


def test_rows_are_classes_where_the_evaluation_has_as_many(tmp_path: Path) -> None:
    from ganeval.report.glimpse import glimpse_of
    from ganeval.runs.record import SampleSet

    save(tmp_path, [f"{i % 10}_{i // 10}.png" for i in range(200)], digits(200))
    files = tuple(sorted(tmp_path.glob("*.png")))
    samples = SampleSet(0, tmp_path, files, tuple(int(path.name[0]) for path in files))
    assert glimpse_of(samples, classes=10).labels == tuple(label for label in range(10) for _ in range(8))
    assert glimpse_of(samples, classes=20).labels == ()
