from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganeval import fid
from ganeval.cli.main import main
from ganeval.features.statistics import Statistics
from ganeval.images import image_set


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("stats")
    images = image_set("digits:train").array()[:, 0]
    files = []
    for name, part in (("a", images[:500]), ("b", images[500:])):
        np.save(place / f"{name}.npy", part)
        files.append(place / f"{name}.safetensors")
        assert (
            main(["stats", "make", str(place / f"{name}.npy"), "--extractor", "pixels", "--out", str(files[-1])]) == 0
        )
    return files[0], files[1]


def test_merged_parts_are_the_whole_as_a_reference(halves: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "all.safetensors"
    assert main(["stats", "merge", *map(str, halves), "--out", str(out)]) == 0
    assert Statistics.load(out).n == len(image_set("digits:train"))
    whole = fid("digits:train", "digits:test", extractor="pixels")
    assert fid(out, "digits:test") == pytest.approx(whole, rel=1e-8)


def test_a_part_that_is_named_twice_is_refused(
    halves: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "copied.safetensors"
    copied.write_bytes(halves[0].read_bytes())
    for twice in ((halves[0], halves[0]), (halves[0], halves[1], copied)):
        assert main(["stats", "merge", *map(str, twice), "--out", str(tmp_path / "all.safetensors")]) == 2
        assert "would count twice" in capsys.readouterr().err
        assert not (tmp_path / "all.safetensors").exists()


@pytest.mark.parametrize("name", ["pytorch-fid", "clean-fid", "edm"])
def test_converted_statistics_give_the_same_fid(
    halves: tuple[Path, Path], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ref.npz"
    assert main(["stats", "convert", str(halves[0]), "--to", name, "--out", str(out)]) == 0
    assert capsys.readouterr().out.split() == [str(out)]
    assert fid(out, "digits:test", extractor="pixels") == pytest.approx(fid(halves[0], "digits:test"), rel=1e-8)


def test_show_says_what_a_file_holds_and_what_it_does_not_say(
    halves: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "ref.npz", mu=np.zeros(3), sigma=np.eye(3))
    assert main(["stats", "show", str(halves[0])]) == 0
    assert main(["stats", "show", str(tmp_path / "ref.npz")]) == 0
    mine, theirs = capsys.readouterr().out.split("of  ")[1:]
    assert "500" in mine
    assert "pixels" in mine
    assert theirs.count("not said") == 3


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["make", "digits:test", "--out", "a.safetensors"], 2, "--extractor"),
        (["make", "digits:test", "--extractor", "pixels", "--out", "a.npz"], 2, ".safetensors"),
        (["merge", "--out", "a.safetensors"], 2, "Name the files"),
        (["show", "nothing.npz"], 5, "no file"),
        (["show", "images.npy"], 2, "ganeval stats make"),
        (["convert", "HALF", "--to", "adm", "--out", "a.npz"], 3, "spatial"),
        (["convert", "HALF", "--to", "pytorchfid", "--out", "a.npz"], 2, "Did you mean 'pytorch-fid'"),
        (["convert", "HALF", "--to", "plain", "--out", "a.npz"], 2, "pytorch-fid"),
        (["convert", "HALF", "--to", "edm", "--out", "a.txt"], 2, ".npz"),
    ],
)
def test_wrong_use_is_one_sentence_with_its_remedy(
    halves: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", np.zeros((3, 8, 8), np.uint8))
    assert main(["stats", *(str(halves[0]) if word == "HALF" else word for word in typed)]) == code
    assert said in capsys.readouterr().err


def test_show_reads_a_folder_of_parts_and_says_that_another_folder_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in (1, 2):
        assert (
            main(["embed", "digits:test", "--part", f"{part}/2", "--extractor", "pixels", "--out", str(tmp_path)]) == 0
        )
    assert main(["stats", "show", str(tmp_path)]) == 0
    assert "mean and covariance, rows" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["stats", "show", str(tmp_path / "empty")]) == 2
    assert "ganeval stats make" in capsys.readouterr().err


@pytest.mark.parametrize("no", ["False", "false"])
def test_an_error_is_left_out_in_either_spelling_of_no(no: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--metrics", "fid", "--options", f"fid.se={no}", "--no-floor", "--extractor", "pixels"]
    assert main(["evaluate", "--real", "digits:test", "--fake", "digits:train", *asked]) == 0
    assert "+-" not in capsys.readouterr().out
