"""The headline page: the founding study's test never without the questions it did not ask,
and bars judged by numbers.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganeval.errors import MissingFileError
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies.controls.__main__ import main as write_controls
from studies.headline import SYSTEM, judged, main, trainings

CONFIG = SYSTEMS[SYSTEM].profile("smoke")
OPTIONS = Options(device="cpu", sample_per_class=4, sample_times=2, grids=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("headline")
    for seed in (0, 1, 2):
        fit(SYSTEM, CONFIG, dataset="digits", out=root / "runs", seed=seed, options=OPTIONS)
    keep = root / "keep"
    written = main(dataset="digits", runs=root / "runs", out=root / "pages", keep=keep, per_class=9)
    return root, written.read_text()


def table(text: str, first: str) -> list[list[str]]:
    """The cells of the table whose head contains `first`."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|") and first in line)
    block = [line for line in lines[start:] if line.startswith("|")]
    stop = next((i for i, line in enumerate(lines[start:]) if not line.startswith("|")), len(block))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block[:stop]]


def test_gan_test_never_stands_alone(page):
    head = table(page[1], "GAN-test, 90 digits")[0]
    for beside in ("CAS", "recall (k = 5)", "coverage (k = 5)", "copies", "worst class"):
        assert beside in head


def test_every_seed_their_spread_and_the_controls_are_rows(page):
    rows = [row[0] for row in table(page[1], "GAN-test, 90 digits")[2:]]
    assert rows == [
        "projection cGAN, seed 0",
        "projection cGAN, seed 1",
        "projection cGAN, seed 2",
        "**all 3 seeds**",
        "`held_out_real`",
        "`memoriser`",
        "`one_per_class`",
    ]
    one = table(page[1], "GAN-test, 90 digits")[-1]
    assert one[1].startswith("90/90")


def test_untrained_generators_miss_the_bars_and_the_page_says_by_how_much(page):
    bars = {row[0]: row for row in table(page[1], "the trainings")[2:]}
    assert bars["GAN-test"][3].startswith("missed by 3 of 3, at most by 0.")
    assert bars["CPU-minutes of training"][3] == "met by every training"
    assert str(page[0]) not in page[1]


def test_a_stopped_measurement_goes_on_from_what_was_kept(page, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("measured again")

    monkeypatch.setattr("studies.headline.evaluate", refuse)
    again = main(dataset="digits", runs=page[0] / "runs", out=page[0] / "again", keep=page[0] / "keep", per_class=9)
    assert again.read_text() == page[1]


def test_a_bar_is_met_only_by_every_training():
    assert judged([0.96, 0.95, 0.97], 0.95)[1] == "met by every training"
    assert judged([0.96, 0.94, 0.93], 0.95)[1] == "missed by 2 of 3, at most by 0.0200"


def test_two_seeds_and_another_recipe_are_no_three_seeds(tmp_path):
    for seed, width in ((0, 16), (1, 16), (2, 8)):
        config = replace(CONFIG, g_width=width)
        fit(SYSTEM, config, dataset="digits", out=tmp_path, seed=seed, options=replace(OPTIONS, sample_times=0))
    with pytest.raises(MissingFileError, match="has 1"):
        trainings(tmp_path, "digits")


def test_the_controls_page_names_every_metric_and_every_control(tmp_path):
    """Rendered from kept evaluations: the calibration itself is measured in test_controls."""
    from ganeval.images.imageset import ImageSet
    from ganeval.measure.functions import evaluate
    from reference_models.controls.control import CONTROLS, build
    from reference_models.plumbing.loading import load_data
    from studies.controls.calibration import asked

    for name in CONTROLS.names():
        images, labels = build(name, load_data("digits")).per_class(6, 0)
        fakes = ImageSet.from_array(images, source=name, labels=labels)
        names = [m.name for m in asked() if m.name not in ("gan_train", "fld")]
        found = evaluate("digits:test", fakes, classifier="digits", train="digits:train", metrics=names, floor=False)
        missing = {m.name: replace(found["fid_infinity"], name=m.name) for m in asked() if m.name not in names}
        replace(found, scores={**found.scores, **missing}).write(tmp_path / "keep" / name / "result.json")
    text = write_controls(dataset="digits", out=tmp_path, keep=tmp_path / "keep").read_text()
    assert {row[0] for row in table(text, "GAN-test")[2:]} == {f"`{name}`" for name in CONTROLS.names()}
    for metric in asked():
        assert f"- `{metric.name}` sees " in text or f"- `{metric.name}`: no value" in text
    sentence = next(line for line in text.splitlines() if line.startswith("- `duplicates` sees "))
    assert "`one_per_class`" in sentence.partition("blind to")[0]
