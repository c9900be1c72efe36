"""Every image file is decoded once, whatever kind of set it is in,
and results belong to the bytes that were decoded.
"""

from __future__ import annotations

import io
import tarfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, PngImagePlugin

from ganeval import image_set
from ganeval.classifiers import wrap
from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded
from ganeval.errors import WrongInputError
from ganeval.features.extraction import extract
from ganeval.features.feed import feed
from ganeval.images.strict import strict
from ganeval.measure.measure import measure
from ganeval.records.protocol import Protocol

N = 60
PIXELS = np.random.default_rng(3).integers(0, 256, (N, 8, 8), dtype=np.uint8)
HOW = [Compute(cache=False, workers=0), Compute(cache=True), Compute(cache=True, workers=3, batch_size=9)]


def encoded(pixels: np.ndarray, how: str) -> bytes:
    buffer = io.BytesIO()
    if how == "rgba":
        pixels = np.stack([pixels, pixels, 255 - pixels, np.full_like(pixels, 255)], axis=-1)
    image = Image.fromarray(pixels)
    (image.quantize(64) if how == "palette" else image).save(buffer, "JPEG" if how == "jpeg" else "PNG")
    return buffer.getvalue()


def folder(path: Path, how: str = "grey", pixels: np.ndarray = PIXELS) -> Any:
    (path / "s").mkdir(exist_ok=True)
    for i, image in enumerate(pixels):
        (path / "s" / f"{i:03}.{'jpg' if how == 'jpeg' else 'png'}").write_bytes(encoded(image, how))
    return path / "s"


def archive(path: Path, how: str = "grey") -> Any:
    with zipfile.ZipFile(path / "s.zip", "w") as file:
        for i, image in enumerate(PIXELS):
            file.writestr(f"{i:03}.png", encoded(image, how))
    return path / "s.zip"


def paths(path: Path, how: str = "grey") -> Any:
    return sorted(folder(path, how).iterdir())


def shards(path: Path, how: str = "grey") -> Any:
    with tarfile.open(path / "s.tar", "w") as file:
        for i, image in enumerate(PIXELS):
            data = encoded(image, how)
            info = tarfile.TarInfo(f"{i:03}.png")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path / "s.tar"


def table(path: Path, how: str = "grey") -> Any:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    column = [{"bytes": encoded(image, how), "path": None} for image in PIXELS]
    parquet.write_table(pyarrow.table({"image": column}), path / "s.parquet", row_group_size=7)
    return path / "s.parquet"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each image whose pixels were decoded."""
    seen: list[int] = []
    load = ImageFile.ImageFile.load

    def counted(self: ImageFile.ImageFile) -> Any:
        if getattr(self, "_im", None) is None:
            seen.append(1)
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    return seen


@pytest.fixture(autouse=True)
def cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def judge() -> Any:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.LazyLinear(3))
    net(torch.zeros(1, 1, 8, 8))
    made = wrap(net, name="mine", preprocess=lambda x: x[:, :1] / 255, preprocessing="x", class_names="abc", layer="1")
    object.__setattr__(made, "weights_sha256", "ab" * 32)
    return made


@pytest.mark.parametrize("compute", HOW, ids=["no cache", "cache", "cache and threads"])
@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (folder, "grey"),
        (folder, "rgba"),
        (folder, "palette"),
        (folder, "jpeg"),
        (archive, "grey"),
        (paths, "grey"),
        (shards, "grey"),
        (table, "grey"),
    ],
)
def test_a_file_is_decoded_once(
    kind: Callable[..., Any], how: str, compute: Compute, decoded: list[int], judge: Any, tmp_path: Path
) -> None:
    where = kind(tmp_path, how)
    decoded.clear()
    found = extract(image_set(where), judge, compute=compute)
    assert len(decoded) == N
    assert found.passport.fingerprint == image_set(where).fingerprint


@pytest.mark.parametrize("kind", [folder, archive, paths, shards, table])
def test_with_the_cache_files_that_were_seen_are_read_and_not_decoded(
    kind: Callable[..., Any], decoded: list[int], judge: Any, tmp_path: Path
) -> None:
    where = kind(tmp_path)
    first = extract(image_set(where), judge)
    decoded.clear()
    again = extract(image_set(where), judge)
    assert len(decoded) <= 3  # what the network is recognised by
    assert torch.equal(first.embeddings, again.embeddings)
    assert first.passport == again.passport


def test_part_of_a_folder_and_a_set_seen_by_two_networks_are_decoded_no_more_than_needed(
    decoded: list[int], judge: Any, tmp_path: Path
) -> None:
    where = folder(tmp_path)
    decoded.clear()
    measure(where, Protocol(real=where, extractor="pixels", metrics=("fid",), n=20, floor=False))
    assert len(decoded) <= N + 20 + 2


def test_a_file_that_was_replaced_by_one_of_its_size_gets_its_own_features(judge: Any, tmp_path: Path) -> None:
    where = folder(tmp_path)
    before = extract(image_set(where), judge)
    data = (where / "007.png").read_bytes()
    other = next(new for i in range(N) if len(new := encoded(PIXELS[i], "grey")) == len(data) and new != data)
    (where / "007.png").write_bytes(other)
    after = extract(image_set(where), judge)
    assert after.passport.fingerprint != before.passport.fingerprint
    assert not torch.equal(after.embeddings[7], before.embeddings[7])
    (where / "007.png").write_bytes(data)
    assert torch.equal(extract(image_set(where), judge).embeddings, before.embeddings)


@pytest.mark.parametrize("workers", [0, 2])
def test_files_that_change_while_they_are_measured_are_refused_and_not_kept(
    workers: int, judge: Any, tmp_path: Path
) -> None:
    where = folder(tmp_path)

    class Disturbing(type(judge)):  # pyright: ignore[reportGeneralTypeIssues]
        def __call__(self, images: torch.Tensor) -> Embedded:
            if len(images) > 1:
                folder(tmp_path, pixels=PIXELS[::-1])
            return judge(images)

        def to(self, device: torch.device, precision: str = "fp32") -> Any:
            return self

    disturbing = Disturbing(**{name: getattr(judge, name) for name in judge.__dataclass_fields__})
    with pytest.raises(WrongInputError, match="has changed since"):
        extract(image_set(where), disturbing, compute=Compute(workers=workers, batch_size=8))
    folder(tmp_path)
    assert torch.equal(
        extract(image_set(where), judge).embeddings,
        extract(image_set(where), judge, compute=Compute(cache=False)).embeddings,
    )


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order_whoever_decodes_them(workers: int, tmp_path: Path) -> None:
    images = image_set(folder(tmp_path))
    spans = [(0, 1), (1, 20), (20, 53), (53, N)]
    batches = list(feed(images, spans, workers))
    assert np.array_equal(np.concatenate([batch.pixels for batch in batches])[:, 0], PIXELS)
    assert [len(batch.leaves) for batch in batches] == [stop - start for start, stop in spans]


def _decoders() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ganeval-decode")]


def test_an_error_of_a_thread_comes_in_its_place_and_the_threads_end(tmp_path: Path) -> None:
    where = folder(tmp_path)
    data = (where / "050.png").read_bytes()
    (where / "050.png").write_bytes(data[: len(data) // 2])
    images = image_set(where)
    batches = feed(images, [(0, 25), (25, 45), (45, N)], 3)
    assert len(next(batches).pixels) + len(next(batches).pixels) == 45
    with pytest.raises(WrongInputError, match=r"050\.png cannot be decoded"):
        next(batches)
    assert not _decoders()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, GeneratorExit])
def test_the_threads_end_when_the_pass_is_interrupted(stop: type[BaseException], tmp_path: Path) -> None:
    batches: Iterator[Any] = feed(image_set(folder(tmp_path)), [(i, i + 1) for i in range(N)], 3)
    next(batches)
    assert _decoders()
    with pytest.raises(stop):
        batches.throw(stop())  # pyright: ignore[reportAttributeAccessIssue] - a generator
    assert not _decoders()


def warned(*_: object) -> None:
    warnings.warn("mended silently", UserWarning, stacklevel=1)


def test_a_warning_of_a_decoder_is_an_error_in_every_thread_and_of_nobody_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    where = folder(tmp_path)
    images = image_set(where)
    namespace = PngImagePlugin.__dict__ | {"warnings": warnings}
    code = "def opened(self, load=PngImagePlugin_load):\n    warnings.warn('mended')\n    return load(self)"
    namespace["PngImagePlugin_load"] = PngImagePlugin.PngImageFile.load_prepare
    exec(code, namespace)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", namespace["opened"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(WrongInputError, match="cannot be decoded"):
            list(feed(images, [(0, N)], 3))
        before = list(warnings.filters)
        with strict():
            warned()
        assert list(warnings.filters) == before
