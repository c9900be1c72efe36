from __future__ import annotations

import errno
import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from ganeval.gate.baseline import Baseline
from ganeval.gate.deliver import deliver, summary_path
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import parse_config
from ganeval.gate.terminal import render as render_terminal
from ganeval.gate.verdict import Check, Exit, RuleVerdict, Verdict
from ganeval.gate.writer import WRITERS

RULES = [
    {"metric": "fid", "margin_rel": 0.05, "max": 9.0},
    {"metric": "classifier_score", "margin_abs": 0.02, "per_class_margin_abs": 0.04},
    {"metric": "missing_classes", "max": 0, "hard": True},
]
EVIL = 'a"|<b>]]>&%,:\n::error::x`@team`[l](u)\u0000\ud800-->'


@pytest.fixture
def verdict(make_evaluation) -> Verdict:
    base = Baseline.of([make_evaluation()], name="b", reason="r")
    return judge(
        [make_evaluation(seed=1, shift=0.4)], parse_config({"rule": RULES, "name": "cgan"}), Against(base)
    ).verdict


@pytest.fixture
def evil() -> Verdict:
    name = EVIL.encode("utf-8", "replace").decode()
    check = Check("difference", "regressed", EVIL.replace("\ud800", ""), 1.0, (0.5, 1.5), 1.0, 2.0, 0.1)
    rules = tuple(RuleVerdict(f"m{i}{name}", "regressed", check.sentence, (check,), 2.0, 0.1, 100) for i in range(60))
    metrics = {f"m{i}{name}": {"value": 1.0, "se": 0.1, "n": 5, "better": "lower"} for i in range(60)}
    return Verdict(name, "2026", "regressed", 1, name, rules, metrics=metrics)


def test_every_writer_writes_every_verdict(verdict, evil):
    empty = Verdict("x", "", "error", Exit.NOTHING, "nothing")
    for one in (verdict, evil, empty):
        for writer in WRITERS:
            text = writer.render(one)
            assert text.endswith("\n")
            assert text == writer.render(one)


def test_the_json_holds_everything(verdict):
    document = json.loads(WRITERS["json"].render(verdict))
    assert document["schema"] == "ganeval.verdict/1"
    assert document["exit_code"] == 1
    assert document["rules"][0]["checks"][0]["delta"] == pytest.approx(0.4, abs=0.1)
    assert set(document["metrics"]) == {"fid", "classifier_score", "missing_classes"}


def test_junit_has_one_case_per_rule_and_counts_them(verdict):
    root = ET.fromstring(WRITERS["junit"].render(verdict))
    suite = root[0]
    assert suite.get("tests") == "3"
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("1", "0", "1")
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert cases["fid"].get("classname") == "ganeval.cgan"
    assert "loss" in cases["fid"].find("failure").get("message")
    assert cases["classifier_score"].find("skipped") is not None
    assert cases["missing_classes"].find("failure") is None
    assert not [case for case in cases.values() if case.find("properties") is not None]
    assert suite.find("properties/property[@name='protocol_hash']").get("value") == verdict.protocol_hash


def test_junit_is_well_formed_for_hostile_names(evil):
    root = ET.fromstring(WRITERS["junit"].render(evil))
    assert len(list(root.iter("testcase"))) == 60


def test_nothing_judged_is_an_error_in_junit():
    empty = Verdict("x", "", "error", Exit.NOTHING, "There is no evaluation.")
    assert ET.fromstring(WRITERS["junit"].render(empty))[0].get("errors") == "1"


def test_markdown_has_a_row_for_each_rule_the_worst_first(verdict):
    text = WRITERS["markdown"].render(verdict)
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert text.startswith("<!-- ganeval:cgan -->\n### ✘ regressed: fid: regressed.")
    assert [row.split()[1] for row in rows] == ["fid", "classifier\\_score", "missing\\_classes"]
    assert "✘ regressed" in rows[0]
    assert "With n = 200, a loss of" in text


def test_markdown_is_harmless_and_below_64_kb(evil):
    text = WRITERS["markdown"].render(evil)
    assert len(text.encode()) <= 64_000
    assert "<b>" not in text
    assert "@team" not in text
    assert text.count("<!--") == text.count("-->") == 1
    rows = [line for line in text.splitlines() if line.startswith("| m")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}


def test_markdown_of_a_thousand_rules_is_cut_with_a_word(evil):
    many = replace(evil, rules=evil.rules * 20)
    text = WRITERS["markdown"].render(many)
    assert len(text.encode()) <= 64_000
    assert "the rest is in verdict.json" in text


def test_github_gets_at_most_one_of_each_and_no_injected_command(verdict, evil):
    for one in (verdict, evil):
        lines = WRITERS["github"].render(one).splitlines()
        kinds = [line.split()[0] for line in lines]
        assert len(kinds) == len(set(kinds))
        assert all(re.match(r"::(error|warning|notice) title=[^:,]*::", line) for line in lines)
        assert max(len(line.encode()) for line in lines) < 13_000
    assert "and 57 more rules" in WRITERS["github"].render(evil)


def test_openmetrics_rounds_to_what_the_error_supports(verdict):
    text = WRITERS["openmetrics"].render(verdict)
    assert text.endswith("# EOF\n")
    se = verdict.metrics["fid"]["se"]
    assert f'ganeval_fid{{run="cgan",stat="value"}} {verdict.metrics["fid"]["value"]:.3f}\n' in text
    assert 0.01 < se < 0.1
    assert 'ganeval_gate_rules{run="cgan",verdict="regressed"} 1' in text


def test_openmetrics_parses_with_hostile_names(evil):
    body = WRITERS["openmetrics"].render(evil).splitlines()
    label = r'[a-z]+="(?:[^"\\\n]|\\.)*"'
    pattern = re.compile(rf"(# TYPE [a-zA-Z_0-9]+ gauge|# EOF|[a-zA-Z_0-9]+\{{{label}(,{label})*\}} [-0-9.e+]+)")
    assert not [line for line in body if not pattern.fullmatch(line)]


def test_history_is_one_line_below_4_kb(verdict, evil):
    for one in (verdict, evil):
        line = WRITERS["history"].render(one)
        assert line.count("\n") == 1
        assert len(line.encode()) <= 4000
    record = json.loads(WRITERS["history"].render(verdict))
    assert record["metrics"]["fid"]["n"] == 2000
    assert record["protocol_hash"] == verdict.protocol_hash


def test_the_terminal_shows_every_rule(verdict):
    text = render_terminal(verdict)
    assert "✘  fid" in text
    assert text.splitlines()[-1] == "ganeval gate cgan: regressed. fid: regressed."


def test_files_are_replaced_and_histories_grow(verdict, tmp_path: Path):
    for _ in range(2):
        deliver(verdict, {"json": tmp_path / "deep" / "v.json", "history": tmp_path / "h.jsonl"})
    assert json.loads((tmp_path / "deep" / "v.json").read_text())["name"] == "cgan"
    assert len((tmp_path / "h.jsonl").read_text().splitlines()) == 2


def test_a_full_disk_is_a_failure_and_leaves_the_old_file(verdict, tmp_path: Path, monkeypatch):
    old = tmp_path / "v.json"
    old.write_text("old")
    green = replace(verdict, verdict="ok", exit_code=0, sentence="No rule failed.")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    after = deliver(green, {"json": old, "markdown": tmp_path / "s.md"})
    assert after.exit_code == Exit.ERROR
    assert "The json output could not be written" in after.sentence
    assert "No space left on device" in after.sentence
    assert "The markdown output" in after.sentence
    assert old.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["v.json"]


def test_no_file_says_another_exit_code_than_the_process_where_one_output_failed(verdict, tmp_path: Path):
    green = replace(verdict, verdict="ok", exit_code=0, sentence="No rule failed.")
    (tmp_path / "taken").mkdir()
    after = deliver(green, {"json": tmp_path / "v.json", "junit": tmp_path / "taken"})
    assert after.exit_code == Exit.ERROR
    assert json.loads((tmp_path / "v.json").read_text())["exit_code"] == Exit.ERROR


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_history_on_a_full_disk_is_a_failure(verdict):
    green = replace(verdict, verdict="ok", exit_code=0)
    assert deliver(green, {"history": "/dev/full"}).exit_code == Exit.ERROR
    assert deliver(verdict, {"history": "/dev/full"}).exit_code == Exit.REGRESSED


def test_a_job_summary_that_is_nearly_full_is_left_alone(tmp_path: Path, monkeypatch):
    path = tmp_path / "summary"
    path.write_bytes(b"x" * 1000)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert summary_path() == str(path)
    path.write_bytes(b"x" * (2**20 - 10))
    assert summary_path() == ""
