"""Finding, fetching and reading data files; damaged ones are refused by name."""

from __future__ import annotations

import gzip
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest

from ganeval.datasets import _read
from ganeval.datasets._search import data_cache, find_file
from ganeval.datasets.breastmnist import read_breastmnist
from ganeval.datasets.dataset import DATASETS, RemoteFile
from ganeval.datasets.mnist import read_idx, read_mnist
from ganeval.errors import MissingFileError, UnknownNameError, WrongInputError

HASH = "0" * 64
FILE = RemoteFile("set/file.bin", "https://example.invalid/file.bin", HASH, also=("file.bin",))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("GANEVAL_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "named", tmp_path / "cache" / "ganeval" / "data"


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refuse(*_args: object, **_options: object) -> None:
    raise OSError("no route to host")


def test_the_named_folder_comes_before_the_cache_and_both_before_the_network(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooch, "retrieve", refuse)
    named, cache = folders
    cached = put(cache / "set" / "file.bin")
    assert find_file(FILE) == cached
    other_name = put(named / "file.bin")
    assert find_file(FILE) == other_name
    own_name = put(named / "set" / "file.bin")
    assert find_file(FILE) == own_name


def test_a_missing_file_says_which_where_and_how(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(MissingFileError) as raised:
        find_file(FILE)
    text = str(raised.value)
    for part in ("set/file.bin", "file.bin would do too", *map(str, folders), FILE.url, "no route to host", "by hand"):
        assert part in text


def test_a_file_that_cannot_be_fetched_says_who_gives_it(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GANEVAL_DATA")
    with pytest.raises(MissingFileError, match=r"Train 60000\.cdb.*GANEVAL_DATA is not set.*non-commercial"):
        DATASETS["hoda"].load("train")


def test_a_download_is_kept_in_the_cache_and_checked_against_its_hash(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def retrieve(url: str, known_hash: str, *, fname: str, path: Path, progressbar: bool) -> str:
        asked.append((url, known_hash))
        return str(put(path / fname, b"content"))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert find_file(FILE) == folders[1] / "set" / "file.bin"
    assert find_file(FILE).read_bytes() == b"content"
    assert asked == [(FILE.url, f"sha256:{HASH}")]


class Served(BaseHTTPRequestHandler):
    """Answers every request with the same few bytes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"something else")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the test's output clean."""


def test_a_download_with_another_hash_is_refused_and_not_kept(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Served) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/file.bin"
        with pytest.raises(MissingFileError, match="hash"):
            find_file(RemoteFile("set/file.bin", url, HASH))
    assert not (folders[1] / "set" / "file.bin").exists()


def test_an_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"split of digits named 'tset'.*'test'"):
        DATASETS["digits"].load("tset")


def idx(shape: tuple[int, ...], data: bytes, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


def test_idx_is_read_plain_and_gzipped(tmp_path: Path) -> None:
    content = idx((2, 3), bytes(range(6)))
    assert read_idx(put(tmp_path / "a", content)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read_idx(put(tmp_path / "a.gz", gzip.compress(content, mtime=0))).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a", b"", "starts with nothing"),
        ("a", b"\x89PNG....", "it starts 89 50 4e 47"),
        ("a", idx((2, 3), bytes(6), kind=0x0D), "unsigned bytes"),
        ("a", idx((2, 3), bytes(5)), r"promises an array of shape \(2, 3\), 6 bytes; 5 bytes follow"),
        ("a", idx((2**31, 2**31, 2**31), bytes(5)), "truncated or damaged"),
        ("a", b"\0\0\x08\x03\0\0", "truncated or damaged"),
        ("a.gz", gzip.compress(idx((2, 3), bytes(6)), mtime=0)[:-9], "cannot be read"),
        ("a.gz", b"not gzip", "cannot be read"),
    ],
)
def test_a_damaged_idx_file_is_named(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match=words) as raised:
        read_idx(put(tmp_path / name, content))
    assert str(tmp_path / name) in str(raised.value)


def test_mnist_of_another_size_or_with_other_counts_is_refused(tmp_path: Path) -> None:
    names = [file.name for file in DATASETS["mnist"].files["test"]]
    labels = put(tmp_path / "labels", idx((2,), b"\1\2"))
    wide = put(tmp_path / "wide", idx((2, 28, 29), bytes(2 * 28 * 29)))
    with pytest.raises(WrongInputError, match=r"\(2, 28, 29\)"):
        read_mnist("test", dict(zip(names, (wide, labels), strict=True)))
    few = put(tmp_path / "few", idx((2, 28, 28), bytes(2 * 28 * 28)))
    with pytest.raises(WrongInputError, match="must hold 10,000 images"):
        read_mnist("test", dict(zip(names, (few, labels), strict=True)))
    three = put(tmp_path / "three", idx((3, 28, 28), bytes(3 * 28 * 28)))
    with pytest.raises(WrongInputError, match="one label per image; got 3 images, 2 labels"):
        read_mnist("test", dict(zip(names, (three, labels), strict=True)))


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    bomb = put(tmp_path / "bomb.gz", gzip.compress(bytes(3_000_000), mtime=0))
    with pytest.raises(WrongInputError, match="at most 1,000,000 bytes"):
        _read.read_bounded(bomb, 1_000_000)


def test_breastmnist_files_that_are_not_the_published_one_are_refused(tmp_path: Path) -> None:
    def read(save: Callable[[Path], object]) -> None:
        save(tmp_path / "b.npz")
        read_breastmnist("val", {"breastmnist/breastmnist.npz": tmp_path / "b.npz"})

    images, labels = np.zeros((4, 28, 28), np.uint8), np.zeros((4, 1), np.uint8)
    for save, words in [
        (lambda p: p.write_bytes(b"no zip"), "must be MedMNIST's npz"),
        (lambda p: np.savez(p, val_images=images), "val_labels"),
        (lambda p: np.savez(p, val_images=np.array([{}]), val_labels=labels), "allow_pickle=False"),
        (lambda p: np.savez(p, val_images=images[:, :14], val_labels=labels), r"uint8 images \(n, 28, 28\)"),
        (lambda p: np.savez(p, val_images=images, val_labels=labels), "must hold 78 images"),
        (lambda p: np.savez_compressed(p, val_images=np.zeros(20_000_000, np.uint8)), "unpacks to 20,000"),
    ]:
        with pytest.raises(WrongInputError, match=words):
            read(save)


def test_without_a_home_downloads_have_a_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert data_cache().name == "data"
