"""The plugin, run as a user runs it: a small project, its tests, its options."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

import pytest

# Before pytester takes its snapshot of sys.modules: torch loads only once a process, and the rest would load every
# time.
import ganeval.gate.commands
import ganeval.measure.generators
import ganeval.pytest_plugin

pytest_plugins = ["pytester"]

LOAD = ("-p", "ganeval.pytest_plugin")
LOADED = (ganeval.gate.commands, ganeval.pytest_plugin, ganeval.measure.generators)
TEST = """
from pathlib import Path
from ganeval.records.scores import Evaluation

RULES = [{"metric": "fid", "margin_rel": 0.05}]

def read(name):
    return Evaluation.read(Path(__file__).parent / name / "result.json", per_sample=True)

def test_cgan(ganeval_gate):
    verdict = ganeval_gate(read("now"), name="cgan", rules=RULES)
    assert verdict.verdict in ("ok", "improved", "incomparable")
"""


@pytest.fixture
def project(pytester: pytest.Pytester, make_evaluation, monkeypatch):
    for variable in ("CI", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    make_evaluation().write(pytester.path / "now" / "result.json")
    pytester.makepyfile(test_generator=TEST)
    return pytester


def run(project: pytest.Pytester, *options: str):
    return project.runpytest_inprocess(*LOAD, "-p", "no:cacheprovider", *options)


def test_a_first_run_fails_and_leaves_a_candidate(project):
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*There is no baseline at*", "*cgan.candidate.json was written*"])
    assert (project.path / "baselines" / "cgan.candidate.json").is_file()
    assert not (project.path / "baselines" / "cgan.json").exists()


def test_an_accepted_baseline_makes_it_green_and_a_loss_red(project, make_evaluation):
    run(project, "--ganeval-update-baseline", "first").assert_outcomes(passed=1)
    document = json.loads((project.path / "baselines" / "cgan.json").read_text())
    assert document["reason"] == "first"
    run(project).assert_outcomes(passed=1)
    make_evaluation(shift=0.5).write(project.path / "now" / "result.json")
    result = run(project, "--junitxml=j.xml", "--ganeval-report-dir=out")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*exit code 1*", "*✘*fid*regressed*", "*ganeval gate cgan: regressed. fid: regressed.*"]
    )
    case = next(ET.parse(project.path / "j.xml").iter("testcase"))
    assert "fid: regressed" in case.find("failure").text
    assert json.loads((project.path / "out" / "cgan.json").read_text())["verdict"] == "regressed"
    assert (project.path / "out" / "cgan.md").read_text().startswith("<!-- ganeval:cgan -->")


def test_an_update_does_not_take_a_regression_by_itself(project, make_evaluation):
    run(project, "--ganeval-update-baseline", "first")
    make_evaluation(shift=0.5).write(project.path / "now" / "result.json")
    result = run(project, "--ganeval-update-baseline", "second")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--ganeval-accept-regression*"])
    assert json.loads((project.path / "baselines" / "cgan.json").read_text())["reason"] == "first"


def test_only_new_baselines_are_written_on_request(project, make_evaluation):
    run(project, "--ganeval-update-baseline", "first")
    make_evaluation(shift=-0.5).write(project.path / "now" / "result.json")
    run(project, "--ganeval-update-baseline", "second", "--ganeval-update-new-only").assert_outcomes(passed=1)
    assert json.loads((project.path / "baselines" / "cgan.json").read_text())["reason"] == "first"


def test_an_update_in_ci_fails_with_the_flag_that_allows_it(project, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = run(project, "--ganeval-update-baseline", "x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--ganeval-allow-ci-update*"])


def test_a_baseline_that_no_gate_used_is_listed(project):
    run(project, "--ganeval-update-baseline", "first")
    (project.path / "baselines" / "old.json").write_text("{}")
    run(project).stdout.fnmatch_lines(["*old.json: no gate of this run used it*"])


def test_heavy_tests_carry_the_marker_and_can_be_skipped(project):
    run(project, "-m", "not ganeval").assert_outcomes(deselected=1)
    run(project, "--ganeval-skip").assert_outcomes(skipped=1)
    run(project, "--strict-markers").assert_outcomes(failed=1)


def test_two_gates_of_one_name_are_told_apart_from_a_healthy_run(project):
    project.makepyfile(
        test_generator=TEST
        + """
def test_other(ganeval_gate, tmp_path):
    import dataclasses
    other = dataclasses.replace(read("now"), created="1999")
    ganeval_gate(other, name="cgan", rules=RULES)
"""
    )
    result = run(project, "--ganeval-update-baseline", "first")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*Two tests write cgan.json with different content*"])


def test_a_baseline_that_cannot_be_written_fails_the_session(project):
    (project.path / "baselines").write_text("a file where a folder should be")
    result = run(project, "--ganeval-update-baseline", "first")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*could not be written*"])


@pytest.mark.skipif(find_spec("xdist") is None, reason="needs pytest-xdist")
def test_under_xdist_the_controller_writes(project):
    project.makepyfile(
        test_generator=TEST.replace(
            'def test_cgan(ganeval_gate):\n    verdict = ganeval_gate(read("now"), name="cgan", rules=RULES)',
            "import pytest\n@pytest.mark.parametrize('name', ['a', 'b'])\ndef test_cgan(ganeval_gate, name):\n"
            "    verdict = ganeval_gate(read('now'), name=name, rules=RULES)",
        )
    )
    first = project.runpytest_subprocess(*LOAD, "-p", "xdist.plugin", "-p", "no:cacheprovider", "-n2")
    first.assert_outcomes(failed=2)
    names = sorted(path.name for path in (project.path / "baselines").iterdir())
    names = [re.sub(r"-[0-9a-f]{16}", "", name) for name in names]
    assert names == [f"{x}.candidate.{end}" for x in "ab" for end in ("json", "samples.safetensors")]
    written = project.runpytest_subprocess(
        *LOAD,
        "-p",
        "xdist.plugin",
        "-p",
        "no:cacheprovider",
        "-n2",
        "--ganeval-update-baseline",
        "r",
        "--junitxml=j.xml",
    )
    written.assert_outcomes(passed=2)
    written.stdout.fnmatch_lines(["wrote a.json", "wrote b.json"])
    assert len(list(ET.parse(project.path / "j.xml").iter("testcase"))) == 2
    assert not list((project.path / "baselines").glob("*.candidate.*"))


def test_latents_are_the_same_everywhere_and_nested(project):
    project.makepyfile(
        test_generator="""
def test_latents(ganeval_latents):
    long, short = ganeval_latents(7, n=100, dim=4), ganeval_latents(7, n=10, dim=4)
    assert (long[:10] == short).all() and long.dtype == "float32"
    assert ganeval_latents(8, n=1, dim=4)[0, 0] != short[0, 0]
    assert abs(float(short[0, 0]) - FIRST) < 1e-6
""".replace("FIRST", "-0.5023736")
    )
    run(project).assert_outcomes(passed=1)


GENERATOR = """
import numpy as np, pytest, torch
CALLS = []

def generator(n, labels, rng):
    CALLS.append(n)
    return torch.randint(0, SHARE, (n, 1, 4, 4), generator=rng, dtype=torch.uint8)

@pytest.fixture(scope="session")
def ganeval_generator():
    return generator

REAL = np.random.default_rng(0).integers(0, 256, (300, 1, 4, 4), dtype=np.uint8)
"""


def test_a_generator_is_evaluated_once_a_session_and_paired_with_itself(project):
    project.makeconftest(GENERATOR.replace("SHARE", "256"))
    project.makepyfile(
        test_generator="""
import pytest
from conftest import CALLS, REAL, generator

OPTIONS = {"real": REAL, "extractor": "pixels", "metrics": ["fid", "kid"], "n": 300}

@pytest.mark.ganeval(**OPTIONS)
def test_a(ganeval_eval):
    assert ganeval_eval["fid"].value > 0 and ganeval_eval.fake.n == 300

@pytest.mark.ganeval(**OPTIONS)
def test_b(ganeval_eval):
    assert CALLS == [300]

def test_gate(ganeval_gate):
    verdict = ganeval_gate(generator, name="noise", rules=[{"metric": "fid", "margin_rel": 0.1}], real=REAL,
                           extractor="pixels", n=300, looks=1)
    assert verdict.verdict == "incomparable" or verdict.rules[0].checks[0].paired
"""
    )
    run(project, "--ganeval-update-baseline", "first").assert_outcomes(passed=3)
    run(project).assert_outcomes(passed=3)
    project.makeconftest(GENERATOR.replace("SHARE", "200"))
    result = run(project, "-k", "gate")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["*fid: regressed*"])


def test_an_evaluation_without_a_generator_says_what_is_missing(project):
    project.makepyfile(test_generator="def test_a(ganeval_eval):\n    pass")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*override the fixture ganeval_generator*"])


def test_a_run_that_does_not_use_the_plugin_loads_nothing_for_it(tmp_path: Path):
    (tmp_path / "test_x.py").write_text(
        "import sys\ndef test_x():\n    heavy = {'torch', 'numpy', 'ganeval.records.scores', 'ganeval.gate'} & "
        "set(sys.modules)\n    assert not heavy and 'ganeval.pytest_plugin' in sys.modules\n"
    )
    options = [*LOAD, "-p", "no:cacheprovider", "-q", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_references_that_look_alike_in_print_are_two_measurements(project):
    project.makeconftest(GENERATOR.replace("SHARE", "256"))
    project.makepyfile(
        test_generator="""
import pytest
from conftest import CALLS, REAL

OTHER = REAL.copy()
OTHER[100:200] = 0  # in the middle, which numpy leaves out of the text of a long array
HOW = {"extractor": "pixels", "metrics": ["fid"], "n": 300}

@pytest.mark.ganeval(real=REAL, **HOW)
def test_a(ganeval_eval):
    test_a.fid = ganeval_eval["fid"].value

@pytest.mark.ganeval(real=OTHER, **HOW)
def test_b(ganeval_eval):
    assert repr(REAL) == repr(OTHER)
    assert ganeval_eval["fid"].value != test_a.fid
"""
    )
    run(project).assert_outcomes(passed=2)


WRONG = """
import pytest

RULES = [{"metric": "fid", "max": 9.0}]

@pytest.mark.parametrize("how", [{"foo": 3}, {"name": 5}, {"rules": [3]}, {"rules": 3}, {"max_nn": 5}])
def test_gate(ganeval_gate, how):
    ganeval_gate(None, **{"name": "a", "rules": RULES, "real": "digits:test", **how})

@pytest.mark.parametrize("how", [{"seed": -1}, {"seed": "a"}, {"n": -1}, {"dim": 0}, {"n": 1.5}])
def test_latents(ganeval_latents, how):
    given = {"seed": 0, "n": 2, "dim": 3, **how}
    ganeval_latents(given.pop("seed"), **given)
"""


def test_what_cannot_be_meant_is_a_sentence_of_ours(project):
    project.makepyfile(test_generator=WRONG)
    result = run(project, "--tb=line")
    result.assert_outcomes(failed=10)
    said = [line for line in result.outlines if re.search(r": (ganeval[.]|TypeError|ValueError|AttributeError)", line)]
    assert len(said) == 10
    assert all("ganeval." in line for line in said), said
    assert any("no setting of a gate named 'foo'" in line for line in said)
    assert any("Did you mean 'max_n'" in line for line in said)
