"""Bands of healthy trainings: their statistics, what a run is told, and that those shipped are of today's recipes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from ganeval.errors import IncomparableError, MissingFileError, TooFewSamplesError
from ganeval.runs.directory import create_run
from reference_models.__main__ import main as train
from reference_models.bands import __main__ as command
from reference_models.bands.band import FEWEST, LEVEL, prediction_band
from reference_models.bands.check import Place, check_curves, check_scores, verdict
from reference_models.bands.known import FILE, known_of, read_known, store
from reference_models.bands.summary import ERROR, PLACES, curve_values
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, fit
from studies.bands.__main__ import main as write_page
from studies.bands.fit import RECIPES, summarise
from studies.page import RESULTS

QUICK = Options(device="cpu", log_every=2, checkpoints=2, sample_per_class=3, grids=2)


@pytest.mark.parametrize("better", ["", "higher", "lower"])
@pytest.mark.parametrize("n", [3, 5])
def test_a_band_holds_as_many_further_trainings_as_it_says(n, better):
    rng, trials = np.random.default_rng(0), 4000
    draws = rng.normal(2.0, 0.3, (trials, n + 1))
    inside = sum(row[-1] in prediction_band(list(row[:-1]), better) for row in draws)
    assert abs(inside / trials - LEVEL) <= 3 * math.sqrt(LEVEL * (1 - LEVEL) / trials)


def test_a_better_score_is_never_outside():
    assert 1.0 in prediction_band([0.5, 0.51, 0.52], "higher")
    assert 0.0 not in prediction_band([0.5, 0.51, 0.52], "higher")
    assert -9.0 in prediction_band([0.5, 0.51, 0.52], "lower")


def test_nan_lies_in_no_band():
    assert not Place("loss", math.nan, prediction_band([0.5, 0.51, 0.52])).inside


def test_one_training_spans_no_band():
    with pytest.raises(TooFewSamplesError, match="at least two trainings; got 1"):
        prediction_band([1.0])


@pytest.fixture
def logged(tmp_path):
    run = create_run(tmp_path, "x-digits", config={"steps": 200}, seeds={"seed": 0}, protocol={})
    for step in range(10, 201, 10):
        run.log(step, {"loss/d": float(step), "late": math.nan if step == 200 else 1.0, "images": 64.0 * step})
    return run


def test_a_place_is_the_mean_of_the_lines_before_it(logged):
    values = curve_values(logged)
    assert values["loss/d"] == {
        place: np.mean([s for s in range(10, 201, 10) if place - 10 < s / 2 <= place]) for place in PLACES
    }
    assert "images" not in values
    assert math.isnan(values["late"][100])
    assert values["late"][75] == 1.0


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """Three tiny trainings of a system that draws and of one that codes, and what they span."""
    root = tmp_path_factory.mktemp("bands")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference_models.bands.summary.PROTOCOL_N", 100)
        for name in ("sngan", "autoencoder"):
            config = replace(SYSTEMS[name].profile("smoke"), steps=20)
            runs = [fit(name, config, dataset="digits", out=root, seed=seed, options=QUICK) for seed in range(3)]
            found[name] = (runs, summarise(runs))
            store(found[name][1], root / "known.json")
    return root, found


def test_values_survive_the_file(healthy):
    root, found = healthy
    for name, (runs, known) in found.items():
        assert known_of(runs[0].info, root / "known.json") == known == read_known(root / "known.json")[f"{name}-digits"]
        assert known.seeds == [0, 1, 2]
        assert len(known.cpu_seconds) == 3


def test_a_band_holds_the_trainings_it_was_made_of(healthy):
    for runs, known in healthy[1].values():
        for run in runs:
            assert all(place.inside for place in check_curves(run, known))


def test_what_draws_is_scored_by_its_images_and_what_codes_by_its_error(healthy):
    drawing, coding = healthy[1]["sngan"][1], healthy[1]["autoencoder"][1]
    assert {"fid", "recall", "coverage"} <= set(drawing.scores)
    assert set(coding.scores) == {ERROR}
    assert all(error > 0 for error in coding.scores[ERROR])


def test_a_generator_that_learns_nothing_is_outside(healthy, tmp_path):
    known = healthy[1]["sngan"][1]
    config = replace(SYSTEMS["sngan"].profile("smoke"), steps=20, lr=1.0)
    run = fit("sngan", config, dataset="digits", out=tmp_path, options=QUICK)
    outside = [place for place in check_curves(run, known) if not place.inside]
    assert outside
    said = verdict("curves", outside, known).splitlines()
    assert said[0].startswith(f"curves: 0 of {len(outside)} within the bands of 3 trainings (")
    assert len(said) == 1 + len(outside)
    assert all(", healthy " in line for line in said[1:])


def test_a_worse_score_and_a_missing_one_are_outside_and_a_better_one_is_not(healthy):
    known = healthy[1]["sngan"][1]
    fid = max(known.scores["fid"])
    for value, inside in ((fid * 1e3, False), (0.0, True), (math.nan, False)):
        places = {place.name: place.inside for place in check_scores({"fid": value}, known)}
        assert places["fid"] is inside
        assert places["recall"] is False


def test_another_recipe_is_refused_by_its_fields(healthy):
    root, found = healthy
    info = found["sngan"][0][0].info
    with pytest.raises(IncomparableError, match="another recipe: steps 21 here, 20 there"):
        known_of({**info, "config": {**info["config"], "steps": 21}}, root / "known.json")
    with pytest.raises(IncomparableError, match="steps None here, 20 there"):
        known_of({key: value for key, value in info.items() if key != "config"}, root / "known.json")


@pytest.mark.parametrize("system", ["nobody", "../known/sngan"])
def test_what_has_no_bands_is_told_what_has(healthy, system):
    with pytest.raises(MissingFileError, match=r"no bands for .* on digits\. There are for: .*sngan-digits"):
        known_of({"system": system, "dataset": "digits", "config": {}}, healthy[0] / "known.json")


def test_a_finished_training_says_how_its_curves_are(healthy, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(known_of, "__defaults__", (healthy[0] / "known.json",))
    flags = [
        "sngan",
        "--profile",
        "smoke",
        "--dataset",
        "digits",
        "--steps",
        "20",
        "--out",
        str(tmp_path),
        "--log-every",
        "2",
    ]
    assert train([*flags, "--device", "cpu", "--seed", "0"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("done: ")
    assert " within the bands of 3 trainings" in said
    flags[flags.index("--steps") + 1] = "4"
    assert train([*flags, "--device", "cpu"]) == 0
    assert "bands" not in capsys.readouterr().out


def test_the_command_exits_with_one_for_a_run_that_scores_worse(healthy, monkeypatch, capsys):
    root, found = healthy
    (run, *_), known = found["autoencoder"]
    monkeypatch.setattr(known_of, "__defaults__", (root / "known.json",))
    assert command.main(["check", str(run.path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("scores: 1 of 1 within the bands of 3 trainings (")
    better = replace(known, scores={ERROR: [value / 10 for value in known.scores[ERROR]]})
    store(better, root / "better.json")
    monkeypatch.setattr(known_of, "__defaults__", (root / "better.json",))
    assert command.main(["check", str(run.path)]) == 1
    assert "  outside: reconstruction_error" in capsys.readouterr().out


def test_what_cannot_be_compared_exits_with_two(logged, capsys):
    for arguments, said in (
        ([], "Expected at least one run; got none"),
        ([str(logged.path)], "must be finished to be compared"),
        ([str(logged.path / "nowhere")], "Expected a JSON document"),
    ):
        assert command.main(["check", *arguments]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("known", read_known().values(), ids=lambda known: known.name)
def test_what_is_shipped_is_of_todays_recipe(known):
    assert RECIPES[known.system, known.dataset] == len(known.seeds)
    assert known.config == json.loads(json.dumps(asdict(SYSTEMS[known.system].profile("cpu"))))
    assert all(len(values) == len(known.seeds) >= 3 for values in known.scores.values())
    assert all(len(values) == len(known.seeds) for places in known.curves.values() for values in places.values())
    assert max(known.cpu_seconds) <= 20 * 60


def test_all_recipes_are_shipped_in_one_small_file():
    assert {(known.system, known.dataset) for known in read_known().values()} == set(RECIPES)
    assert FILE.stat().st_size < 100_000


@pytest.mark.parametrize("n", [3, 4, 5, 8])
def test_within_bands_of_few_seeds_is_no_proof_of_health(n):
    known = replace(next(iter(read_known().values())), seeds=list(range(n)))
    inside = Place("fid", 1.0, prediction_band([1.0, 1.1, 1.2]))
    wide = "bands of so few are wide: lying within says little"
    assert (wide in verdict("scores", [inside], known)) == (n < FEWEST)
    both = verdict("scores", [inside, replace(inside, value=9.0)], known).splitlines()[0]
    assert ("expected outside by chance; " + wide in both) == (n < FEWEST)


def test_the_page_of_the_bands_is_up_to_date(tmp_path):
    assert write_page(train=False, out=tmp_path).read_text() == (RESULTS / "bands.md").read_text(), (
        "run python -m studies bands --no-train"
    )


def test_a_limit_is_stated_where_there_are_seeds_enough_and_nowhere_else():
    for row in (line for line in (RESULTS / "bands.md").read_text().splitlines() if line.startswith("| `")):
        seeds = int(row.split(" | ")[2])
        assert ("at least" in row or "at most" in row) == (seeds >= FEWEST)
