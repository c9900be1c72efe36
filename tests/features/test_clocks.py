"""Many files to which nobody has written since are not read again; whatever was written to them is noticed."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval import image_set
from ganeval.classifiers import wrap
from ganeval.core import notes
from ganeval.core.compute import Compute
from ganeval.errors import MixedSizesError
from ganeval.features import known
from ganeval.features.extraction import extract
from ganeval.images import encoded, files, stamps
from ganeval.images.stamps import Stamps

N = 24
PIXELS = np.random.default_rng(3).integers(0, 256, (N, 4, 4), dtype=np.uint8)


def bmp(pixels: np.ndarray) -> bytes:
    """Of one size whatever it shows: only the clocks tell one from another."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def folder(path: Path) -> Any:
    (path / "s").mkdir()
    for i, image in enumerate(PIXELS):
        (path / "s" / f"{i:04}.bmp").write_bytes(bmp(image))
    return path / "s"


def listed(path: Path) -> Any:
    return sorted(folder(path).iterdir())


def archive(path: Path) -> Any:
    with zipfile.ZipFile(path / "s.zip", "w") as file:
        for i, image in enumerate(PIXELS):
            file.writestr(f"{i:04}.bmp", bmp(image))
    return path / "s.zip"


def shards(path: Path) -> Any:
    with tarfile.open(path / "s.tar", "w") as file:
        for i, image in enumerate(PIXELS):
            info = tarfile.TarInfo(f"{i:04}.bmp")
            info.size = len(bmp(image))
            file.addfile(info, io.BytesIO(bmp(image)))
    return path / "s.tar"


def table(path: Path) -> Any:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    column = [{"bytes": bmp(image), "path": None} for image in PIXELS]
    parquet.write_table(pyarrow.table({"image": column}), path / "s.parquet", row_group_size=10)
    return path / "s.parquet"


@pytest.fixture(autouse=True)
def cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for room in (files, known):
        monkeypatch.setattr(room, "MANY", N)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files need not lie still for two seconds before their clocks are believed."""
    monkeypatch.setattr(stamps, "SETTLED", 0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each header and each file that is read."""
    seen: list[str] = []
    header, content = files.header, encoded.Encoded._bytes
    monkeypatch.setattr(files, "header", lambda data, where: (seen.append(where), header(data, where))[1])
    monkeypatch.setattr(encoded.Encoded, "_bytes", lambda self, row: (seen.append(str(row)), content(self, row))[1])
    return seen


@pytest.fixture(scope="module")
def judge() -> Any:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
    made = wrap(net, name="mine", preprocess=lambda x: x[:, :1] / 255, preprocessing="x", class_names="abc", layer="1")
    object.__setattr__(made, "weights_sha256", "ab" * 32)
    return made


@pytest.mark.parametrize("kind", [folder, listed, archive, shards, table])
def test_many_files_that_nobody_wrote_to_are_not_read_again(
    kind: Callable[[Path], Any], settled: None, read: list[str], judge: Any, tmp_path: Path
) -> None:
    where = kind(tmp_path)
    first = extract(image_set(where), judge)
    assert len(read) >= 2 * N  # every header, and every file
    read.clear()
    again = extract(image_set(where), judge)
    assert len(read) <= 3  # what the network is recognised by
    assert torch.equal(first.embeddings, again.embeddings)
    assert first.passport == again.passport


def _other(path: Path) -> bytes:
    return bmp(255 - np.asarray(Image.open(path)))


def written_in_place_and_its_time_set_back(path: Path) -> None:
    before, data = path.stat(), _other(path)
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    before = path.stat()
    (path.parent.parent / "new").write_bytes(_other(path))
    os.utime(path.parent.parent / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (path.parent.parent / "new").replace(path)


def removed_and_written(path: Path) -> None:
    data = _other(path)
    path.unlink()
    path.write_bytes(data)


def exchanged_with_its_neighbour(path: Path) -> None:
    other, aside = path.parent / "0008.bmp", path.parent.parent / "aside"
    path.rename(aside)
    other.rename(path)
    aside.rename(other)


def made_a_link_to_its_neighbour(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "0008.bmp")


def removed(path: Path) -> None:
    path.unlink()


def one_more(path: Path) -> None:
    (path.parent / "9999.bmp").write_bytes(_other(path))


@pytest.mark.parametrize(
    "change",
    [
        written_in_place_and_its_time_set_back,
        replaced,
        removed_and_written,
        exchanged_with_its_neighbour,
        made_a_link_to_its_neighbour,
        removed,
        one_more,
    ],
)
def test_whatever_was_written_is_noticed(
    change: Callable[[Path], None], settled: None, judge: Any, tmp_path: Path
) -> None:
    where = folder(tmp_path)
    before = extract(image_set(where), judge)
    assert extract(image_set(where), judge).passport == before.passport
    change(where / "0007.bmp")
    after = extract(image_set(where), judge)
    assert after.passport.fingerprint != before.passport.fingerprint
    assert torch.equal(after.embeddings, extract(image_set(where), judge, compute=Compute(cache=False)).embeddings)


def test_an_image_of_another_size_is_noticed(settled: None, tmp_path: Path) -> None:
    where = folder(tmp_path)
    assert image_set(where).shape == image_set(where).shape == (1, 4, 4)
    (where / "0007.bmp").write_bytes(bmp(np.zeros((4, 5), dtype=np.uint8)))
    with pytest.raises(MixedSizesError, match=r"0007\.bmp is 4 x 5"):
        image_set(where)


def test_a_link_to_another_folder_is_another_set(settled: None, judge: Any, tmp_path: Path) -> None:
    where = folder(tmp_path)
    (tmp_path / "t").mkdir()
    for path in where.iterdir():
        (tmp_path / "t" / path.name).write_bytes(_other(path))
    (tmp_path / "newest").symlink_to(where)
    before = extract(image_set(tmp_path / "newest"), judge)
    (tmp_path / "newest").unlink()
    (tmp_path / "newest").symlink_to(tmp_path / "t")
    after = extract(image_set(tmp_path / "newest"), judge)
    assert not torch.equal(before.embeddings, after.embeddings)


def test_what_was_written_a_moment_ago_is_not_told_by_its_clocks(read: list[str], judge: Any, tmp_path: Path) -> None:
    where = folder(tmp_path)
    extract(image_set(where), judge)
    read.clear()
    extract(image_set(where), judge)
    assert len(read) >= 2 * N


def test_of_a_few_files_every_one_is_read(settled: None, read: list[str], judge: Any, tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "0003.bmp").unlink()
    extract(image_set(where), judge)
    read.clear()
    extract(image_set(where), judge)
    assert len(read) >= 2 * (N - 1)


def test_once_they_lie_still_they_are(
    read: list[str], judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = folder(tmp_path)
    extract(image_set(where), judge)
    monkeypatch.setattr(stamps, "SETTLED", 0)
    extract(image_set(where), judge)
    read.clear()
    extract(image_set(where), judge)
    assert len(read) <= 3


def _clocks(where: Path) -> str:
    names = sorted(path.name for path in where.iterdir())
    return Stamps("s", names, lambda name: where / name).clocks(names)


def test_clocks_that_promise_nothing_are_not_believed(
    settled: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    where = folder(tmp_path)
    assert _clocks(where) == _clocks(where) != ""
    monkeypatch.setattr(stamps, "SETTLED", 3600 * 10**9)
    assert not _clocks(where)
    monkeypatch.setattr(stamps, "SETTLED", 0)
    monkeypatch.setattr(stamps, "KNOWN_CLOCKS", False)  # as on Windows
    assert not _clocks(where)
    monkeypatch.setattr(stamps, "KNOWN_CLOCKS", True)
    look = stamps._look

    def made_at_once(path: str) -> os.stat_result:
        found = look(path)
        assert found is not None
        return os.stat_result(tuple(found)[:10], {"st_mtime_ns": 1, "st_ctime_ns": 10**9})

    monkeypatch.setattr(stamps, "_look_afresh", made_at_once)  # an image of a file system, with one time for all
    assert not _clocks(where)


def test_a_note_that_is_damaged_or_another_ones_is_not_believed(
    settled: None, read: list[str], judge: Any, tmp_path: Path
) -> None:
    where = folder(tmp_path)
    first = extract(image_set(where), judge)
    kept = sorted((tmp_path / "cache").rglob("notes/*.json"))
    assert len(kept) == 4  # the shape, and the content: by names, bytes and clocks
    for path in kept:
        path.write_text(path.read_text().replace('"fact"', '"fact" '))  # still good
    for path, text in zip(kept, ("", "[]", "{", kept[0].read_text()), strict=True):
        path.write_text(text)
    read.clear()
    assert torch.equal(extract(image_set(where), judge).embeddings, first.embeddings)
    assert len(read) >= 2 * N


def test_a_fact_that_was_changed_in_its_note_is_not_believed() -> None:
    notes.note("k", "old")
    assert notes.recall("k") == "old"
    (path,) = notes.cache_root().rglob("notes/*.json")
    good = path.read_text()
    for damaged in (good.replace('"old"', '"new"'), good.replace('"old"', "NaN"), '{"fact": ' * 5000, "7", '"k"'):
        path.write_text(damaged)
        assert notes.recall("k") is None
    path.write_text(good)
    assert notes.recall("k") == "old"


def test_the_notes_that_were_used_longest_ago_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST", 3)
    for age, key in enumerate("dcba"):
        notes.note(key, key)
        os.utime(notes.cache_root() / "notes" / f"{key}.json", (1000 + age, 1000 + age))
    assert notes.recall("c") == "c"  # used now
    notes.note("e", "e")
    assert [key for key in "abcde" if notes.recall(key)] == ["a", "c", "e"]


def test_where_nothing_can_be_noted_the_answer_is_the_same(judge: Any, tmp_path: Path) -> None:
    where = folder(tmp_path)
    (tmp_path / "cache").write_text("a file where the cache would be")
    assert len(extract(image_set(where), judge)) == N
