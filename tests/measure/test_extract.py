"""`ganeval.extract` takes the fields of `Compute` like every other function."""

from pathlib import Path

import pytest

import ganeval
from ganeval.core.compute import Compute


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("how", [{"cache": False}, {"compute": Compute(cache=False)}])
def test_features_are_not_kept_where_the_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, object]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = ganeval.image_set("digits:test", n=40)
    without = ganeval.extract(images, "digits", **how)
    assert not kept(tmp_path)
    assert ganeval.extract(images, "digits").embeddings.equal(without.embeddings)
    assert kept(tmp_path)


def test_what_the_call_says_is_stronger_than_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ganeval.extract(ganeval.image_set("digits:test", n=40), "digits", compute=Compute(cache=True), cache=False)
    assert not kept(tmp_path)


def test_an_unknown_option_of_extract_names_the_nearest() -> None:
    with pytest.raises(ganeval.GanevalError, match="cache"):
        ganeval.extract(ganeval.image_set("digits:test", n=4), "pixels", cash=False)
