"""Bridges to timm and open_clip: rows are theirs, on seeded random weights, and what is missing is a sentence."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from ganeval import evaluate
from ganeval.errors import MissingFileError, UnknownNameError, WrongInputError
from ganeval.integrations.needed import MissingLibraryError

IMAGES = torch.randint(0, 256, (4, 3, 40, 40), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def test_rows_of_timm_are_those_of_its_network_without_a_head(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="the bridge to timm needs it")
    from safetensors.torch import save_file

    from ganeval.integrations.timm import timm_extractor

    torch.manual_seed(3)
    theirs = timm.create_model("resnet10t", num_classes=0).eval()
    save_file({k: v.contiguous() for k, v in theirs.state_dict().items()}, tmp_path / "w.safetensors")
    ours = timm_extractor("resnet10t", weights=tmp_path / "w.safetensors")
    config = timm.data.resolve_data_config({}, model=theirs)
    x = torch.nn.functional.interpolate(
        IMAGES / 255, config["input_size"][1:], mode=config["interpolation"], antialias=True
    ).clamp(0, 1)
    x = (x - torch.tensor(config["mean"])[:, None, None]) / torch.tensor(config["std"])[:, None, None]
    with torch.no_grad():
        assert torch.allclose(ours(IMAGES).embeddings, theirs(x), atol=1e-5)
    assert ours.name == "timm:resnet10t"
    assert "antialiasing" in ours.preprocessing


@pytest.mark.parametrize("name", ["resnet10t", "test_vit", "deit_tiny_distilled_patch16_224"])
def test_a_published_file_of_timm_with_its_head_is_taken_and_another_is_refused(name: str, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="the bridge to timm needs it")
    from ganeval.integrations.timm import timm_extractor

    whole, other = timm.create_model(name).eval(), timm.create_model("test_efficientnet")
    for network, file in ((whole, "w.pth"), (other, "other.pth")):
        torch.save(network.state_dict(), tmp_path / file)
    ours = timm_extractor(name, weights=tmp_path / "w.pth")
    whole.reset_classifier(0)
    with torch.no_grad():
        assert torch.allclose(ours(IMAGES).embeddings, whole(ours.preprocess(IMAGES)), atol=1e-5)
    with pytest.raises(MissingFileError, match="cannot be had"):
        timm_extractor(name, weights=tmp_path / "other.pth")


def test_two_weights_of_one_network_are_two_networks() -> None:
    pytest.importorskip("timm", reason="the bridge to timm needs it")
    from ganeval.integrations.timm import timm_extractor

    marks = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        marks.add(timm_extractor("resnet10t", pretrained=False).weights_sha256)
    assert len(marks) == 2


def test_a_backbone_measures_grey_images_too() -> None:
    pytest.importorskip("timm", reason="the bridge to timm needs it")
    from ganeval.integrations.timm import timm_extractor

    torch.manual_seed(0)
    grey = IMAGES.repeat(5, 1, 1, 1)[:, :1].numpy()
    found = evaluate(grey, grey[::-1].copy(), extractor=timm_extractor("resnet10t", pretrained=False), metrics=["fid"])
    assert float(found["fid"]) == pytest.approx(0, abs=1e-6)
    assert found.fake.extractor == "timm:resnet10t"


def test_rows_of_open_clip_are_encode_image() -> None:
    open_clip = pytest.importorskip("open_clip", reason="the bridge to open_clip needs it")
    from ganeval.integrations.open_clip import open_clip_extractor

    torch.manual_seed(5)
    theirs, _, _ = open_clip.create_model_and_transforms("ViT-S-32-alt", pretrained=None)
    torch.manual_seed(5)
    ours = open_clip_extractor("ViT-S-32-alt", pretrained=False)
    mean, std = (torch.tensor(getattr(theirs.visual, k))[:, None, None] for k in ("image_mean", "image_std"))
    size = theirs.visual.image_size
    x = torch.nn.functional.interpolate(IMAGES / 255, size, mode="bicubic", antialias=True).clamp(0, 1)
    with torch.no_grad():
        assert torch.allclose(ours(IMAGES).embeddings, theirs.eval().encode_image((x - mean) / std), atol=1e-5)


@pytest.mark.parametrize(("library", "function"), [("timm", "timm_extractor"), ("open_clip", "open_clip_extractor")])
def test_unknown_names_and_missing_weights_are_sentences(
    library: str, function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip(library, reason=f"the bridge to {library} needs it")
    from importlib import import_module

    extractor = getattr(import_module(f"ganeval.integrations.{library}"), function)
    for wrong in ("nonsense", "", None, 3):
        with pytest.raises(UnknownNameError, match=f"{library} has no model {wrong!r}"):
            extractor(wrong)
    name = "resnet10t" if library == "timm" else "ViT-S-32-alt"
    with pytest.raises(MissingFileError, match="no file"):
        extractor(name, weights=tmp_path / "gone.safetensors")
    os.mkfifo(tmp_path / "pipe.pth")
    for path in ("", tmp_path, tmp_path / "pipe.pth"):
        with pytest.raises(WrongInputError, match="regular file"):
            extractor(name, weights=path)
    for kind, content in {"pth": b"junk", "safetensors": b"", "pt": pickled(), "bin": stored()}.items():
        (tmp_path / f"w.{kind}").write_bytes(content)
        with pytest.raises(MissingFileError, match="cannot be had"):
            extractor(name, weights=tmp_path / f"w.{kind}")
    assert not Path("ran").exists()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def pickled() -> bytes:
    return pickle.dumps({"x": Evil()})


def stored() -> bytes:
    """A file of weights without one weight."""
    torch.save({}, file := io.BytesIO())
    return file.getvalue()


def test_a_network_of_open_clip_is_not_drawn_without_being_asked() -> None:
    pytest.importorskip("open_clip", reason="the bridge to open_clip needs it")
    from ganeval.integrations.open_clip import open_clip_extractor

    with pytest.raises(WrongInputError, match=r"Untrained.*laion2b_s34b_b79k.*pretrained=False"):
        open_clip_extractor("ViT-B-32")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from ganeval.integrations.timm import timm_extractor

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "ganeval\[timm\]"'):
        timm_extractor("resnet18")
