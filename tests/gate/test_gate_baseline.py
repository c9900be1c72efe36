from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganeval.errors import BrokenRunError, MissingFileError
from ganeval.gate.baseline import Baseline, file_hash, read_baseline, vector_files, write_baseline
from ganeval.gate.rules import parse_config
from ganeval.gate.update import (
    RefusedError,
    Update,
    require_allowed,
    require_healthy,
    update_baseline,
    write_candidate,
)
from ganeval.gate.verdict import RuleVerdict, Verdict

CONFIG = parse_config({"name": "cgan", "rule": [{"metric": "fid", "margin_rel": 0.05}]})
GREEN = Verdict("cgan", "", "ok", 0, "")


@pytest.fixture
def stored(make_evaluation, tmp_path: Path) -> Path:
    baseline = Baseline.of([make_evaluation(n=n) for n in (4000, 1000)], name="cgan", reason="release 0.3")
    return write_baseline(baseline, tmp_path / "baselines" / "cgan.json", ["fid", "classifier_score"])


def test_a_baseline_survives_its_file(make_evaluation, stored: Path):
    found = read_baseline(stored)
    first = make_evaluation(n=1000)
    assert [look.n for look in found.looks] == [1000, 4000]
    assert found.reason == "release 0.3"
    assert found.looks[0].entries["fid"].value == first["fid"].value
    assert found.looks[0].entries["classifier_score"].hits == int(first.per_sample["classifier_score.correct"].sum())
    assert np.array_equal(found.looks[0].per_sample["fid.influence"], first.per_sample["fid.influence"])
    assert found.at(4000) is found.last


def test_a_baseline_is_text_that_people_can_review(stored: Path):
    text = stored.read_text()
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert document["schema"] == "ganeval.baseline/1"
    assert document["per_sample"]["file"] == f"cgan.samples-{document['per_sample']['sha256'][:16]}.safetensors"
    assert "NaN" not in text
    assert str(stored.parent) not in text


def test_equal_measurements_make_equal_bytes(make_evaluation, tmp_path: Path):
    paths = [write_baseline(Baseline.of([make_evaluation()], name="a"), tmp_path / d / "a.json") for d in "xy"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_missing_baseline_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(MissingFileError, match="--update-baseline --reason"):
        read_baseline(tmp_path / "x.json")


def test_a_truncated_baseline_is_an_error(stored: Path):
    stored.write_bytes(stored.read_bytes()[:-40])
    with pytest.raises(BrokenRunError, match="Expected a JSON document"):
        read_baseline(stored)


def test_an_edit_by_hand_is_found(stored: Path):
    document = json.loads(stored.read_text())
    document["metrics"]["fid"]["value"] = 99.0
    stored.write_text(json.dumps(document))
    with pytest.raises(BrokenRunError, match="edited by hand"):
        read_baseline(stored)


def test_another_schema_is_an_error(stored: Path):
    stored.write_text(stored.read_text().replace("ganeval.baseline/1", "ganeval.baseline/9"))
    with pytest.raises(BrokenRunError, match=r"must have schema 'ganeval.baseline/1'; got 'ganeval.baseline/9'"):
        read_baseline(stored)


def test_lost_vectors_cost_the_pairing_and_say_so(stored: Path):
    (beside,) = vector_files(stored)
    beside.unlink()
    found = read_baseline(stored)
    assert f"{beside.name} is missing, so nothing can be paired" in found.note
    assert not found.last.per_sample


def test_vectors_of_another_baseline_are_an_error(stored: Path):
    (beside,) = vector_files(stored)
    beside.write_bytes(beside.read_bytes()[:-4] + b"abcd")
    with pytest.raises(BrokenRunError, match=r"does not belong to cgan\.json"):
        read_baseline(stored)


def test_a_stored_evaluation_can_be_a_baseline(make_evaluation, tmp_path: Path):
    path = make_evaluation().write(tmp_path / "step-000010" / "result.json")
    assert read_baseline(path).last.linear("fid") is not None


def test_an_update_names_what_it_supersedes_and_what_changes(make_evaluation, stored: Path):
    before = file_hash(stored)
    old = read_baseline(stored)
    now = make_evaluation(n=4000, shift=0.5)
    new, change = update_baseline(stored, [now], CONFIG, Update(reason="new sampler"), old)
    assert new.supersedes == read_baseline(stored).supersedes == before
    assert "reason: new sampler" in change
    assert f"fid: {old.last.entries['fid'].value:.3f} +- 0.016 -> {now['fid'].value:.3f} +- 0.016" in change
    assert new.source["dirty"] in (True, False, None)


def test_only_vectors_that_rules_read_are_kept(make_evaluation, tmp_path: Path):
    path = write_candidate(tmp_path / "cgan.json", [make_evaluation()], CONFIG)
    assert path.name == "cgan.candidate.json"
    assert json.loads(path.read_text())["per_sample"]["keys"] == [
        "2000/fid.influence",
        "2000/labels",
    ]


def test_an_update_takes_the_candidate_away(make_evaluation, tmp_path: Path):
    write_candidate(tmp_path / "cgan.json", [make_evaluation()], CONFIG)
    update_baseline(tmp_path / "cgan.json", [make_evaluation()], CONFIG, Update(reason="r"), None)
    assert set(tmp_path.iterdir()) == {tmp_path / "cgan.json", *vector_files(tmp_path / "cgan.json")}


@pytest.fixture
def clean(monkeypatch):
    monkeypatch.setattr("ganeval.gate.update.git_state", lambda: {"commit": "abc", "dirty": False})


@pytest.mark.parametrize(
    ("environ", "refused"), [({"CI": "true"}, True), ({"CI": "1"}, True), ({"CI": "false"}, False), ({}, False)]
)
@pytest.mark.usefixtures("clean")
def test_an_update_in_ci_is_refused(tmp_path: Path, environ, refused):
    path = tmp_path / "x.json"
    if refused:
        with pytest.raises(RefusedError, match="--allow-ci-update"):
            require_allowed(Update(reason="r"), path, environ)
    require_allowed(Update(reason="r", allow_ci=refused), path, environ)


def test_an_update_from_a_dirty_tree_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("ganeval.gate.update.git_state", lambda: {"commit": "abc", "dirty": True})
    with pytest.raises(RefusedError, match="--force"):
        require_allowed(Update(reason="r"), tmp_path / "x.json", {})
    require_allowed(Update(reason="r", force=True), tmp_path / "x.json", {})


@pytest.mark.usefixtures("clean")
def test_an_update_without_a_reason_is_refused(tmp_path: Path):
    with pytest.raises(RefusedError, match="--reason"):
        require_allowed(Update(reason="  "), tmp_path / "x.json", {})


@pytest.mark.usefixtures("clean")
def test_only_new_baselines_are_written_when_that_was_asked(stored: Path):
    with pytest.raises(RefusedError, match="exists already"):
        require_allowed(Update(reason="r", new_only=True), stored, {})


def test_a_regression_becomes_no_baseline_by_itself(make_evaluation):
    red = replace(GREEN, verdict="regressed", sentence="fid: regressed.")
    with pytest.raises(RefusedError, match="--accept-regression"):
        require_healthy(Update(reason="r"), red, [make_evaluation()])
    require_healthy(Update(reason="r", accept_regression=True), red, [make_evaluation()])


def test_a_broken_measurement_becomes_no_baseline(make_evaluation):
    broken = replace(GREEN, verdict="error", rules=(RuleVerdict("fid", "error", "NaN"),))
    with pytest.raises(RefusedError, match="no baseline"):
        require_healthy(Update(reason="r", accept_regression=True), broken, [make_evaluation()])
    with pytest.raises(RefusedError, match="Nothing was measured"):
        require_healthy(Update(reason="r"), GREEN, [])
