"""Bands are fitted of trainings of the recipe, and the page has them all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganeval.errors import UnknownNameError
from reference_models.plumbing.system import SYSTEMS
from studies.bands import __main__ as command
from studies.bands import fit


def test_a_recipe_without_bands_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'cgan-hoda'"):
        command.main(only="cgan-hodda", out=tmp_path)


def test_what_is_missing_is_trained_and_the_page_has_a_row_for_each_recipe(monkeypatch, tmp_path):
    monkeypatch.setattr("reference_models.bands.equal_n.PROTOCOL_N", 100)
    for name in ("sngan", "autoencoder"):
        system = SYSTEMS[name]
        profiles = {**system.profiles, "cpu": replace(system.profile("smoke"), steps=20)}
        monkeypatch.setitem(SYSTEMS._found(), name, replace(system, profiles=profiles))
    monkeypatch.setattr(fit, "OPTIONS", replace(fit.OPTIONS, log_every=2))
    monkeypatch.setattr(command, "RECIPES", {("autoencoder", "digits"): 5, ("sngan", "digits"): 2})
    where = {"runs": tmp_path / "runs", "out": tmp_path, "file": tmp_path / "known.json"}
    first = command.main(**where).read_text()
    assert "| `autoencoder` | digits | 5 |" in first
    assert "| `sngan` | digits | 2 |" in first
    assert "nan" not in first
    assert command.main(only="autoencoder-digits", **where).read_text() == first
    assert len(list((tmp_path / "runs").iterdir())) == 7
