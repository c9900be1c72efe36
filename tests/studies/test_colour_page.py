"""The page of photographs: two short trainings, their scores beside those of real images, and the first images."""

from __future__ import annotations

import pytest

from studies.colour import NAMES, main


@pytest.mark.study
def test_the_page_says_how_short_the_trainings_were_and_shows_every_class(tmp_path):
    folders = {"runs": tmp_path / "runs", "out": tmp_path / "pages"}
    page = main(dataset="digits", profile="smoke", steps=3, per_class=20, **folders).read_text()
    assert "3 updates each" in page
    assert "CPU-minutes" in page
    assert sum(line.startswith(f"| {digit} |") for line in page.splitlines() for digit in range(10)) == 10
    for metric in ("classifier_score", "gan_train", "recall", "coverage", "fid", "fdr"):
        assert f"| `{metric}` |" in page
    for space in ("the judge's", "wavelet", "pixels"):
        assert f"| {space} |" in page, "a Frechet distance in each space"
    for name in NAMES:
        assert (tmp_path / "pages" / f"digits-{name}.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in page
    trained = {path.name for path in (tmp_path / "runs").iterdir()}
    main(dataset="digits", profile="smoke", steps=3, per_class=20, **folders)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == trained, "finished runs are not trained again"
