"""CLIP and DINOv2 on small seeded weights: against torch-fidelity's forward, and the definition written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from torch_fidelity.feature_extractor_clip import FeatureExtractorCLIP, build_model
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from ganeval import evaluate
from ganeval.errors import MissingFileError, WrongInputError
from ganeval.extractors import EXTRACTORS
from ganeval.extractors.clip import Clip
from ganeval.extractors.dinov2 import MEAN, STD, DinoV2

CPU = torch.device("cpu")
WIDTH, DEPTH, PATCH = 128, 2, 14  # two heads of 64


def drawn(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def dino_state() -> dict[str, torch.Tensor]:
    shapes = {
        "cls_token": (1, 1, WIDTH),
        "pos_embed": (1, 1 + 37**2, WIDTH),
        "mask_token": (1, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
    }
    for i in range(DEPTH):
        shapes |= {
            f"blocks.{i}.{key}": shape
            for key, shape in {
                "norm1.weight": (WIDTH,),
                "norm1.bias": (WIDTH,),
                "norm2.weight": (WIDTH,),
                "norm2.bias": (WIDTH,),
                "attn.qkv.weight": (3 * WIDTH, WIDTH),
                "attn.qkv.bias": (3 * WIDTH,),
                "attn.proj.weight": (WIDTH, WIDTH),
                "attn.proj.bias": (WIDTH,),
                "ls1.gamma": (WIDTH,),
                "ls2.gamma": (WIDTH,),
                "mlp.fc1.weight": (4 * WIDTH, WIDTH),
                "mlp.fc1.bias": (4 * WIDTH,),
                "mlp.fc2.weight": (WIDTH, 4 * WIDTH),
                "mlp.fc2.bias": (WIDTH,),
            }.items()
        }
    state = drawn(shapes, 0)
    return {key: value + 1 if key.endswith(("gamma", "norm.weight")) else value for key, value in state.items()}


@pytest.fixture(scope="module")
def clip_state() -> dict[str, torch.Tensor]:
    """A ViT of OpenAI's kind, 2 layers, 32 pixels in patches of 8, with what a whole model also holds."""
    shapes = {
        "visual.class_embedding": (64,),
        "visual.positional_embedding": (17, 64),
        "visual.proj": (64, 24),
        "visual.conv1.weight": (64, 3, 8, 8),
        "text_projection": (10, 24),
        "transformer.ignored": (1,),
        **{f"visual.{ln}.{part}": (64,) for ln in ("ln_pre", "ln_post") for part in ("weight", "bias")},
    }
    for i in range(2):
        shapes |= {
            f"visual.transformer.resblocks.{i}.{key}": shape
            for key, shape in {
                "attn.in_proj_weight": (192, 64),
                "attn.in_proj_bias": (192,),
                "attn.out_proj.weight": (64, 64),
                "attn.out_proj.bias": (64,),
                "ln_1.weight": (64,),
                "ln_1.bias": (64,),
                "ln_2.weight": (64,),
                "ln_2.bias": (64,),
                "mlp.c_fc.weight": (256, 64),
                "mlp.c_fc.bias": (256,),
                "mlp.c_proj.weight": (64, 256),
                "mlp.c_proj.bias": (64,),
            }.items()
        }
    return drawn(shapes, 1)


def pictures(n: int, c: int, side: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, c, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def dino_by_definition(state: dict[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """vision_transformer.py of the published model, read and written out: pre-norm blocks with layer scale."""
    x = interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=(224, 224), align_corners=False) / 255
    x = (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    x = F.conv2d(x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=PATCH)
    x = x.flatten(2).transpose(1, 2)
    place = state["pos_embed"][:, 1:].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)
    place = F.interpolate(place, scale_factor=(16.1 / 37, 16.1 / 37), mode="bicubic")
    place = place.permute(0, 2, 3, 1).reshape(1, 256, WIDTH)
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x], 1)
    x = x + torch.cat([state["pos_embed"][:, :1], place], 1)
    for i in range(DEPTH):
        b = {key.removeprefix(f"blocks.{i}."): value for key, value in state.items()}
        x = x + b["ls1.gamma"] * attention(b, F.layer_norm(x, (WIDTH,), b["norm1.weight"], b["norm1.bias"], 1e-6))
        y = F.layer_norm(x, (WIDTH,), b["norm2.weight"], b["norm2.bias"], 1e-6)
        y = F.gelu(F.linear(y, b["mlp.fc1.weight"], b["mlp.fc1.bias"]))
        x = x + b["ls2.gamma"] * F.linear(y, b["mlp.fc2.weight"], b["mlp.fc2.bias"])
    return F.layer_norm(x, (WIDTH,), state["norm.weight"], state["norm.bias"], 1e-6)[:, 0]


def attention(b: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    n, tokens, _ = x.shape
    qkv = F.linear(x, b["attn.qkv.weight"], b["attn.qkv.bias"]).reshape(n, tokens, 3, WIDTH // 64, 64)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mixed = (q @ k.transpose(-2, -1) / 8).softmax(-1) @ v
    return F.linear(mixed.transpose(1, 2).reshape(n, tokens, WIDTH), b["attn.proj.weight"], b["attn.proj.bias"])


def test_dinov2_is_its_definition(dino_state: dict[str, torch.Tensor]) -> None:
    images = pictures(2, 3, 40)
    expected = dino_by_definition(dino_state, images)
    assert expected.std() > 0.1
    with torch.no_grad():
        rows = DinoV2.of("tiny", dino_state, "").to(CPU)(images).embeddings
    torch.testing.assert_close(rows, expected, rtol=0, atol=1e-4)


def test_clip_is_torch_fidelitys(clip_state: dict[str, torch.Tensor]) -> None:
    images = pictures(3, 3, 20)
    theirs = FeatureExtractorCLIP.__new__(FeatureExtractorCLIP)
    torch.nn.Module.__init__(theirs)
    theirs.features_list, theirs.feature_extractor_internal_dtype = ["clip"], torch.float32
    theirs.model, theirs.resolution = build_model(dict(clip_state), torch.float32), 32
    (expected,) = theirs(images)
    assert expected.std() > 0.01
    with torch.no_grad():
        rows = Clip.of("tiny", clip_state, "").to(CPU)(images).embeddings
    torch.testing.assert_close(rows, expected, rtol=1e-4, atol=1e-5)


def test_grey_images_are_three_equal_channels(
    clip_state: dict[str, torch.Tensor], dino_state: dict[str, torch.Tensor]
) -> None:
    grey = pictures(2, 1, 28)
    with torch.no_grad():
        for network in (Clip.of("tiny", clip_state, ""), DinoV2.of("tiny", dino_state, "")):
            same = network(grey.expand(2, 3, 28, 28)).embeddings
            torch.testing.assert_close(network(grey).embeddings, same, rtol=0, atol=1e-5)


def test_bfloat16_stays_near_and_float32_comes_out(
    clip_state: dict[str, torch.Tensor], dino_state: dict[str, torch.Tensor]
) -> None:
    images = pictures(2, 3, 28)
    with torch.no_grad():
        for network in (Clip.of("tiny", clip_state, ""), DinoV2.of("tiny", dino_state, "")):
            exact, rough = network(images).embeddings, network.to(CPU, "bf16")(images).embeddings
            assert rough.dtype == torch.float32
            assert 0 < (exact - rough).abs().mean() < 0.05 * exact.std()


def test_the_named_folder_is_searched_for_safetensors(
    clip_state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    save_file(clip_state, tmp_path / "ViT-B-32.safetensors")
    assert EXTRACTORS["clip-vit-b-32"].load().weights_sha256


@pytest.mark.parametrize("name", ["clip-vit-b-32", "clip-vit-l-14-336px", "dinov2-vit-s-14", "dinov2-vit-l-14"])
def test_without_weights_the_zoo_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GANEVAL_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.retrieve", no_network)
    with pytest.raises(MissingFileError, match="zoo"):
        EXTRACTORS[name].load()


def test_an_archive_that_is_not_openais_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    (tmp_path / "ViT-B-32.pt").write_bytes(b"code")
    with pytest.raises(WrongInputError, match="SHA-256"):
        EXTRACTORS["clip-vit-b-32"].load()


@pytest.mark.parametrize("kind", [Clip, DinoV2])
def test_other_weights_are_refused(kind: type[Clip | DinoV2]) -> None:
    with pytest.raises(WrongInputError, match="Expected"):
        kind.of("tiny", {"fc.weight": torch.zeros(2, 2)}, "")


@pytest.fixture
def small_weights(
    clip_state: dict[str, torch.Tensor],
    dino_state: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Seeded weights of the published names, in a folder that is searched."""
    save_file(clip_state, tmp_path / "ViT-L-14-336px.safetensors")
    save_file(dino_state, tmp_path / "dinov2_vitl14_pretrain.safetensors")
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("small_weights")
def test_fdd_and_cmmd_look_with_their_own_network_whatever_the_protocols_is() -> None:
    real = pictures(24, 3, 24).numpy()
    fake = real[:, :, ::-1].copy()
    found = evaluate(real, fake, extractor="pixels", metrics=["fid", "fdd", "cmmd"], cache=False)
    by_dino = evaluate(real, fake, extractor="dinov2-vit-l-14", metrics=["fid"], cache=False)
    options = {"mmd_rbf": {"unit_rows": True, "bandwidth": 10.0}}
    by_clip = evaluate(real, fake, extractor="clip-vit-l-14-336px", metrics=["mmd_rbf"], options=options, cache=False)
    assert float(found["fdd"]) == pytest.approx(float(by_dino["fid"]))
    assert float(found["cmmd"]) == pytest.approx(1000 * float(by_clip["mmd_rbf"]))
    assert "dinov2-vit-l-14" in found["fdd"].signature
    assert "clip-vit-l-14-336px" in found["cmmd"].signature
    assert found["fid"].signature != found["fdd"].signature


@pytest.mark.usefixtures("no_weights")
def test_without_weights_the_other_metrics_are_measured() -> None:
    real = pictures(24, 3, 24).numpy()
    found = evaluate(real, real[::-1].copy(), extractor="pixels", metrics=["fid", "fdd"], cache=False)
    assert found["fid"].ok
    assert "fdd looks with dinov2-vit-l-14. Expected the weights dinov2_vitl14_pretrain.pth" in found["fdd"].status
    assert found["fdd"].status.endswith("Or ask for fid or kid, which look with any network.")
    assert "classifier=" not in found["fdd"].status  # of which none would do
    alone = evaluate(real, real[::-1].copy(), metrics=["fdd"], cache=False)
    assert "GANEVAL_WEIGHTS" in alone["fdd"].status
