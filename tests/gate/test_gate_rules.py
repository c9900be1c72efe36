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


@pytest.mark.parametrize(("text", "says"), [
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
])  # fmt: skip
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
