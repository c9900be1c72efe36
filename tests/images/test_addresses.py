"""Images at an address: read by fsspec, copied once where the store says that they are the same, without secrets."""

from __future__ import annotations

import functools
import io
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from ganeval import Protocol, evaluate, fid
from ganeval.cli.main import main
from ganeval.core.uris import require_no_secret
from ganeval.errors import GanevalError, MissingFileError, WrongInputError
from ganeval.images import image_set

PIXELS = np.random.default_rng(5).integers(0, 256, (6, 5, 4), dtype=np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    store = fsspec.filesystem("memory")
    for row, pixels in enumerate(PIXELS):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        store.pipe(f"/bucket/{'cat' if row % 2 else 'ant'}/{row}.png", out.getvalue())
    yield store
    store.rm("/bucket", recursive=True)


def copies(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").rglob("*.png"))


def test_a_folder_in_a_store_reads_like_one_on_the_disk(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    memory.get("/bucket", str(tmp_path / "local"), recursive=True)
    there, here = image_set("memory://bucket"), image_set(tmp_path / "local")
    assert there.fingerprint == here.fingerprint
    assert there.class_names == ("ant", "cat")
    assert there.source == "memory://bucket"
    assert image_set(f"file://{tmp_path / 'local'}").fingerprint == here.fingerprint


def test_a_copy_is_made_again_when_the_store_says_that_a_file_is_another(
    memory: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    first = image_set("memory://bucket")
    assert image_set("memory://bucket").fingerprint == first.fingerprint
    assert len(copies(tmp_path)) == len(PIXELS)
    out = io.BytesIO()
    Image.fromarray(255 - PIXELS[0]).save(out, "PNG")
    memory.pipe("/bucket/ant/0.png", out.getvalue())
    assert image_set("memory://bucket").fingerprint != first.fingerprint


def test_an_archive_in_a_store_is_read(memory: fsspec.AbstractFileSystem) -> None:
    out = io.BytesIO()
    np.savez(out, PIXELS[..., None])
    memory.pipe("/bucket/samples.npz", out.getvalue())
    assert (image_set("memory://bucket/samples.npz").array()[:, 0] == PIXELS).all()


class Quiet(SimpleHTTPRequestHandler):
    def log_request(self, *_: object) -> None:
        pass

    def log_error(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "www").mkdir()
    np.savez(tmp_path / "www" / "samples.npz", PIXELS[..., None])
    for row, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(tmp_path / "www" / f"{row}.png")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "www")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_archive_on_a_web_server_is_read(web: str) -> None:
    pytest.importorskip("aiohttp")
    assert (image_set(f"{web}/samples.npz").array()[:, 0] == PIXELS).all()


def test_what_is_not_there_and_who_does_not_answer_is_a_sentence(web: str) -> None:
    pytest.importorskip("aiohttp")
    for address in (f"{web}/nothing.npz", "http://127.0.0.1:9/samples.npz", "memory://empty"):
        with pytest.raises(MissingFileError, match=f"{address}.* Check the address and the connection"):
            image_set(address)


def test_statistics_at_an_address_are_a_reference_of_that_name(web: str, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    rows = PIXELS.reshape(len(PIXELS), -1) / 255
    arrays = {"mu": rows.mean(axis=0), "sigma": np.cov(rows, rowvar=False)}
    np.savez(tmp_path / "www" / "stats.npz", **arrays)
    np.savez(tmp_path / "here.npz", **arrays)
    here = fid(str(tmp_path / "here.npz"), PIXELS, extractor="pixels")
    for address in (f"{web}/stats.npz", (tmp_path / "here.npz").as_uri()):
        assert float(fid(address, PIXELS, extractor="pixels")) == float(here)
    told = evaluate(f"{web}/stats.npz", PIXELS, extractor="pixels", metrics=("fid",), floor=False)
    assert told.real.source == f"{web}/stats.npz"


def test_errors_name_the_address_and_not_the_copy(web: str, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "www" / "page.zip").write_text("<html>")
    with pytest.raises(GanevalError, match=f"{web}/page.zip cannot be read as a zip file") as raised:
        image_set(f"{web}/page.zip")
    assert "copy" not in str(raised.value)


SECRET = "hunter2hunter2"
ADDRESSES = [
    f"https://me:{SECRET}@host/images.zip",
    f"s3://{SECRET}@bucket/images",
    f"https://host/images.zip?X-Amz-Signature={SECRET}",
    f"https://account.host/images?sv=2024&sig={SECRET}",
    f"https://host/images.zip?access_token={SECRET}",
    f"https://host/images.zip?{SECRET}{SECRET}",
    f"https://host/images.zip#token={SECRET}",
    f"https://host/images.zip?a=1;token={SECRET}",
    f"https://host/images.zip?code={SECRET}",
    f"https://host/images.zip?%74oken={SECRET}",
    f"https://host/stats.npz?Expires=1&Key-Pair-Id={SECRET}",
    f"sftp://me:{SECRET}@host/images",
    f"ftp://[{SECRET}/images",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address: str) -> None:
    for ask in (
        lambda: image_set(address),
        lambda: image_set([address]),
        lambda: Protocol(real=address),
        lambda: Protocol.parse({"train": address}, "ganeval.toml"),
        lambda: evaluate(address, PIXELS),
        lambda: evaluate(PIXELS, address),
    ):
        with pytest.raises(WrongInputError) as raised:
            ask()
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "before", [["report", "--out"], ["gate", "--json"], ["evaluate", "--real", "digits:test", "--fake"]]
)
def test_no_verb_repeats_a_secret(before: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*before, ADDRESSES[0]]) == 2
    assert main([*before[:-1], f"{before[-1]}={ADDRESSES[2]}"]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "address",
    ["https://host/get?file=images.zip&raw=1", "sftp://me@host/images", "hf://datasets/a/b@main/data", "hoda:test"],
)
def test_an_address_without_a_secret_is_fine(address: str) -> None:
    require_no_secret(address)


def test_a_scheme_that_nobody_knows_names_the_usual_ones() -> None:
    with pytest.raises(WrongInputError, match="https, s3, gs, hf"):
        image_set("gopher://host/images")


def test_a_package_that_a_store_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(GanevalError, match="s3fs"):
        image_set("s3://bucket/images")
