"""What `ganeval evaluate` prints: a headline, and where the rest is; or everything, in the shape that was asked for."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

import ganeval.cli.streams  # noqa: F401 - names the signs of poor terminals
from benchmarks.reliability.records import evaluation
from ganeval.cli.formats import Format, rendered
from ganeval.cli.main import main
from ganeval.metrics import METRICS
from ganeval.records.headline import HEADLINE, MOST
from ganeval.records.score import Floor, ScoreRecord
from ganeval.records.scores import Evaluation

SHAPES: tuple[Format, ...] = ("table", "markdown", "json", "csv")


@pytest.fixture(scope="module")
def everything() -> Evaluation:
    """Every metric that there is, three of them without a value."""
    scores = {
        m.name: ScoreRecord(
            m.name, "ok", 0.5, 0.01, (0.48, 0.52), 1000, m.better, question=m.question, floor=Floor(0.4, 0.01, 180)
        )
        for m in METRICS
    }
    lost = {name: ScoreRecord(name, "not computed: needs labels") for name in ("gan_train", "c2st", "intra_fid")}
    return _with(scores | lost)


def _with(scores: dict[str, ScoreRecord]) -> Evaluation:
    return replace(evaluation(0, 3.0), name="cgan", scores=scores)


def lines_with_a_number(text: str) -> list[str]:
    return [line for line in text.splitlines() if "0.500" in line]


def test_the_headline_is_at_most_ten_lines_and_says_where_the_rest_is(everything: Evaluation) -> None:
    text = rendered(everything, "table", full=False, kept="out.json")
    shown = lines_with_a_number(text)
    assert len(shown) == len(HEADLINE) <= MOST
    rest = len(everything.scores) - 3 - len(shown)
    assert (
        text.splitlines()[-1]
        == f"{rest} more numbers and why 3 metrics have none: --all prints them; out.json holds everything."
    )
    assert rendered(everything, "table", full=False, kept="").endswith(", --json FILE keeps everything.")


def test_each_question_stands_once_before_its_metrics(everything: Evaluation) -> None:
    firsts = [
        line.split()[0]
        for line in lines_with_a_number(rendered(everything, "table", full=True, kept=""))
        if line[0] != " "
    ]
    assert firsts == list(dict.fromkeys(firsts))
    assert set(firsts) == {record.question for record in everything.scores.values() if record.ok}


def test_all_prints_every_number_and_why_others_have_none(everything: Evaluation) -> None:
    text = rendered(everything, "table", full=True, kept="")
    assert len(lines_with_a_number(text)) == len(everything.scores) - 3
    assert "gan_train: not computed: needs labels" in text
    assert "--all" not in text


def test_nothing_is_said_of_a_rest_that_there_is_not() -> None:
    assert "--all" not in rendered(evaluation(0, 3.0), "table", full=False, kept="")


def test_json_and_csv_hold_everything(everything: Evaluation) -> None:
    document = json.loads(rendered(everything, "json", full=False, kept=""))
    assert Evaluation.from_json(document).scores.keys() == everything.scores.keys()
    rows = list(csv.DictReader(io.StringIO(rendered(everything, "csv", full=False, kept=""))))
    assert {row["metric"]: row["status"] for row in rows} == {n: r.status for n, r in everything.scores.items()}
    assert {float(row["value"]) for row in rows if row["value"]} == {0.5}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_sign_has_a_plain_one_on_a_poor_terminal(everything: Evaluation, shape: Format, encoding: str) -> None:
    text = rendered(everything, shape, full=True, kept="").replace("✓", "a sign of the user's")
    shown = text.encode(encoding, "ganeval-plain").decode(encoding)
    assert shown.count("?") == text.count("?")


def test_a_csv_cell_is_no_formula() -> None:
    evil = _with({"=1+1": ScoreRecord("=1+1", "ok", 0.5)})
    assert "\n'=1+1," in rendered(evil, "csv", full=False, kept="")


@pytest.mark.parametrize("shape", SHAPES)
def test_evaluate_prints_the_shape_that_was_asked_for(
    shape: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["evaluate", "--real", "digits:test", "--fake", "digits:train", "--n", "60", "--metrics", "fid", "copies"]
    assert main([*words, "--classifier", "digits", "--format", shape, "--json", str(tmp_path / "o.json")]) == 0
    said = capsys.readouterr().out
    starts = {
        "table": "digits:train#60: 60 images",
        "markdown": "| question | metric",
        "json": "{",
        "csv": "metric,value,se",
    }
    assert said.startswith(starts[shape])
    if shape == "json":
        assert json.loads(said)["scores"] == json.loads((tmp_path / "o.json").read_text())["scores"]


@pytest.mark.parametrize(
    ("shape", "starts"), [("csv", "metric,side,base,now"), ("markdown", "| metric"), ("json", "{")]
)
def test_a_comparison_has_the_same_shapes(
    shape: str, starts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(evaluation(i, value).write(tmp_path / f"{i}.json")) for i, value in enumerate((3.0, 9.0))]
    assert main(["compare", *paths, "--format", shape]) == 0
    said = capsys.readouterr().out
    assert said.startswith(starts)
    if shape == "csv":
        (row,) = csv.DictReader(io.StringIO(said))
        assert float(row["low"]) < float(row["delta"]) == 6.0 < float(row["high"])


def test_what_was_asked_for_by_name_is_answered_for_every_name() -> None:
    asked = _with({"kid": ScoreRecord("kid", "ok", 0.5, n=10), "mse": ScoreRecord("mse", "not computed: needs paired")})
    assert "mse: not computed: needs paired" in rendered(asked, "table", full=False, kept="")
    nothing = rendered(_with({"mse": ScoreRecord("mse", "not computed: needs paired")}), "table", full=False, kept="")
    assert nothing.endswith("mse: not computed: needs paired")
    assert "95 % interval" not in nothing  # no heads without a table
