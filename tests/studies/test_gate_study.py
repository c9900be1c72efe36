"""The study of the gate runs from a trained run to its page, and goes on from what it kept."""

from __future__ import annotations

import pytest

from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies.gate.__main__ import main

SYSTEM = "projection_cgan"
HEAD = "| claim | bar | measured | holds |"


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a precision of 0 in every set has no spread
def test_every_claim_has_a_row_and_a_second_call_measures_nothing_again(tmp_path, monkeypatch):
    options = Options(device="cpu", sample_times=1, grids=1)
    config = SYSTEMS[SYSTEM].profile("smoke")
    run = fit(SYSTEM, config, dataset="digits", out=tmp_path / "runs", seed=0, options=options)
    text = main((run.path,), out=tmp_path, keep=tmp_path / "keep", tiny=True).read_text()
    assert f"`python -m studies gate runs/{run.path.name}`" in text
    rows = text.split(HEAD)[1].splitlines()[2:]
    for claim in (
        "se of fid, classes balanced",
        "se of kid, classes at random",
        "label shuffle 5 %",
        "weights rounded",
    ):
        assert any(row.startswith(f"| {claim}") for row in rows)

    def refuse(*_arguments, **_options):
        raise AssertionError("measured again")

    monkeypatch.setattr("studies.gate.pools.Bench.measure", refuse)
    assert (
        main((run.path,), out=tmp_path, keep=tmp_path / "keep", render=True, tiny=True).read_text().split(HEAD)[1]
        == text.split(HEAD)[1]
    )
