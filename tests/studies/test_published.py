"""Published numbers are derived again where the weights are, and nowhere else is a number printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies import published


def test_without_weights_the_page_says_that_it_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANEVAL_WEIGHTS", raising=False)
    page = published.main(out=tmp_path).read_text(encoding="utf-8")
    assert "**This was not run here.**" in page
    assert "GANEVAL_WEIGHTS" in page
    assert "relative difference" not in page


def test_a_folder_without_the_file_is_not_run_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", no_network)
    page = published.main(out=tmp_path, real="digits:train", fake="digits:test").read_text(encoding="utf-8")
    assert "**This was not run here.** Expected the weights" in page


def test_a_derived_number_stands_beside_the_published_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By an extractor that is always here: the arithmetic of the page, not Inception's."""
    monkeypatch.setenv("GANEVAL_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(published, "KNOWN", (published.Published("nobody", "pixels", 1.0),))
    page = published.main(out=tmp_path, real="digits:train", fake="digits:test").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| nobody"))
    found = float(row.split("|")[4])
    assert f"{found - 1:+.2%}" in row
