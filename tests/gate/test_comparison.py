"""`ganeval.compare`: differences with intervals, in words that say no more than what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ganeval
from ganeval.cli.main import main
from ganeval.errors import (
    BrokenRunError,
    GanevalError,
    IncomparableError,
    MissingFileError,
    UnknownNameError,
    WrongInputError,
)
from ganeval.gate.comparison import ALPHA
from ganeval.records.scores import Evaluation, Passport, Score, ScoreRecord
from ganeval.runs.directory import create_run

N = 400


def an(
    name: str, shift: float = 0.0, *, seed: int = 0, latents: str = "", version: int = 1, n: int = N, **more: str
) -> Evaluation:
    """kid is the mean of n normal numbers around `shift`; with equal seeds their noise is shared."""
    rows = np.random.default_rng(seed).normal(size=n) + shift
    scores = [
        Score.from_influence(float(rows.mean()), rows, version=version, signature=f"kid|v:{version}|n:{n}").with_(
            name="kid"
        ),
        Score.from_influence(-float(rows.mean()), -rows, better="higher", signature=f"recall|v:1|n:{n}").with_(
            name="recall"
        ),
        Score.from_influence(float(rows.mean()), rows, better="target", signature=f"vendi|v:1|n:{n}").with_(
            name="vendi"
        ),
        Score(0.0, n=n, name="missing_classes", signature=f"missing_classes|v:1|n:{n}"),
    ]
    passport = Passport(name, f"{name}-{seed}", n, 8, "given", "", "")
    return Evaluation(
        name,
        "2026-01-01T00:00:00+00:00",
        replace(passport, source=more.get("real", "real"), fingerprint=more.get("real", "r"), n=9),
        passport,
        {score.name: ScoreRecord.of(score) for score in scores},
        latents=latents,
        per_sample={f"{score.name}.influence": score.per_sample["influence"] for score in scores if score.per_sample},
    )


def words(found: ganeval.gate.comparison.Comparison) -> dict[str, str]:  # type: ignore[name-defined]
    return {line.metric: line.word for line in found.lines}


def test_a_large_loss_is_worse_and_a_large_gain_better_whichever_way_a_metric_points() -> None:
    assert words(ganeval.compare(an("a"), an("b", 1.0, seed=1))) == {
        "kid": "worse",
        "recall": "worse",
        "vendi": "moved",
        "missing_classes": "no error known",
    }
    assert words(ganeval.compare(an("a", 1.0), an("b", seed=1)))["recall"] == "better"


def test_shared_latents_make_a_difference_visible_that_independent_samples_hide() -> None:
    paired = ganeval.compare(an("a", latents="z"), an("b", 0.02, latents="z"), metrics=["kid"]).lines[0]
    unpaired = ganeval.compare(an("a"), an("b", 0.02, seed=1), metrics=["kid"]).lines[0]
    assert (paired.word, paired.paired) == ("worse", True)
    assert (unpaired.word, unpaired.paired) == ("not told apart", False)
    assert paired.delta == pytest.approx(0.02)


def test_why_nothing_is_paired_is_said_once() -> None:
    said = str(ganeval.compare(an("a"), an("b", 0.02, seed=1)))
    assert said.count("the latents of one side are not recorded") == 1
    assert "not told apart in kid" in said


def test_equal_generators_are_told_apart_in_at_most_about_alpha_of_all_comparisons() -> None:
    told = [
        any(
            w in ("better", "worse", "moved")
            for w in words(ganeval.compare(an("a", seed=2 * k), an("b", seed=2 * k + 1))).values()
        )
        for k in range(120)
    ]
    assert sum(told) <= 13  # 5 % of 120 is 6; P(more than 13) < 0.3 %


def test_more_sides_make_every_single_line_harder() -> None:
    one = ganeval.compare(an("a"), an("b", 0.2, seed=1), metrics=["kid"]).lines[0]
    many = ganeval.compare(
        an("a"), an("b", 0.2, seed=1), *(an(f"c{i}", seed=i) for i in range(2, 12)), metrics=["kid"]
    ).lines[0]
    assert one.word == "worse"
    assert (one.p or 0) < (many.p or 0)
    assert ALPHA == 0.05


def test_the_same_images_are_called_identical_whatever_is_known_of_their_error() -> None:
    assert set(words(ganeval.compare(an("a"), replace(an("a"), name="again"))).values()) == {"identical images"}


def test_a_list_is_one_recipe_and_its_spread_over_seeds_is_its_error() -> None:
    good, bad = (
        [an(f"{name}-seed{k}", shift + 0.3 * k, seed=k + 1) for k in range(3)]
        for name, shift in (("g", 0.0), ("b", 0.1))
    )
    line = ganeval.compare(good, bad, metrics=["kid"]).lines[0]
    assert "Welch" in line.method
    assert line.side == "b (3 seeds)"
    assert line.word == "not told apart"
    assert line.interval is not None
    assert line.interval[1] - line.interval[0] > 0.5


def test_seeds_without_spread_prove_nothing() -> None:
    sides = ([an("a"), an("a")], [an("b"), an("b")])
    assert words(ganeval.compare(*sides, metrics=["missing_classes"])) == {"missing_classes": "no error known"}


def written(folder: Path, evaluation: Evaluation) -> Path:
    return evaluation.write(folder / f"{evaluation.name}.json")


def test_files_keep_what_makes_a_pair_of_them(tmp_path: Path) -> None:
    a, b = written(tmp_path, an("a", latents="z")), written(tmp_path, an("b", 0.02, latents="z"))
    assert ganeval.compare(a, b, metrics=["kid"]).lines[0].paired


def test_runs_of_one_recipe_are_one_side_and_named_by_it(tmp_path: Path) -> None:
    for recipe, shift in (("dcgan", 0.0), ("wgan", 1.0)):
        for seed in range(2):
            run = create_run(
                tmp_path / "runs", f"{recipe}-seed{seed}", config={"lr": shift, "seed": seed}, seeds={}, protocol={}
            )
            run.write_evaluation(an(recipe, shift + 0.1 * seed, seed=seed + 1), 100)
    found = ganeval.compare(tmp_path / "runs", metrics=["kid"])
    assert found.base == "dcgan (2 seeds)"
    assert found.sides == ("wgan (2 seeds)",)
    runs = sorted((tmp_path / "runs").iterdir())
    two = ganeval.compare(runs[0], runs[1], metrics=["kid"])
    assert "seed0" in two.base
    assert "seed1" in two.sides[0]


def test_a_run_that_is_named_alone_takes_part_with_its_last_evaluation(tmp_path: Path) -> None:
    run = create_run(tmp_path, "dcgan", config={}, seeds={}, protocol={})
    run.write_evaluation(an("early", 3.0), 100)
    run.write_evaluation(an("late", 1.0), 200)
    assert ganeval.compare(an("a"), run.path, metrics=["kid"]).lines[0].now == pytest.approx(1.0, abs=0.2)


def test_a_metric_of_another_version_is_left_out_with_the_reason() -> None:
    found = ganeval.compare(an("a"), an("b", 1.0, seed=1, version=2))
    assert "kid" not in words(found)
    assert "kid of b: not compared, for they differ in the metric's version. Measure both alike" in str(found)
    with pytest.raises(IncomparableError, match="No metric is left to compare"):
        ganeval.compare(an("a"), an("b", version=2), metrics=["kid"])


@pytest.mark.parametrize(
    ("sides", "error", "said"),
    [
        (lambda _: (an("a"),), WrongInputError, "needs two sides; got 1"),
        (
            lambda _: (an("a"), an("b", real="other")),
            IncomparableError,
            "b was measured differently from a: the reference",
        ),
        (lambda _: (an("a"), 3), WrongInputError, "takes evaluations, result files, runs and folders; got int"),
        (lambda _: (an("a"), []), WrongInputError, "must hold evaluations"),
        (lambda at: (an("a"), at / "nothing"), MissingFileError, "neither a result file nor a folder"),
        (lambda at: (an("a"), at), GanevalError, "holds no evaluation. Evaluate it first"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    sides: Callable[[Path], tuple], error: type[GanevalError], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said.replace(".", r"\.")):
        ganeval.compare(*sides(tmp_path))


def test_a_metric_that_not_every_side_has_is_answered_with_those_they_have() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'kid'"):
        ganeval.compare(an("a"), an("b"), metrics=["kidd"])


def test_a_result_of_a_format_that_is_gone_says_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, an("a"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": "ganeval.evaluation/0"}))
    with pytest.raises(BrokenRunError, match="Evaluate that run again with this version"):
        ganeval.compare(an("a"), path)


def test_the_verb_prints_words_and_ends_with_0_whatever_came_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, other = (str(written(tmp_path, e)) for e in (an("a"), an("b", 1.0, seed=1), an("other", real="x")))
    assert main(["compare", a, b, "--json", str(tmp_path / "out" / "c.json")]) == 0
    assert "b against a: worse in kid and recall" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "c.json").read_text())["schema"] == "ganeval.comparison/1"
    assert main(["compare", a, b, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["word"] == "worse"
    assert main(["compare", a, b, "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("| metric | against |")
    assert main(["compare", a, other]) == 5
    assert main(["compare", a]) == 2
    assert main(["compare"]) == 2


def test_a_comparison_is_a_table_in_a_notebook_and_one_line_in_a_prompt() -> None:
    found = ganeval.compare(an("<b>a"), an("b", 1.0, seed=1))
    html = found._repr_html_()
    assert "&lt;b&gt;a" in html
    assert "✘ worse" in html
    assert repr(found).startswith("<Comparison b against <b>a: worse in kid and recall")
