"""What is shipped draws what the run draws: styles in one table, the reader beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganeval.generators.shipped import GeneratorSpec
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from reference_models.plumbing.walking import open_generator
from studies.shipped import main, summed

QUICK = Options(device="cpu", sample_per_class=0, sample_times=0, grids=0)


def test_the_row_of_a_style_takes_in_that_of_its_class():
    whole, parts = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.1], [0.2], [0.3], [0.4], [0.5], [0.6]])
    state = summed({"e.weight": parts, "e.whole": whole, "other": whole})
    assert sorted(state) == ["e.weight", "other"]
    assert state["e.weight"].flatten().tolist() == pytest.approx([1.1, 1.2, 1.3, 2.4, 2.5, 2.6])


@pytest.mark.study
def test_a_shipped_run_with_styles_and_a_reader_draws_as_the_run_does(tmp_path):
    config = replace(SYSTEMS["projection_cgan"].profile("smoke"), steps=12, styles=2, reject=0.3)
    run = fit("projection_cgan", config, dataset="digits", out=tmp_path / "runs", options=QUICK)
    main("digits", run=run.path, out=tmp_path)
    shipped, trained = GeneratorSpec("digits-cgan", "").load(tmp_path), open_generator(run.path)
    z, labels = torch.randn(100, config.latent, generator=torch.Generator().manual_seed(0)), torch.arange(100) % 10
    apart = (shipped.decode(z, labels).int() - trained.decode(z, labels).int()).abs()
    assert int(apart.max()) <= 2, "half precision moves a grey value by one or two"
    assert shipped.reader is not None
    drawn = shipped(100, labels, torch.Generator().manual_seed(0))
    replaced = (drawn != shipped.decode(z, labels)).flatten(1).any(dim=1)
    assert replaced.any(), "after twelve steps many are not read as asked"
    assert "reject" in shipped.card["recipe"]
