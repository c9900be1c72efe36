from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganeval.cli.main import main
from ganeval.errors import BrokenRunError, MissingFileError, UnknownNameError
from ganeval.gate.trend import Point, decision_interval, read_history, render_otava, render_trend, trend, trends


def points(values, se=1.0, protocol="p", better="lower"):
    return [Point(f"t{i}", f"c{i}", float(v), se, protocol, better) for i, v in enumerate(values)]


def record(i, value, se=1.0, **more):
    return {
        "time": f"t{i}",
        "commit": f"c{i}",
        "protocol_hash": "p",
        "metrics": {"fid": {"value": value, "se": se}},
        **more,
    }


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_a_healthy_series_of_a_hundred_runs_alarms_one_time_in_ten(noise):
    """Also when retraining is three times as noisy as sampling, which is where a naive standardisation fails."""
    rng = np.random.default_rng(1)
    h = decision_interval(938)
    alarms = sum(bool(trend("fid", points(rng.normal(0, noise, 100)), h).alarms) for _ in range(150))
    assert alarms / 150 <= 0.2


def test_twenty_small_losses_are_found():
    rng = np.random.default_rng(2)
    drift = np.concatenate([np.zeros(10), 0.4 * np.arange(1, 21)])
    found = [trend("fid", points(drift + rng.normal(0, 1, 30)), decision_interval(938)) for _ in range(60)]
    assert np.mean([bool(one.alarms) for one in found]) >= 0.95
    assert np.median([one.since for one in found if one.alarms]) == pytest.approx(12, abs=4)


def test_a_gain_is_no_drift():
    rng = np.random.default_rng(3)
    better = points(rng.normal(0, 1, 40) - 0.5 * np.arange(40))
    assert not trend("fid", better, decision_interval(938)).alarms


def test_the_direction_of_the_metric_counts():
    falling = points(-0.5 * np.arange(40.0), better="higher")
    assert trend("accuracy", falling, decision_interval(938)).alarms


def test_another_protocol_starts_afresh():
    two = [*points(np.zeros(10)), *points(np.full(10, 50.0), protocol="q")]
    one = trend("fid", two, decision_interval(938))
    assert not one.alarms
    assert one.sums[10] == 0.0


def test_more_series_need_stronger_evidence():
    assert decision_interval(938 * 10) > decision_interval(938) + 2


def test_a_history_is_read_drawn_and_exported(tmp_path: Path):
    path = tmp_path / "history.jsonl"
    lines = [json.dumps(record(i, 5.0 + 0.6 * i, 0.3)) for i in range(20)]
    path.write_text("\n".join(lines) + '\n{"torn": ')
    found = trends(read_history(path))
    assert [one.metric for one in found] == ["fid"]
    text = render_trend(found)
    assert "DRIFT: worse since about c" in text
    assert "16.40 +- 0.30, 20 points" in text
    assert render_otava(found).splitlines()[:2] == ["time,commit,fid", "t0,c0,5.0"]
    with pytest.raises(UnknownNameError, match=r"Did you mean 'fid'"):
        trends(read_history(path), ["fidd"])


def test_a_missing_or_foreign_history_is_an_error(tmp_path: Path):
    with pytest.raises(MissingFileError, match="--history"):
        read_history(tmp_path / "history.jsonl")
    for text in ('{"a": 1}\n', "", "\n\n", "[1]", "3", "{", "[" * 100_000):
        (tmp_path / "x.jsonl").write_text(text)
        with pytest.raises(BrokenRunError, match="no line of a history"):
            read_history(tmp_path / "x.jsonl")


GOOD = [json.dumps(record(i, 5.0 + 0.1 * (i % 3), 0.3)) for i in range(12)]
BAD = {
    "1e999": '{"metrics": {"fid": {"value": 1e999, "se": 0.3}}}',
    "se 1e999": '{"metrics": {"fid": {"value": 1.0, "se": 1e999}}}',
    "tiny se": '{"metrics": {"fid": {"value": 1.0, "se": 1e-320}}}',
    "negative se": '{"metrics": {"fid": {"value": 1.0, "se": -0.1}}}',
    "NaN": '{"metrics": {"fid": {"value": NaN, "se": 0.3}}}',
    "-Infinity": '{"metrics": {"fid": {"value": -Infinity, "se": 0.3}}}',
    "nan se": '{"metrics": {"fid": {"value": 1.0, "se": NaN}}}',
    "400 digits": '{"metrics": {"fid": {"value": 1%s, "se": 0.3}}}' % ("0" * 400),
    "5000 digits": '{"metrics": {"fid": {"value": 1%s, "se": 0.3}}}' % ("0" * 5000),
    "list": '{"metrics": {"fid": {"value": [1.0], "se": 0.3}}}',
    "metric list": '{"metrics": {"fid": [1.0, 0.3]}}',
    "metric number": '{"metrics": {"fid": 1.0}}',
    "metrics list": '{"metrics": [1]}',
    "bool": '{"metrics": {"fid": {"value": true, "se": 0.3}}}',
    "text": '{"metrics": {"fid": {"value": "1.0", "se": 0.3}}}',
    "surrogate": '{"commit": "\\ud800", "metrics": {"fid": {"value": 1.0, "se": 0.3}}}',
    "surrogate name": '{"metrics": {"\\ud800": {"value": 1.0, "se": 0.3}}}',
    "better": '{"metrics": {"fid": {"value": 1.0, "se": 0.3, "better": "sideways"}}}',
    "huge": '{"metrics": {"fid": {"value": 1e300, "se": 0.3}}}',
    "hash": '{"protocol_hash": {"a": 1}, "metrics": {"fid": {"value": 1.0, "se": 0.3}}}',
    "foreign": "[1, 2]",
    "torn": '{"metrics": {"fid"',
    "deep": "[" * 100_000,
    "word": "hello",
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_line_is_named_and_left_out(tmp_path: Path, capsys, name: str):
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join([*GOOD[:4], BAD[name], *GOOD[4:]]))
    assert main(["trend", str(path)]) == 0
    out = capsys.readouterr().out
    assert "note: line 5 of history.jsonl was left out: " in out
    assert "12 points" in out
    path.write_text(BAD[name] + "\n")
    assert main(["trend", str(path)]) not in (0, 1)
    assert "line 1 of history.jsonl was left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    ['{"metrics": {}}', '{"metrics": {"fid": {"value": 1.0}}}', '{"metrics": {"fid": {"value": null, "se": 0.1}}}'],
)
def test_a_history_without_a_value_and_its_error_is_no_green_one(tmp_path: Path, line: str):
    path = tmp_path / "history.jsonl"
    path.write_text(line + "\n")
    assert main(["trend", str(path)]) not in (0, 1)


def test_a_history_of_nothing_but_bad_lines_shows_some_of_them(tmp_path: Path, capsys):
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join([*["x"] * 100, *GOOD]))
    assert main(["trend", str(path)]) == 0
    assert "80 more lines were left out" in capsys.readouterr().out


def test_values_without_an_error_are_left_out():
    assert trends([record(0, 5.0, None), record(1, None, 1.0), record(2, 5.0)])[0].points[0].commit == "c2"


def test_a_metric_with_a_target_is_never_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Rising and falling, by any amount: neither is a loss, whatever lies beside it."""
    aimed = {"value": 1.0, "se": 0.1, "better": "target"}
    lines = [record(i, 5.0) for i in range(20)]
    for i, line in enumerate(lines):
        line["metrics"]["embedding_spread"] = {**aimed, "value": 1.0 + i}
        line["metrics"]["vendi"] = {**aimed, "value": 30.0 - i}
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    read = read_history(path)
    assert [one.metric for one in trends(read)] == ["fid"]
    assert main(["trend", str(path)]) == 0
    assert "vendi was left out: it has a target" in capsys.readouterr().out
    path.write_text(
        "".join(json.dumps({**line, "metrics": {"vendi": line["metrics"]["vendi"]}}) + "\n" for line in lines)
    )
    with pytest.raises(BrokenRunError, match="vendi was left out"):
        read_history(path)
