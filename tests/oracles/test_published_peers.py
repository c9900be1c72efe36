"""Files that other libraries' own code has written: our distance to them is theirs.

No weights are needed: each library runs its whole way from images or features to its file, with a network that is
small.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import ganeval
from ganeval import fid, kid

pytestmark = pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # theirs, of SciPy

RNG = np.random.default_rng(0)
REAL, FAKE = (RNG.integers(low, 256, (70, 4, 4, 3)).astype(np.uint8) for low in (0, 20))
EXACT = 1e-6


def folder(path: Path, images: NDArray[np.uint8]) -> Path:
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(path / f"{index:03}.png")
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return folder(tmp_path / "real", REAL), folder(tmp_path / "fake", FAKE)


class Pixels(torch.nn.Module):
    """What pytorch-fid takes for its Inception: pixels in [0, 1], flattened, as ours of that name."""

    BLOCK_INDEX_BY_DIM: ClassVar = {48: 0}

    def __init__(self, blocks: list[int]) -> None:
        super().__init__()
        assert blocks == [0]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x.flatten(1)[:, :, None, None]]


def test_the_file_that_pytorch_fid_saves_gives_its_fid(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = pytest.importorskip("pytorch_fid.fid_score")
    monkeypatch.setattr(theirs, "InceptionV3", Pixels)
    monkeypatch.setattr(theirs, "tqdm", iter)
    real, fake = folders
    path, cpu = str(tmp_path / "real.npz"), torch.device("cpu")
    theirs.save_fid_stats([str(real), path], 32, cpu, 48, 0)
    said = theirs.calculate_fid_given_paths([path, str(fake)], 32, cpu, 48, 0)
    ours = fid(path, fake, extractor="pixels")
    assert ours == pytest.approx(said, rel=EXACT)
    assert ours.se == pytest.approx(fid(real, fake, extractor="pixels").se, rel=EXACT)


def test_the_files_that_clean_fid_makes_give_its_fid_and_kid(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = pytest.importorskip("cleanfid.fid")
    monkeypatch.setattr(theirs.cleanfid, "__file__", str(tmp_path / "__init__.py"))  # its files lie in its own folder
    monkeypatch.setattr(theirs, "build_feature_extractor", lambda *_: pooled)
    real, fake = folders
    theirs.make_custom_stats("toy", str(real), device="cpu", verbose=False)
    stats, feats = (tmp_path / "stats" / f"toy_clean_custom_na{end}.npz" for end in ("", "_kid"))
    rows = theirs.get_folder_features(str(fake), pooled, num_workers=0, device="cpu", verbose=False, mode="clean")
    with np.load(stats) as file:
        said = theirs.frechet_distance(file["mu"], file["sigma"], rows.mean(axis=0), np.cov(rows, rowvar=False))
    with np.load(feats) as file:
        one, other = file["feats"].astype(float), rows.astype(float)  # float32 sums cost it four digits
        kernel = theirs.kernel_distance(one, other, num_subsets=1)
    assert fid(stats, rows) == pytest.approx(said, rel=EXACT)
    assert fid(feats, rows) == pytest.approx(said, rel=EXACT)
    assert kid(feats, rows) == pytest.approx(kernel, rel=EXACT)


def pooled(images: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.adaptive_avg_pool2d(images / 255, 3).flatten(1)


def test_what_torch_fidelity_caches_gives_its_fid(tmp_path: Path) -> None:
    theirs = pytest.importorskip("torch_fidelity.metric_fid")
    rows = [torch.from_numpy(images.reshape(70, -1) / 255).float() for images in (REAL, FAKE)]
    made = [
        theirs.fid_featuresdict_to_statistics_cached(
            {"2048": one},
            name,
            SimpleNamespace(get_name=lambda: "toy"),
            "2048",
            cache=True,
            cache_root=str(tmp_path),
            verbose=False,
        )
        for name, one in zip(("real", "fake"), rows, strict=True)
    ]
    said = theirs.fid_statistics_to_metric(*made, verbose=False)[theirs.KEY_METRIC_FID]
    assert fid(tmp_path / "real-toy-stat-fid-2048.pt", rows[1]) == pytest.approx(said, rel=EXACT)
    both = [tmp_path / f"{name}-toy-stat-fid-2048.pt" for name in ("real", "fake")]
    assert fid(*both, extractor="inception") == pytest.approx(said, rel=EXACT)


def test_the_features_that_torch_fidelity_caches_give_its_fid(tmp_path: Path) -> None:
    utils, theirs = (pytest.importorskip(f"torch_fidelity.{name}") for name in ("utils", "metric_fid"))
    rows = [torch.from_numpy(images.reshape(70, -1) / 255).float() for images in (REAL, FAKE)]
    for name, one in zip(("real-", "fake-"), rows, strict=True):
        utils.cache_lookup_group_recompute_all_on_any_miss(
            name, ["2048"], lambda one=one: {"2048": one}, cache=True, cache_root=str(tmp_path), verbose=False
        )
    stats = [theirs.fid_features_to_statistics(one) for one in rows]
    said = theirs.fid_statistics_to_metric(*stats, verbose=False)[theirs.KEY_METRIC_FID]
    found = fid(tmp_path / "real-2048.pt", tmp_path / "fake-2048.pt", extractor="inception")
    assert found == pytest.approx(said, rel=EXACT)
    assert found.se is not None


def edm_statistics(rows: torch.Tensor) -> dict[str, Any]:
    """As EDM's `fid.py` sums them up (Karras et al. 2022): sums and outer products in float64, divided at the end."""
    mu, sigma = torch.zeros(rows.shape[1], dtype=torch.float64), torch.zeros(rows.shape[1], rows.shape[1]).double()
    for part in rows.double().split(16):
        mu += part.sum(0)
        sigma += part.T @ part
    mu /= len(rows)
    sigma -= mu.ger(mu) * len(rows)
    return {"mu": mu.numpy(), "sigma": (sigma / (len(rows) - 1)).numpy()}


def test_what_edm_sums_up_gives_the_fid_of_the_rows(tmp_path: Path) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    one, other = (torch.from_numpy(images.reshape(70, -1) / 255).float() for images in (REAL, FAKE))
    a, b = edm_statistics(one), edm_statistics(other)
    np.savez(tmp_path / "ref.npz", **a)
    root = linalg.sqrtm(a["sigma"] @ b["sigma"])
    said = np.square(a["mu"] - b["mu"]).sum() + np.trace(a["sigma"] + b["sigma"] - 2 * np.real(root))
    assert fid(tmp_path / "ref.npz", other) == pytest.approx(said, rel=EXACT)


def test_a_reference_as_adm_lays_it_out_gives_the_fid_and_sfid_of_its_statistics(tmp_path: Path) -> None:
    """Its evaluator takes the statistics where there are any, and SciPy's root of their product, in float64."""
    linalg = pytest.importorskip("scipy.linalg")
    sets = [torch.from_numpy(images.reshape(70, -1) / 255) for images in (REAL, FAKE)]
    columns = [(rows[:, :30], rows[:, 30:]) for rows in sets]  # as if these were pooled and spatial features
    moments = [[(part.numpy().mean(0), np.cov(part.numpy(), rowvar=False)) for part in some] for some in columns]
    (mu, sigma), (mu_s, sigma_s) = moments[0]
    np.savez(tmp_path / "ref.npz", arr_0=REAL[:9], mu=mu, sigma=sigma, mu_s=mu_s, sigma_s=sigma_s)
    pooled, spatial = columns[1]
    fake = ganeval.Features(pooled, ganeval.Features.given(pooled).passport, spatial=spatial)
    found = ganeval.evaluate(tmp_path / "ref.npz", fake, metrics=("fid", "sfid"), floor=False)
    for name, (a, s), (b, t) in zip(("fid", "sfid"), *moments, strict=True):
        said = np.square(a - b).sum() + np.trace(s + t - 2 * np.real(linalg.sqrtm(s @ t)))
        assert found[name].value == pytest.approx(said, rel=EXACT)


def test_a_file_of_ours_is_what_pytorch_fid_reads(folders: tuple[Path, Path], tmp_path: Path) -> None:
    theirs = pytest.importorskip("pytorch_fid.fid_score")
    from ganeval.features.published import FORMATS
    from ganeval.features.statistics import Statistics

    found = []
    for source in folders:
        statistics = Statistics.of(ganeval.extract(ganeval.image_set(source), "pixels"))
        write = FORMATS["pytorch-fid"].write
        assert write is not None
        path = write(statistics, tmp_path / f"{source.name}.npz")[0]
        found += theirs.compute_statistics_of_path(str(path), None, 1, 48, "cpu")
    said = theirs.calculate_frechet_distance(*found)
    assert fid(*folders, extractor="pixels") == pytest.approx(said, rel=EXACT)
