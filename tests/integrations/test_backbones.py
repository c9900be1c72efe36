"""Bridges to timm and open_clip: rows are theirs, on seeded random weights, and what is missing is a sentence."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from importlib import import_module
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


def in_a_folder(library: str, folder: Path) -> torch.nn.Module:
    """A model with random weights as these libraries save it; returns what its rows are made by."""
    if library == "timm":
        timm = pytest.importorskip("timm", reason="the bridge to timm needs it")
        network = timm.create_model("resnet10t", num_classes=7).eval()
        timm.models.save_for_hf(network, folder)
        network.reset_classifier(0)
        return network
    open_clip = pytest.importorskip("open_clip", reason="the bridge to open_clip needs it")
    network = open_clip.create_model("ViT-S-32-alt").eval()
    folder.mkdir()
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    described = {"model_cfg": open_clip.get_model_config("ViT-S-32-alt"), "preprocess_cfg": {"mean": [0.1] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    return network.visual


def bridge_to(library: str) -> Any:
    return getattr(import_module(f"ganeval.integrations.{library}"), f"{library}_extractor")


@pytest.mark.parametrize("library", ["timm", pytest.param("open_clip", marks=pytest.mark.study)])
def test_the_folder_of_a_model_is_a_network_and_what_it_lacks_is_said(library: str, tmp_path: Path) -> None:
    theirs, extractor = in_a_folder(library, tmp_path / "model"), bridge_to(library)
    ours = extractor(f"local-dir:{tmp_path / 'model'}")
    with torch.no_grad():
        assert torch.allclose(ours(IMAGES).embeddings, theirs(ours.preprocess(IMAGES)), atol=1e-5)
    assert str(tmp_path) not in ours.name
    (tmp_path / "empty").mkdir()
    for name, said in {"gone": "There is no folder", "empty": "has no .*config.json"}.items():
        with pytest.raises(MissingFileError, match=said):
            extractor(f"local-dir:{tmp_path / name}")
    (weights,) = (tmp_path / "model").glob("*.bin")
    weights.write_bytes(pickled())
    with pytest.raises(MissingFileError, match="cannot be had"):
        extractor(f"local-dir:{tmp_path / 'model'}")
    weights.unlink()
    with pytest.raises(MissingFileError, match=r"cannot be had.*local-dir:PATH"):
        extractor(f"local-dir:{tmp_path / 'model'}")
    os.mkfifo(weights)
    with pytest.raises(WrongInputError, match="it is a pipe"):
        extractor(f"local-dir:{tmp_path / 'model'}")


@pytest.mark.parametrize(
    ("library", "name", "options"),
    [
        ("timm", "resnet10t", {}),
        ("timm", "hf-hub:timm/resnet10t.c3_in1k", {}),
        ("open_clip", "ViT-B-32", {"pretrained": "laion2b_s34b_b79k"}),
        ("open_clip", "hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K", {}),
    ],
)
def test_offline_the_hub_is_said_not_to_answer(
    library: str, name: str, options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(library, reason=f"the bridge to {library} needs it")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingFileError, match=r"the Hub does not answer.*Fetch them where there is a network"):
        bridge_to(library)(name, **options)


@pytest.mark.parametrize("name", ["resnet10t", pytest.param("hf-hub:timm/resnet10t.c3_in1k", marks=pytest.mark.study)])
def test_what_the_hub_gave_before_is_taken_without_a_network(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, kept = in_a_folder("timm", tmp_path / "model"), tmp_path / "models--timm--resnet10t.c3_in1k"
    from huggingface_hub import constants

    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    (kept / "snapshots").mkdir()
    (tmp_path / "model").rename(kept / "snapshots" / ("0" * 40))
    if not name.startswith("hf-hub"):  # by its own name the network has a thousand classes
        theirs = pytest.importorskip("timm").create_model("resnet10t").eval()
        torch.save(theirs.state_dict(), kept / "snapshots" / ("0" * 40) / "pytorch_model.bin")
        theirs.reset_classifier(0)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    ours = bridge_to("timm")(name)
    with torch.no_grad():
        assert torch.allclose(ours(IMAGES).embeddings, theirs(ours.preprocess(IMAGES)), atol=1e-5)


ASKED = """
import os, socket, sys, threading

listening = socket.create_server(("127.0.0.1", 0))
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{listening.getsockname()[1]}"
asked = []

def hang_up():
    while True:
        connection, _ = listening.accept()
        asked.append(1)
        connection.close()

threading.Thread(target=hang_up, daemon=True).start()
from importlib import import_module
library, name = sys.argv[1:]
try:
    getattr(import_module(f"ganeval.integrations.{library}"), f"{library}_extractor")(name)
except Exception as error:
    print(len(asked), error)
"""


@pytest.mark.study
@pytest.mark.parametrize("library", ["timm", "open_clip"])
def test_a_hub_that_does_not_answer_is_not_asked_again_and_again(library: str, tmp_path: Path) -> None:
    pytest.importorskip(library, reason=f"the bridge to {library} needs it")
    command = [sys.executable, "-c", ASKED, library, "hf-hub:somebody/something"]
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True).stdout
    assert int(said.split()[0]) <= 2  # a connection that breaks is made anew once
    assert "the Hub does not answer" in said


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganeval.integrations.timm import timm_extractor

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "ganeval\[timm\]"'):
        timm_extractor("resnet18")
