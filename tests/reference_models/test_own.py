"""Images of yours: trained on, judged and resumed like a registered data set; what does not fit is a sentence."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval.classifiers.judges import split_rows
from ganeval.cli.main import main as ganeval
from ganeval.errors import MissingFileError, TooFewSamplesError, WrongInputError
from ganeval.images import image_set
from ganeval.runs.readers.native import read_run
from reference_models.__main__ import main
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.own import fits
from reference_models.plumbing.system import SYSTEMS, open_sampler

QUICK = ("--profile", "smoke", "--device", "cpu", "--sample-per-class", "15", "--grids", "1", "--checkpoints", "1")


def images(n: int, shape: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes told apart by where the image is bright; uint8 (n, h, w, c) and labels (n,)."""
    c, h, w = shape
    rng, labels = np.random.default_rng(seed), np.arange(n) % 3
    pixels = rng.integers(0, 60, (n, h, w, c), dtype=np.uint8)
    for label in range(3):
        pixels[labels == label, label * h // 3 : (label + 1) * h // 3] += 150
    return pixels, labels


def picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path)


def folder(root: Path, n: int, shape: tuple[int, int, int], *, names: tuple[str, ...] = ("ant", "bee", "cat")) -> Path:
    for i, (pixels, label) in enumerate(zip(*images(n, shape), strict=True)):
        picture(root / names[label] / f"{i:04d}.png", pixels)
    return root


def flat(root: Path, n: int, shape: tuple[int, int, int]) -> Path:
    for i, pixels in enumerate(images(n, shape)[0]):
        picture(root / f"image{i:04d}.png", pixels)
    return root


def zipped(root: Path) -> Path:
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root).as_posix())
    return path


def tarred(root: Path) -> Path:
    path = root.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        archive.add(root, ".")
    return path


def npz(path: Path, n: int, shape: tuple[int, int, int], *, labelled: bool = True) -> Path:
    pixels, labels = images(n, shape)
    np.savez_compressed(path, arr_0=pixels, **({"arr_1": labels} if labelled else {}))
    return path


def trained(name: str, source: Path, out: Path, *flags: str) -> Path:
    assert main([name, *QUICK, "--dataset", str(source), "--out", str(out), *flags]) == 0
    return next(out.iterdir())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64)], ids=str)
@pytest.mark.parametrize("kind", ["folder", "zip", "npz"])
def test_the_same_images_are_the_same_data_whatever_they_are_kept_in(kind, shape, tmp_path):
    n = 60 if shape[1] < 64 else 51
    source = npz(tmp_path / "x.npz", n, shape) if kind == "npz" else folder(tmp_path / "x", n, shape)
    data = load_data(str(zipped(source) if kind == "zip" else source), seed=3)
    assert (data.native, len(data.class_names), data.labelled) == (shape, 3, True)
    assert data.test is not None
    parts = [data.images, data.held_images, data.test[0]]
    assert sum(map(len, parts)) == n
    assert len({image.numpy().tobytes() for part in parts for image in part}) == n
    bright = data.images.float().mean(dim=(1, 3)).unflatten(1, (3, -1) if shape[1] % 3 == 0 else (1, -1)).mean(-1)
    assert shape[1] % 3 or torch.equal(bright.argmax(1), data.labels)
    again, other = load_data(data.name, seed=3), load_data(data.name, seed=4)
    assert again.fingerprint == data.fingerprint != other.fingerprint


def test_one_command_trains_and_the_next_measures_with_a_judge_of_these_images(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("ganeval.classifiers.judges.STEPS", (40, 40))  # of a training that takes 200
    run = trained("projection_cgan", folder(tmp_path / "mine", 90, (3, 8, 8)), tmp_path / "runs", "--judge", "auto")
    assert capsys.readouterr().out.splitlines()[-1] == f"look at it: ganeval report {run.parent}"
    moved = run.rename(tmp_path / "elsewhere")
    record = read_run(moved)
    assert {key: Path(value).relative_to(moved).as_posix() for key, value in record.protocol.items()} == {
        "real": "data/test.npz",
        "train": "data/train.npz",
        "classifier": "data/judge.safetensors",
    }
    assert len(image_set(record.protocol["train"])) == 72
    out = tmp_path / "result.json"
    assert (
        ganeval(
            ["evaluate", "--fake", str(moved), "--metrics", "fid", "classifier_score", "copies", "--json", str(out)]
        )
        == 0
    )
    said = json.loads(out.read_text())
    assert said["classifier"].startswith("mine-cnn@")
    assert all(score["status"] == "ok" for score in said["scores"].values())
    card = json.loads((moved / "data/judge.json").read_text())
    assert card["accuracy"] > 0.5
    assert str(tmp_path) not in (moved / "data/judge.json").read_text()
    assert open_sampler(moved).classes == 3


PLUGIN = """
import numpy as np
from ganeval.datasets.dataset import Dataset, Split

def read(split, files):
    rng = np.random.default_rng(["train", "test"].index(split))
    labels = np.arange(90 if split == "train" else 30) % 3
    images = rng.integers(0, 60, (len(labels), 3, 8, 8), dtype=np.uint8)
    images[np.arange(len(labels)), labels] += 150
    return Split(images, labels)

DATASET = Dataset("shells", ("red", "green", "blue"), ("train", "test"), (3, 8, 8), "CC0", read)
"""


def test_a_data_set_of_a_plug_in_is_trained_on_and_judged_like_a_registered_one(tmp_path, monkeypatch):
    info = tmp_path / "site" / "shells-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "shells_of_ours.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shells\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganeval.datasets]\nshells = shells_of_ours\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr("ganeval.core.registry._CACHE", {})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("ganeval.classifiers.judges.STEPS", (40, 40))
    run = trained("projection_cgan", "shells", tmp_path / "runs", "--judge", "auto")
    out = tmp_path / "result.json"
    assert ganeval(["evaluate", "--fake", str(run), "--metrics", "classifier_score", "--json", str(out)]) == 0
    said = json.loads(out.read_text())
    assert said["classifier"].startswith("shells-cnn@")
    assert said["scores"]["classifier_score"]["status"] == "ok"
    assert read_run(run).protocol["real"] == "shells:test"


def test_images_without_labels_train_what_needs_none(tmp_path):
    run = trained("wgan_gp", flat(tmp_path / "mine", 60, (1, 16, 16)), tmp_path / "runs")
    record = read_run(run)
    assert set(record.protocol) == {"real", "train"}
    assert image_set(record.protocol["real"]).labels is None
    assert len(image_set(run)) == 15


@pytest.mark.parametrize("name", SYSTEMS.names())
def test_a_system_with_classes_refuses_images_without_labels_and_any_other_takes_them(name, tmp_path, capsys):
    source = npz(tmp_path / "x.npz", 60, (1, 8, 8), labelled=False)
    code = main([name, *QUICK, "--dataset", str(source), "--out", str(tmp_path / "runs")])
    error = capsys.readouterr().err
    if code:
        assert (code, (tmp_path / "runs").exists()) == (2, False)
        assert "has no labels. Put the images of each class into a folder" in error
    else:
        with np.load(next((tmp_path / "runs").glob("*/samples/eval/*.npz"))) as samples:
            assert "arr_1" not in samples


def refused(source: str | Path, *flags: str, system: str = "projection_cgan", tmp_path: Path, capsys) -> str:
    """The sentence; nothing may be left behind."""
    assert main([system, *QUICK, "--dataset", str(source), "--out", str(tmp_path / "runs"), *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("reference_models: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()
    return error


@pytest.mark.parametrize("few", [1, 2])
def test_a_class_of_too_few_images_is_named(few, tmp_path, capsys):
    source = folder(tmp_path / "x", 60, (1, 8, 8))
    for i in range(few):
        picture(source / "dog" / f"{i}.png", images(3, (1, 8, 8), seed=9)[0][i])
    assert f"class 3 of {source} has {few}" in refused(source, tmp_path=tmp_path, capsys=capsys)


def test_a_folder_of_twelve_images_is_too_few(tmp_path, capsys):
    said = refused(flat(tmp_path / "x", 12, (1, 8, 8)), system="wgan_gp", tmp_path=tmp_path, capsys=capsys)
    assert "must be at least 50 images, to learn from and to be judged on; got 12" in said


def test_grey_among_colour_names_the_image(tmp_path, capsys):
    source = flat(tmp_path / "x", 60, (3, 8, 8))
    picture(source / "image0030.png", images(3, (1, 8, 8))[0][0])
    assert "image0030.png" in refused(source, system="wgan_gp", tmp_path=tmp_path, capsys=capsys)


@pytest.mark.parametrize(
    ("shape", "nearest"), [((1, 1, 1), 8), ((1, 30, 30), 28), ((3, 32, 48), 32), ((1, 65, 65), 64), ((3, 400, 400), 64)]
)
def test_a_size_that_does_not_fit_says_which_resize_would_do(shape, nearest, tmp_path, capsys):
    source = folder(tmp_path / "x", 51, shape, names=("a", "b", "c"))
    said = refused(source, tmp_path=tmp_path, capsys=capsys)
    assert f"--resize {nearest} would make them {nearest} x {nearest}" in said
    assert load_data(str(source), resize=nearest).native == (shape[0], nearest, nearest)


def mixed(root: Path, channels: int = 3) -> Path:
    """60 images in three classes, no two neighbours of one size, none of them square."""
    for i in range(60):
        pixels, label = images(60, (channels, 9 + i % 5, 12 + i % 7))
        picture(root / "abc"[label[i]] / f"{i:02d}.png", pixels[i])
    return root


@pytest.mark.parametrize("pack", [Path, zipped, tarred], ids=["folder", "zip", "tar"])
def test_images_of_mixed_sizes_are_resized_each_by_itself_when_asked(pack, tmp_path, capsys):
    source = pack(mixed(tmp_path / "x"))
    said = refused(source, tmp_path=tmp_path, capsys=capsys)
    assert "must have one size" in said
    assert "--resize 8 would make each 8 x 8 (the middle square of each); nothing is resized unasked." in said
    data = load_data(str(source), resize=12)
    assert (data.native, data.class_names, data.labelled) == ((3, 12, 12), ("a", "b", "c"), True)
    one = images(60, (3, 9 + 12 % 5, 12 + 12 % 7))[0][12]  # 11 x 17: its middle square begins at column 3
    square = torch.from_numpy(one.transpose(2, 0, 1)[None, :, :, 3:14].copy()).float()
    resized = torch.nn.functional.interpolate(square, (12, 12), mode="bilinear", antialias=True).round().byte()
    assert data.test is not None
    parts = torch.cat([data.images, data.held_images, data.test[0]])
    assert (parts == resized).flatten(1).all(1).sum() == 1


def test_a_run_of_mixed_sizes_is_trained_and_resumed_with_the_resize_that_it_was_begun_with(tmp_path, capsys):
    source = mixed(tmp_path / "x", channels=1)
    run = trained("gan_mlp", source, tmp_path / "runs", "--resize", "8")
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "status": "stopped"}))
    assert main(["--resume", str(run)]) == 0
    assert image_set(run / "data" / "test.npz").shape == (1, 8, 8)


def test_grey_among_colour_of_mixed_sizes_is_refused_with_a_resize_too(tmp_path, capsys):
    source = mixed(tmp_path / "x")
    picture(source / "a" / "07.png", images(3, (1, 20, 20))[0][0])
    said = refused(source, "--resize", "8", tmp_path=tmp_path, capsys=capsys)
    assert "07.png is 20 x 20 with 1 channel" in said
    assert "all in colour" in said
    assert "--resize" not in said


def enormous(source: Path) -> Path:
    for i in range(51):
        file = source / f"image{i:02d}.png"
        picture(file, np.full((4000, 4000, 1), 5 * i, np.uint8)) if i < 2 else file.hardlink_to(source / "image01.png")
    return source


def test_enormous_pictures_are_refused_before_all_of_them_are_decoded(tmp_path):
    with pytest.raises(WrongInputError, match=r"are 4000 x 4000. --resize 64 would"):
        load_data(str(enormous(tmp_path / "x")))


@pytest.mark.study
def test_enormous_pictures_are_resized_a_few_at_a_time(tmp_path):
    source = enormous(tmp_path / "x")
    data = load_data(str(source), resize=8)
    assert data.native == (1, 8, 8)
    assert sorted(torch.cat([data.images, data.held_images, data.test[0]])[:, 0, 0, 0].tolist()) == [0, *[5] * 50]


@pytest.mark.parametrize(
    ("size", "said"), [("9", "halves evenly"), ("7", "halves evenly"), ("-1", "halves evenly"), ("128", "halves")]
)
def test_a_resize_that_no_trainer_can_halve_is_refused(size, said, tmp_path, capsys):
    source = npz(tmp_path / "x.npz", 51, (1, 8, 8))
    assert said in refused(source, "--resize", size, tmp_path=tmp_path, capsys=capsys)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("digits", "--resize", "16"), "--resize is for images of yours"),
        (("./nothing",), "There is no file or folder"),
        (("x.npz", "--judge", "autoo"), "autoo"),
        (("x.npz", "--dataset", "digits"), "--dataset was typed twice"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(flags, said, tmp_path, capsys, monkeypatch):
    npz(tmp_path / "x.npz", 51, (1, 8, 8))
    monkeypatch.chdir(tmp_path)
    assert said in refused(*flags, tmp_path=tmp_path, capsys=capsys)


def test_a_judge_without_labels_or_with_one_class_is_refused(tmp_path, capsys):
    plain = npz(tmp_path / "x.npz", 60, (1, 8, 8), labelled=False)
    assert "learns from labels" in refused(plain, "--judge", "auto", system="wgan_gp", tmp_path=tmp_path, capsys=capsys)
    one = tmp_path / "one.npz"
    np.savez(one, arr_0=images(60, (1, 8, 8))[0], arr_1=np.zeros(60, np.int64))
    assert "at least 2 classes" in refused(one, "--judge", "auto", tmp_path=tmp_path, capsys=capsys)


def test_a_run_that_was_ended_before_its_images_and_its_judge_were_kept_keeps_them_when_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("ganeval.classifiers.judges.STEPS", (4, 4))
    source = folder(tmp_path / "mine", 60, (1, 8, 8))
    with monkeypatch.context() as patch:
        patch.setattr("reference_models.plumbing.system.keep_with", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(["gan_mlp", *QUICK, "--dataset", str(source), "--out", str(tmp_path), "--judge", "auto"]) == 130
    run = next(tmp_path.glob("0001-*"))
    assert not (run / "data").exists()
    assert main(["--resume", str(run)]) == 0
    assert sorted(json.loads((run / "run.json").read_text())["protocol"]) == ["classifier", "real", "train"]
    assert len(image_set(run / "data" / "train.npz")) == 48


@pytest.mark.parametrize("change", ["more", "pixels", "labels", "gone"])
def test_images_that_changed_since_the_start_are_refused_and_nothing_is_lost(change, tmp_path, capsys):
    source = folder(tmp_path / "mine", 60, (1, 8, 8))
    run = trained("gan_mlp", source, tmp_path / "runs")
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "status": "stopped"}))
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    if change == "more":
        picture(source / "ant" / "new.png", images(3, (1, 8, 8), seed=5)[0][0])
    elif change == "pixels":
        picture(source / "ant" / "0000.png", images(3, (1, 8, 8), seed=5)[0][0])
    elif change == "labels":
        (source / "ant" / "0000.png").rename(source / "bee" / "0000.png")
    else:
        source.rename(tmp_path / "away")
    assert main(["--resume", str(run)]) == 2
    assert ("There is no file" if change == "gone" else "have changed since") in capsys.readouterr().err
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_shares_of_each_class_are_kept_apart_and_large_sets_hold_out_a_thousand():
    labels = np.repeat([0, 1], [30_000, 300])
    train, held, test = split_rows(labels, len(labels), 0)
    assert sorted(np.concatenate([train, held, test]).tolist()) == list(range(len(labels)))
    assert np.bincount(labels[test]).tolist() == [3000, 30]
    assert len(held) == pytest.approx(1000, abs=10)
    with pytest.raises(TooFewSamplesError):
        split_rows(None, 49, 0)


def test_sizes_that_fit_are_those_that_end_between_four_and_seven_pixels():
    assert [side for side in range(100) if fits(side)][:6] == [8, 10, 12, 14, 16, 20]
    assert all(fits(side) for side in (28, 32, 64))
    assert not fits(65)


def test_a_path_that_is_no_place_of_images_is_missing(tmp_path):
    with pytest.raises(MissingFileError):
        load_data(str(tmp_path / "nothing"))
