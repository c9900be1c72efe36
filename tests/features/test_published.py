"""What others publish is read for what it is, and what is not sound is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ganeval.errors import GanevalError, UndefinedError, WrongInputError
from ganeval.features.published import FORMATS, read_published
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.features.stored import open_stored

ROWS = np.random.default_rng(0).normal(size=(30, 4))
MU, SIGMA = ROWS.mean(axis=0), np.cov(ROWS, rowvar=False)
IMAGES = np.zeros((5, 8, 8, 3), dtype=np.uint8)

Write = Callable[[Path], Any]


def npz(**arrays: NDArray[Any]) -> Write:
    return lambda path: np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]


def pt(value: Any) -> Write:
    return lambda path: torch.save(value, path)


MOMENTS: dict[str, tuple[str, Write]] = {
    "pytorch-fid": ("a.npz", npz(mu=MU, sigma=SIGMA)),
    "compressed": ("a.npz", lambda path: np.savez_compressed(path, mu=MU, sigma=SIGMA)),
    "float32 mean": ("a.npz", npz(mu=MU.astype(np.float32), sigma=SIGMA)),
    "edm2 without pickle": ("a.npz", npz(**{"fid.mu": MU, "fid.sigma": SIGMA})),
    "mean and cov": ("a.npz", npz(mean=MU, cov=SIGMA)),
    "m and s": ("a.npz", npz(m=MU, s=SIGMA)),
    "in capitals": ("a.npz", npz(MU=MU, Sigma=SIGMA)),
    "one of each": ("a.pt", pt({"mean": torch.from_numpy(MU), "sigma": torch.from_numpy(SIGMA)})),
    "from the other end": ("a.npz", npz(mu=MU.astype(">f8"), sigma=np.asfortranarray(SIGMA))),
    "beside other arrays": ("a.npz", npz(mu=MU, sigma=SIGMA, names=np.array("a"), odd=np.array([{}], dtype=object))),
    "safetensors": ("a.safetensors", lambda path: save_file({"mu": MU, "sigma": SIGMA}, path)),
    "torch-fidelity": ("a.pt", pt({"mu": MU.astype(np.float32), "sigma": SIGMA})),
    "tensors": ("a.pth", pt({"fid": {"mu": torch.from_numpy(MU), "sigma": torch.from_numpy(SIGMA)}})),
    "adm": ("a.npz", npz(arr_0=IMAGES, mu=MU, sigma=SIGMA, mu_s=MU[:3], sigma_s=SIGMA[:3, :3])),
}
FEATURES: dict[str, tuple[str, Write]] = {
    "npy": ("a.npy", lambda path: np.save(path, ROWS)),
    "one array of an npz": ("a.npz", lambda path: np.savez(path, ROWS)),
    "clean-fid's kid file": ("a_kid.npz", npz(feats=ROWS)),
    "safetensors": ("a.safetensors", lambda path: save_file({"embeddings": ROWS}, path)),
    "a tensor": ("a.pt", pt(torch.from_numpy(ROWS))),
    "torch-fidelity's layers": ("a.pt", pt({"2048": torch.from_numpy(ROWS), "64": torch.zeros(30, 2)})),
    "some other name": ("a.npz", npz(pool3=ROWS, y=np.zeros(30, np.int64))),
}


def written(tmp_path: Path, name: str, write: Write) -> Path:
    write(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("case", MOMENTS)
def test_a_mean_and_a_covariance_are_read(tmp_path: Path, case: str) -> None:
    found = read_published(written(tmp_path, *MOMENTS[case]))
    assert isinstance(found, Statistics)
    assert found.n is None
    assert found.passport.given
    assert (found.images_at is not None) == (case == "adm") == (found.spatial is not None)
    np.testing.assert_allclose(found.gaussian.mean.numpy(), MU, rtol=1e-6)
    assert found.gaussian.covariance.matrix is not None
    np.testing.assert_allclose(found.gaussian.covariance.matrix.numpy(), SIGMA, rtol=1e-6)


@pytest.mark.parametrize("case", FEATURES)
def test_rows_of_features_are_read(tmp_path: Path, case: str) -> None:
    found = read_published(written(tmp_path, *FEATURES[case]))
    assert isinstance(found, Features)
    assert found.passport.given
    np.testing.assert_array_equal(found.embeddings.numpy(), ROWS)
    assert (found.labels is not None) == (case == "some other name")


def test_logits_and_labels_are_read_with_the_rows(tmp_path: Path) -> None:
    write = npz(embeddings=ROWS, logits=ROWS[:, :2] * 3, labels=np.arange(30) % 2)
    found = read_published(written(tmp_path, "a.npz", write))
    assert isinstance(found, Features)
    assert found.logits is not None
    assert found.labels is not None
    assert found.logits.shape == (30, 2)


def test_images_are_left_to_who_opens_images(tmp_path: Path) -> None:
    one_hot = np.eye(5)
    for name, write in (
        ("a.npz", npz(arr_0=IMAGES)),
        ("b.npz", npz(images=IMAGES, labels=one_hot)),
        ("c.npy", lambda path: np.save(path, IMAGES)),
    ):
        assert read_published(written(tmp_path, name, write)) is None
    assert read_published(tmp_path) is None
    assert read_published("hoda:test") is None


@pytest.mark.parametrize("kept", [True, False])
def test_what_this_library_stores_comes_back_with_its_passport(tmp_path: Path, *, kept: bool) -> None:
    features = Features.given(ROWS)
    path = (Statistics.of(features) if kept else features).save(tmp_path / "own.safetensors")
    found = read_published(path)
    assert isinstance(found, Statistics if kept else Features)
    assert found.passport == features.passport


@pytest.mark.parametrize("name", ["pytorch-fid", "edm", "clean-fid", "adm"])
def test_what_is_written_for_another_program_is_read_back_with_its_n(tmp_path: Path, name: str) -> None:
    features = Features(torch.from_numpy(ROWS), Features.given(ROWS).passport, spatial=torch.from_numpy(ROWS[:, :3]))
    write = FORMATS[name].write
    assert write is not None
    first, *more = write(Statistics.of(features, rows=True), tmp_path / "out.npz")
    again = read_published(first)
    assert isinstance(again, Statistics)
    assert again.n == 30
    assert [path.name for path in more] == (["out_kid.npz"] if name == "clean-fid" else [])
    with np.load(first) as file:
        np.testing.assert_allclose(file["sigma"], SIGMA, rtol=1e-12)


def test_adm_wants_spatial_statistics_and_says_who_makes_them(tmp_path: Path) -> None:
    write = FORMATS["adm"].write
    assert write is not None
    with pytest.raises(UndefinedError, match="inception"):
        write(Statistics.of(Features.given(ROWS)), tmp_path / "out.npz")


LOPSIDED, INDEFINITE = SIGMA.copy(), np.diag([1.0, 1.0, 1.0, -0.5])
LOPSIDED[0, 1] += 0.1
BAD: dict[str, tuple[str, Write, str]] = {
    "two widths": ("a.npz", npz(mu=MU[:3], sigma=SIGMA), "one width"),
    "a covariance that is no square": ("a.npz", npz(mu=MU, sigma=SIGMA[:3]), "one width"),
    "asymmetric": ("a.npz", npz(mu=MU, sigma=LOPSIDED), "symmetric"),
    "not positive": ("a.npz", npz(mu=MU, sigma=INDEFINITE), "semi-definite"),
    "all negative": ("a.npz", npz(mu=MU, sigma=-SIGMA), "semi-definite"),
    "NaN in the mean": ("a.npz", npz(mu=MU * np.nan, sigma=SIGMA), "NaN or infinity in mu"),
    "NaN in the covariance": ("a.npz", npz(mu=MU, sigma=SIGMA * np.nan), "NaN or infinity in sigma"),
    "float16": ("a.npz", npz(mu=MU.astype(np.float16), sigma=SIGMA.astype(np.float16)), "float16"),
    "bfloat16": ("a.pt", pt({"mu": torch.from_numpy(MU).bfloat16(), "sigma": torch.eye(4)}), "bfloat16, which has too"),
    "nothing but zeros": ("a.npz", npz(mu=MU * 0, sigma=SIGMA * 0), "nothing but zeros"),
    "whole numbers": ("a.npz", npz(mu=MU.astype(int), sigma=SIGMA), "int64"),
    "spatial part of two widths": ("a.npz", npz(mu=MU, sigma=SIGMA, mu_s=MU, sigma_s=SIGMA[:2, :2]), "mu_s and"),
    "n that is no count": ("a.npz", npz(mu=MU, sigma=SIGMA, n=np.array(1.5)), "whole number"),
    **{
        f"n of {n}": ("a.npz", npz(mu=MU, sigma=SIGMA, n=np.array(n)), "whole number")
        for n in (np.nan, np.inf, -3, 1e300, 30 + 0j, "30", True, [30, 30])
    },
    "a diagonal": ("a.npz", npz(mu=MU, sigma=np.diag(SIGMA)), "its diagonal alone"),
    "a mean in a row": ("a.npz", npz(mu=MU[None], sigma=SIGMA), r"mu\.reshape"),
    "a mean in a column": ("a.npz", npz(mu=MU[:, None], sigma=SIGMA), r"mu\.reshape"),
    "complex numbers": ("a.npz", npz(mu=MU, sigma=SIGMA + 0j), r"complex128\. Make"),
    "half of the spatial part": ("a.npz", npz(mu=MU, sigma=SIGMA, mu_s=MU), "mu_s alone"),
    "a covariance for rows": ("a.npy", lambda path: np.save(path, SIGMA), "as a covariance is"),
    "a covariance by another name": ("a.npz", npz(what=SIGMA), "as a covariance is"),
    "a sparse tensor": ("a.pt", pt({"mu": torch.from_numpy(MU).to_sparse(), "sigma": torch.eye(4)}), "sparse|alone"),
    "a tensor of no device": ("a.pt", pt({"mu": torch.empty(4, device="meta"), "sigma": torch.eye(4)}), "no device"),
    "one number in many places": ("a.pt", pt(torch.zeros(1).expand(10**6, 10**6)), "repeats 4 bytes"),
    "moments of one number": (
        "a.pt",
        pt({"mu": torch.zeros(10**5), "sigma": torch.zeros(1).expand(10**5, 10**5)}),
        "sigma holds a tensor",
    ),
    "n of one": ("a.npz", npz(mu=MU, sigma=SIGMA, n=np.array(1)), "at least 2"),
    "two networks": (
        "a.npz",
        npz(**{f"{k}.mu": MU for k in "ab"}, **{f"{k}.sigma": SIGMA for k in "ab"}),
        "2 networks",
    ),
    "a pickle": ("a.pkl", lambda path: path.write_bytes(b"\x80\x04N."), "pickle"),
    "Python objects": ("a.pt", pt({"mu": MU, "sigma": SIGMA, "net": np.random.Generator}), "weights_only"),
    "no statistics": ("a.pt", pt({"weight": torch.zeros(2, 2, 2)}), "neither mu and sigma nor rows"),
    "truncated": ("a.npz", lambda path: path.write_bytes(b"PK\x03\x04"), "truncated"),
    "no safetensors": ("a.safetensors", lambda path: path.write_bytes(b"{}"), "no safetensors"),
    "NaN in a row": ("a.npy", lambda path: np.save(path, np.where(ROWS > 2, np.nan, ROWS)), "finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_sound_is_refused_with_what_was_found(tmp_path: Path, case: str) -> None:
    name, write, said = BAD[case]
    with pytest.raises(WrongInputError, match=said):
        read_published(written(tmp_path, name, write))


def test_rounding_of_a_published_covariance_is_no_fault(tmp_path: Path) -> None:
    flat = np.random.default_rng(1).normal(size=(40, 60)).astype(np.float32)  # rank 39 of 60: eigenvalues about -1e-8
    sigma = np.cov(flat, rowvar=False).astype(np.float32)
    assert isinstance(read_published(written(tmp_path, "a.npz", npz(mu=flat.mean(0), sigma=sigma))), Statistics)


def test_a_code_in_a_torch_file_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    with pytest.raises(GanevalError):
        read_published(written(tmp_path, "a.pt", pt({"mu": MU, "sigma": Trap()})))
    assert not (tmp_path / "sprung").exists()


def test_names_and_shapes_are_known_before_any_number_is_read(tmp_path: Path) -> None:
    stored = open_stored(written(tmp_path, "a.npz", npz(arr_0=IMAGES, mu=MU, sigma=SIGMA)))
    assert stored is not None
    assert {name: one.shape for name, one in stored.shapes.items()} == {
        "arr_0": IMAGES.shape,
        "mu": (4,),
        "sigma": (4, 4),
    }
