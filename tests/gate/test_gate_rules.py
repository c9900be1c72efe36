from __future__ import annotations

from pathlib import Path

import pytest

from ganeval.errors import MissingFileError
from ganeval.gate.rules import GateConfig, GateConfigError, Rule, find_config, load_config, parse_config

GOOD = """
[gate]
baseline = "baselines/cgan.json"
alpha = 0.02
[[gate.rule]]
metric = "fid"
margin_rel = 0.05
margin_abs = 0.10
max = 6.0
[[gate.rule]]
metric = "missing_classes"
max = 0
hard = true
"""


def test_a_configuration_is_read_from_ganeval_toml(tmp_path: Path):
    (tmp_path / "ganeval.toml").write_text(GOOD)
    config = load_config(tmp_path / "ganeval.toml")
    assert config.alpha == 0.02
    assert [rule.metric for rule in config.rules] == ["fid", "missing_classes"]
    assert config.resolve("baselines/cgan.json") == tmp_path / "baselines/cgan.json"


def test_a_configuration_is_read_from_pyproject(tmp_path: Path):
    text = GOOD.replace("[gate]", "[tool.ganeval.gate]").replace("[[gate.rule]]", "[[tool.ganeval.gate.rule]]")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n" + text)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    found = find_config(inner)
    assert found == tmp_path / "pyproject.toml"
    assert len(load_config(found).rules) == 2


def test_the_larger_of_two_margins_counts():
    rule = Rule(metric="fid", margin_rel=0.05, margin_abs=0.1)
    assert (rule.margin(1.0), rule.margin(10.0)) == (0.1, 0.5)
    assert rule.floor(10.0) == 0.125


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[gate]\nalpa = 0.01", "no key named 'alpa'. Did you mean 'alpha'"),
        ("[gate]\nalpha = '1 %'", "alpha must be of type float; got '1 %'"),
        ("[gate]\nalpha = 0.7", "alpha must lie in (0, 0.5)"),
        ("[gate]\nlooks = true", "looks must be of type int; got True"),
        ("[gate]\nlooks = 0", "looks must be at least 1"),
        ("[gate]\non_inconclusive = 'explode'", "no choice named 'explode'"),
        ("[gate]\nscope = 'recipee'", "Did you mean 'recipe'"),
        ("[[gate.rule]]\nmetric = 'fid'", "can never fail"),
        ("[[gate.rule]]\nmargin_abs = 1.0", "rule 1: metric is missing"),
        ("[[gate.rule]]\nmetric = 'fid'\nmargin_relative = 0.1", "Did you mean 'margin_rel'"),
        ("[[gate.rule]]\nmetric = 'fid'\nmargin_rel = -0.1", "expected a number >= 0"),
        ("[[gate.rule]]\nmetric = 'fid'\nmargin_rel = nan", "expected a number >= 0"),
        ("[[gate.rule]]\nmetric = 'fid'\nmargin_rel = 0.1\nhard = true", "takes no margins"),
        ("[[gate.rule]]\nmetric = 'fid'\nmax = 1\n[[gate.rule]]\nmetric = 'fid'\nmax = 2", "Two rules name 'fid'"),
        ("[gate.rule]\nmetric = 'fid'", "rules are written [[gate.rule]]"),
        ("[gaet]\nalpha = 0.01", "no table named 'gaet'. Did you mean 'gate'"),
        ("alpha 0.01", "is not valid TOML"),
        ("", "has no [gate] table"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, text: str, says: str):
    path = tmp_path / "ganeval.toml"
    path.write_text(text)
    with pytest.raises(GateConfigError) as caught:
        load_config(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_configuration_says_where_it_was_looked_for(tmp_path: Path):
    with pytest.raises(MissingFileError, match=r"ganeval\.toml"):
        load_config(tmp_path / "ganeval.toml")


def test_looks_grow_fourfold_up_to_the_most_images():
    assert GateConfig(rules=(), max_n=20_000).sizes(1000) == (1000, 4000, 16000)
    assert GateConfig(rules=(), looks=1).sizes(5000) == (5000,)
    assert GateConfig(rules=(), max_n=100).sizes(5000) == (5000,)


def test_a_rule_of_plain_values_knows_whether_it_needs_a_baseline():
    config = parse_config({"rule": [{"metric": "fid", "max": 3}, {"metric": "kid", "margin_abs": 0.1}]})
    assert [rule.needs_baseline for rule in config.rules] == [False, True]


RULE = "[gate]\nname = 'x'\n\n[[gate.rule]]\nmetric = 'fid'\nmax = 9.0\n\n[[gate.rule]]\nmetric = '{}'\n{}\n"


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("kid", "max = nan"),
        ("kid", "max = inf"),
        ("kid", "min = -inf"),
        ("kid", "max = inf\nhard = true"),
        ("kid", "min = -inf\nhard = true"),
        ("missing_classes", "max = nan\nhard = true"),
        ("kid", f"max = 1{'0' * 400}"),
        ("kid", "margin_abs = 1e300"),
        ("kid", "margin_abs = inf"),
        ("kid", "margin_rel = 1e300"),
        ("kid", "margin_rel = 5"),
        ("kid", f"margin_abs = 1{'0' * 400}"),
        ("kid", f"margin_abs = -1{'0' * 400}"),
        ("kid", "max = 1e13"),
        ("kid", f"margin_abs = 0x{'f' * 9000}"),
        ("kid", "margin_abs = true"),
        ("kid", "max = '9'"),
        ("kid", "max = [1]"),
        ("precision", "min = -1"),
        ("precision", "min = 0"),
        ("precision", "max = 1"),
        ("precision", "min = 1e-300"),
        ("precision", "min = 1e-300\nhard = true"),
        ("precision", "max = 0.9999999999"),
        ("precision", "margin_abs = 0.9999999999"),
        ("precision", "margin_rel = 0.9999999999"),
        ("sfid", "min = 1e-300"),
        ("vendi", "min = 1.0000000000001"),
        ("mse", "image_max = 0.9999999999"),
        ("ms_ssim_paired", "image_min = 1e-300"),
        ("mse", "image_max = 0.5\nimage_share = 0.9999999999"),
        ("classifier_score", "per_class_min = 1e-300"),
        ("classifier_score", "per_class_margin_abs = 0.9999999999"),
        ("precision", "min = 95"),
        ("duplicates", "max = 1.0"),
        ("duplicates", "max = -0.1"),
        ("missing_classes", "min = -1\nhard = true"),
        ("precision", "margin_abs = 1"),
        ("precision", "margin_rel = 1.0"),
        ("coverage", "margin_abs = 30"),
        ("vendi", "min = 1"),
        ("vendi", "min = -3\nhard = true"),
        ("sfid", "min = 0"),
        ("inception_score", "min = 1"),
        ("classifier_score", "per_class_margin_abs = 1e9"),
        ("classifier_score", "per_class_margin_abs = 1"),
        ("classifier_score", "per_class_margin_abs = nan"),
        ("classifier_score", "per_class_min = -1"),
        ("classifier_score", "per_class_min = 0"),
        ("classifier_score", "per_class_min = 90"),
        ("kid", "max = 1\nmin = 2"),
        ("ct", "margin_abs = 1.0"),
        ("kid", "max = 1\nfloor_abs = 1.0"),
        ("kid", "margin_abs = 0.1\nfloor_abs = inf"),
        ("kid", "margin_abs = 0.1\nfloor_rel = 1e9"),
        ("a.plug_in", "max = inf"),
        ("a.plug_in", "margin_abs = 1e300"),
    ],
)
def test_a_rule_that_nothing_can_fail_or_keep_is_refused_with_its_line(tmp_path: Path, metric: str, line: str):
    for name, prefix in (("ganeval.toml", ""), ("pyproject.toml", "tool.ganeval.")):
        path = tmp_path / name
        path.write_text(RULE.format(metric, line).replace("[gate", f"[{prefix}gate"))
        with pytest.raises(GateConfigError, match=r", line (10|11), rule 2: ") as caught:
            load_config(path)
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("precision", "min = 0.01"),
        ("precision", "max = 0.99"),
        ("precision", "margin_abs = 0.99"),
        ("kid", "margin_rel = 1"),
        ("kid", "min = -0.5"),
        ("kid", "max = 1000000"),
        ("missing_classes", "max = 0\nhard = true"),
        ("ct", "min = -3"),
        ("classifier_score", "per_class_min = 1"),
        ("fld", "max = -2.5"),
        ("precision", "min = 0.0001"),
        ("duplicates", "max = 0\nhard = true"),
        ("sfid", "min = 0.000001"),
        ("classifier_score.corrected", "min = 0.5"),
        ("vendi", "min = 1.5"),
        ("kid", "margin_abs = 0"),
        ("kid", "margin_abs = 0.1\nfloor_abs = 0"),
    ],
)
def test_a_rule_that_can_fail_is_taken(tmp_path: Path, metric: str, line: str):
    path = tmp_path / "ganeval.toml"
    path.write_text(RULE.format(metric, line))
    assert load_config(path).rules[1].metric == metric


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[gate]\nn = 5\nseed = -1", 3),
        (f"[gate]\nlooks = 1{'0' * 30}", 2),
        (f"[gate]\nmax_n = 1{'0' * 30}", 2),
        (f"[gate]\nseed = 1{'0' * 30}", 2),
        ("[gate]\n\n\nalpha = 1e-300", 4),
        ("[gate]\nalpha = nan", 2),
        (f"[gate]\nalpha = 1{'0' * 400}", 2),
        ("[gate]\nn = 2.5", 2),
        ("[gate]\nbaseline = ''", 2),
        ('[gate]\nreal = "a\\u0000b"', 2),
        ("[gate]\nname = 3", 2),
        ("[gate]\nlooks = true", 2),
        ("gate.rule = [\n {metric = 'kid', max = 2},\n {metric = 'fid', max = inf},\n]", 4),
        ("[gate]\nscope = []", 2),
        ('[gate]\nname = """\nmax = inf\n"""\n[[gate.rule]]\nmetric = "kid"\nmax = inf', 7),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str, line: int):
    path = tmp_path / "ganeval.toml"
    path.write_text(text)
    with pytest.raises(GateConfigError, match=rf"ganeval\.toml, line {line}[:,]"):
        load_config(path)


@pytest.mark.parametrize(
    "text", ["gate = 3", "gate = [1]", f"gate = {{alpha = 1{'0' * 5000}}}", "a = " + "[" * 5000, "\x00"]
)
def test_no_table_at_all_is_a_sentence(tmp_path: Path, text: str):
    path = tmp_path / "ganeval.toml"
    path.write_text(text)
    with pytest.raises(GateConfigError, match=r"ganeval\.toml"):
        load_config(path)


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nganeval = 3", "[tool.ganeval]\ngate = 3"])
def test_a_pyproject_with_another_thing_in_the_gates_place_is_a_sentence(tmp_path: Path, text: str):
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(GateConfigError, match=r"pyproject\.toml"):
        load_config(path)
