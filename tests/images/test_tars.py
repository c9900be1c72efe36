"""Tar files and webdataset shards: the same images and labels as the folder that they were made of."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import Image

from ganeval.errors import GanevalError, WrongInputError
from ganeval.images import image_set

RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 256, (12, 5, 4), dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def shards(folder: Path, *, classes: bool = True) -> Path:
    """Three shards by webdataset's own writer."""
    folder.mkdir()
    with webdataset.ShardWriter(str(folder / "set-%03d.tar"), maxcount=4, verbose=0) as out:
        for row, pixels in enumerate(PIXELS):
            sample = {"__key__": f"{row:06d}", "png": png(pixels), "json": {"caption": "a digit"}}
            out.write(sample | ({"cls": row % 3} if classes else {}))
    return folder


def test_shards_of_webdataset_are_one_set_with_its_classes(tmp_path: Path) -> None:
    folder = shards(tmp_path / "set")
    for source in (folder, str(folder / "set-{000..002}.tar")):
        opened = image_set(source)
        assert (opened.array()[:, 0] == PIXELS).all()
        assert opened.labels is not None
        assert opened.labels.tolist() == [row % 3 for row in range(12)]


def test_shards_without_classes_have_no_labels(tmp_path: Path) -> None:
    assert image_set(shards(tmp_path / "set", classes=False)).labels is None


def test_one_tar_of_class_folders_reads_like_the_folder(tmp_path: Path) -> None:
    for row, pixels in enumerate(PIXELS):
        place = tmp_path / "folder" / ("ant", "bee")[row % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{row}.png").write_bytes(png(pixels))
    with tarfile.open(tmp_path / "packed.tar", "w") as archive:
        archive.add(tmp_path / "folder", arcname=".")
    apart, packed = image_set(tmp_path / "folder"), image_set(tmp_path / "packed.tar")
    assert packed.fingerprint == apart.fingerprint
    assert packed.class_names == apart.class_names == ("ant", "bee")


def test_a_sample_without_a_class_among_others_is_named(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"1.png": png(PIXELS[0]), "1.cls": b"0", "2.png": png(PIXELS[1])})
    with pytest.raises(WrongInputError, match=r"2\.png .* has no \.cls"):
        image_set(path)


def test_a_file_that_belongs_to_no_image_is_named(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"1.png": png(PIXELS[0]), "notes.txt": b"?"})
    with pytest.raises(WrongInputError, match=r"notes\.txt"):
        image_set(path)


def with_member(change: Callable[[tarfile.TarInfo], None]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with tarfile.open(folder / "a.tar", "w") as archive:
            info = tarfile.TarInfo("0.png")
            info.size = len(png(PIXELS[0]))
            change(info)
            archive.addfile(info, io.BytesIO(png(PIXELS[0])))
        return folder / "a.tar"

    return make


def as_link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def cut(folder: Path) -> Path:
    path = tar(folder / "a.tar", {"0.png": bytes(3000)})
    path.write_bytes(path.read_bytes()[:2000])
    return path


def damaged(folder: Path) -> Path:
    path = tar(folder / "a.tar", {"0.png": png(PIXELS[0])})
    path.write_bytes(b"x" * 200 + path.read_bytes()[200:])
    return path


def cut_between(folder: Path) -> Path:
    """Half a header is the end, says tarfile."""
    path = tar(folder / "a.tar", {"0.png": png(PIXELS[0]), "1.png": png(PIXELS[1])})
    path.write_bytes(path.read_bytes()[: 2 * tarfile.BLOCKSIZE + 100])
    return path


def damaged_within(folder: Path) -> Path:
    path = tar(folder / "a.tar", {"0.png": png(PIXELS[0]), "1.png": png(PIXELS[1])})
    whole = bytearray(path.read_bytes())
    whole[2 * tarfile.BLOCKSIZE : 2 * tarfile.BLOCKSIZE + 100] = b"x" * 100
    path.write_bytes(whole)
    return path


def joined(folder: Path) -> Path:
    """Of two archives one behind the other the second is never read."""
    parts = [tar(folder / f"{row}.tar", {f"{row}.png": png(PIXELS[row])}).read_bytes() for row in range(2)]
    (folder / "a.tar").write_bytes(b"".join(parts))
    return folder / "a.tar"


def padded(folder: Path) -> Path:
    """A hole of a terabyte behind the end takes no place on the disk, and an hour to read."""
    path = tar(folder / "a.tar", {"0.png": png(PIXELS[0])})
    os.truncate(path, 2**40)
    return path


def with_header(kind: bytes) -> Callable[[Path], Path]:
    """A name or a list of attributes that claims to be of 30 GiB."""

    def make(folder: Path) -> Path:
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, 30 * 2**30
        (folder / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT))
        os.truncate(folder / "a.tar", 40 * 2**30)
        return folder / "a.tar"

    return make


@pytest.mark.parametrize(
    "make",
    [
        padded,
        with_header(tarfile.GNUTYPE_LONGNAME),
        with_header(tarfile.XHDTYPE),
        cut_between,
        damaged_within,
        joined,
        with_member(as_link),
        with_member(lambda info: setattr(info, "name", "../0.png")),
        with_member(lambda info: setattr(info, "name", "/0.png")),
        lambda folder: tar(folder / "a.tar", {"0.png": png(PIXELS[0]), "0.cls": b"cat"}),
        lambda folder: tar(folder / "a.tar", {}),
        cut,
        damaged,
        lambda folder: tar(folder / "a.tar.gz", {"0.png": png(PIXELS[0])}),
    ],
    ids=[
        "padded",
        "endless name",
        "endless attributes",
        "cut between",
        "damaged within",
        "joined",
        "link",
        "outside",
        "root",
        "class",
        "empty",
        "cut",
        "damaged",
        "packed",
    ],
)
def test_what_is_wrong_with_a_tar_file_is_a_sentence_about_it(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    with pytest.raises(GanevalError, match=r"a\.tar"):
        image_set(path)


def test_a_shard_that_changes_while_it_is_kept_is_named(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"0.png": png(PIXELS[0])})
    opened = image_set(path)
    tar(path, {"0.png": png(PIXELS[1])})
    with pytest.raises(WrongInputError, match="has changed"):
        opened.array()


@pytest.mark.parametrize("braces", ["{0..99999999999}", "{9999999..0..3}", "{0..999}-{0..999}", "{0..99}{a,b}{0..999}"])
def test_a_pattern_of_endless_shards_is_refused(braces: str, tmp_path: Path) -> None:
    with pytest.raises(GanevalError, match="more than 100,000 files"):
        image_set(tmp_path / f"a-{braces}.tar")


def test_samples_of_several_images_are_not_mixed_into_one_set(tmp_path: Path) -> None:
    files = {f"{row:06d}.{kind}.png": png(PIXELS[row]) for row in range(3) for kind in ("real", "fake")}
    with pytest.raises(WrongInputError, match=r"holds several images: fake\.png, real\.png"):
        image_set(tar(tmp_path / "a.tar", files))
    dotted = {f"img.{row}.png": png(PIXELS[row]) for row in range(3)}
    assert len(image_set(tar(tmp_path / "b.tar", dotted))) == 3
