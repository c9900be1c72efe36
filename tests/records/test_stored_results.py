"""A result on disk: its arrays are its own, a kill at any moment loses nothing, and what is damaged is a sentence."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ganeval.errors import BrokenRunError, GanevalError
from ganeval.records.scores import Evaluation, Floor, Passport, Score, ScoreRecord
from ganeval.runs.evidence import FILE, evidence_of


def result(n: int = 40, seed: int = 0, **changes: Any) -> Evaluation:
    rows = np.random.default_rng(seed).normal(size=n)
    score = Score.from_influence(3.0 + seed, rows, n=None) if n < 2 else Score.from_influence(3.0 + seed, rows)
    record = ScoreRecord.of(score.with_(name="kid", details={"classes": [{"name": "a", "n": n}]}), Floor(0.1, 0.2, n))
    passport = Passport("a folder", "f" * 64, n, 8, "hoda", "w" * 64, "none", class_names=("a", "b"))
    made = Evaluation(
        "x",
        "2026-01-01T00:00:00+00:00",
        passport,
        passport,
        {"kid": record},
        step=3,
        protocol={"seed": 0, "options": {"kid": {"k": 3}}},
        per_sample={"kid.influence": rows.astype(np.float32)},
    )
    return replace(made, **changes)


def rows_of(path: Path) -> np.ndarray:
    return Evaluation.read(path, per_sample=True).per_sample["kid.influence"]


def test_two_results_in_one_folder_keep_their_own_rows(tmp_path: Path) -> None:
    for name, n in (("new", 30), ("base", 60), ("new.old", 45)):
        result(n).write(tmp_path / f"{name}.json")
    assert [len(rows_of(tmp_path / f"{name}.json")) for name in ("new", "base", "new.old")] == [30, 60, 45]


def test_a_result_that_is_written_again_leaves_no_arrays_behind(tmp_path: Path) -> None:
    for seed in range(3):
        result(seed=seed, evidence={"map.real": np.full((2, 2), seed)}).write(tmp_path / "r.json")
    result(n=10, seed=7).write(tmp_path / "other.json")
    result(seed=4).write(tmp_path / "r.json")
    assert len(list(tmp_path.glob("r.*"))) == 2
    assert len(list(tmp_path.iterdir())) == 4


def test_equal_results_are_equal_files(tmp_path: Path) -> None:
    written = [result().write(tmp_path / name / "r.json") for name in "ab"]
    assert len({str(sorted(file.name for file in path.parent.iterdir())) for path in written}) == 1
    assert written[0].read_bytes() == written[1].read_bytes()


def test_rows_of_another_result_are_refused(tmp_path: Path) -> None:
    result(30).write(tmp_path / "a.json")
    result(60, seed=1).write(tmp_path / "b.json")
    (mine,), (theirs,) = tmp_path.glob("a.per_sample*"), tmp_path.glob("b.per_sample*")
    shutil.copy(theirs, mine)
    with pytest.raises(BrokenRunError, match="checksum differs"):
        rows_of(tmp_path / "a.json")
    assert Evaluation.read(tmp_path / "a.json")["kid"].n == 30


def test_a_document_that_names_a_file_elsewhere_is_refused(tmp_path: Path) -> None:
    path = result().write(tmp_path / "in" / "a.json")
    document = json.loads(path.read_text())
    for name in (
        "../b.per_sample-0123456789abcdef.safetensors",
        "/etc/passwd",
        "a.evidence-0123456789abcdef.safetensors",
    ):
        document["files"]["per_sample"]["file"] = name
        path.write_text(json.dumps(document))
        with pytest.raises(BrokenRunError, match="does not say properly"):
            rows_of(path)


def test_a_document_that_was_copied_alone_is_still_a_record(tmp_path: Path) -> None:
    copied = shutil.copy(result().write(tmp_path / "a.json"), tmp_path / "renamed.json")
    assert len(rows_of(Path(copied))) == 40
    (tmp_path / "elsewhere").mkdir()
    alone = shutil.copy(copied, tmp_path / "elsewhere" / "a.json")
    assert Evaluation.read(alone, per_sample=True) == result()
    assert Evaluation.read(alone, per_sample=True).per_sample == {}


def older(evaluation: Evaluation, path: Path) -> Path:
    """The layout of version 0.1: no word about files in the document, one name for the rows of all results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(evaluation.to_json()))
    save_file(dict(evaluation.per_sample), path.with_name("per_sample.safetensors"))
    return path


def test_an_older_result_keeps_its_rows_where_its_numbers_follow_from_them(tmp_path: Path) -> None:
    assert len(rows_of(older(result(30), tmp_path / "result.json"))) == 30


def test_older_results_that_share_their_rows_are_told_apart(tmp_path: Path) -> None:
    first, last = older(result(60, seed=1), tmp_path / "a.json"), older(result(60, seed=2), tmp_path / "b.json")
    assert len(rows_of(last)) == 60
    with pytest.raises(BrokenRunError, match="Nothing proves"):
        rows_of(first)


def test_an_older_result_that_is_replaced_takes_its_rows_along(tmp_path: Path) -> None:
    path = older(result(30), tmp_path / "one" / "result.json")
    result(50).write(path)
    assert not path.with_name("per_sample.safetensors").exists()
    path = older(result(30), tmp_path / "two" / "result.json")
    (tmp_path / "two" / "another.json").write_text("{}")
    result(50).write(path)
    assert path.with_name("per_sample.safetensors").exists()


def test_the_evidence_of_a_result_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    path = result(evidence={"map.real": np.ones((2, 2), np.float32)}).write(
        tmp_path / "eval" / "step-000003" / "result.json"
    )
    assert evidence_of(tmp_path, 3)["map.real"].tolist() == [[1, 1], [1, 1]]
    (file,) = path.parent.glob("result.evidence*")
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BrokenRunError, match="checksum"):
        evidence_of(tmp_path, 3)
    result().write(path)
    assert evidence_of(tmp_path, 3) == {}
    save_file({"map.real": np.zeros((2, 2))}, path.with_name(FILE))
    assert set(evidence_of(tmp_path, 3)) == {"map.real"}


KILLED = """
import sys, time
import numpy as np
from pathlib import Path
from ganeval.records.scores import Evaluation
pair = [Evaluation.read(name, per_sample=True) for name in sys.argv[2:]]
print("ready", flush=True)
i = 0
while True:
    pair[i % 2].write(sys.argv[1])
    i += 1
"""


def test_a_kill_at_any_moment_leaves_a_whole_result(tmp_path: Path) -> None:
    """Two results take turns at one path; after each kill the one that is there has its own rows."""
    seeds = [result(4000, seed=seed, evidence={"map.real": np.full((3000, 2), seed)}) for seed in (1, 2)]
    sources = [str(one.write(tmp_path / f"in{i}.json")) for i, one in enumerate(seeds)]
    path = tmp_path / "eval" / "out.json"
    seeds[0].write(path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for kill in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), *sources], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.004 * kill)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = Evaluation.read(path, per_sample=True)
        seed = round((found["kid"].value or 0) - 3)
        assert np.array_equal(found.per_sample["kid.influence"], seeds[seed - 1].per_sample["kid.influence"])
    seeds[1].write(path)
    assert len(list(path.parent.iterdir())) == 3


def test_a_non_finite_error_is_a_reason_and_the_rest_is_written(tmp_path: Path) -> None:
    scores = {
        "a": ScoreRecord.of(Score(1.0, se=float("nan"), name="a")),
        "b": ScoreRecord.of(Score(1.0, se=0.5, interval=(float("-inf"), 2.0), name="b")),
        "c": ScoreRecord.of(Score(1.0, se=0.5, name="c", details={"x": float("nan"), "k": np.int64(3)})),
        "d": ScoreRecord.of(Score(float("inf"), name="d")),
    }
    path = result(scores=scores, protocol={"options": {"vendi": {"q": float("inf")}}}).write(tmp_path / "r.json")
    back = Evaluation.read(path)
    assert [back[name].ok for name in "abcd"] == [False, False, True, False]
    assert back["a"].status == "not computed: its error is not finite"
    assert back["c"].details == {"x": None, "k": 3}


def test_a_folder_whose_name_is_no_utf8_is_written_and_comes_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    stranger = replace(result(), name=name, fake=replace(result().fake, source=name))
    path = stranger.write(tmp_path / name / "r.json")
    assert path.read_text(encoding="utf-8")
    assert Evaluation.read(path, per_sample=True).name == name
    assert Evaluation.read(path).protocol_hash == stranger.protocol_hash


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.just("\udcff"),
    st.just([]),
    st.just({}),
    st.just(10**400),
    st.just([0.1, 0.2, 0.3]),
    st.just(float("nan")),
    st.just(-1.0),
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=3),
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([way] if way else []), *(found for key, part in inner for found in places(part, (*way, key)))]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_document_is_a_record_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    path = result().write(tmp_path / "r.json")
    document = copy.deepcopy(json.loads(path.read_text()))
    way = data.draw(st.sampled_from(places(document)))
    holder = document
    for key in way[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[way[-1]]
    else:
        holder[way[-1]] = data.draw(HOSTILE)
    path.write_text(json.dumps(document))
    try:
        found = Evaluation.read(path, per_sample=True)
    except GanevalError:
        return
    found.write(tmp_path / "again.json")
    assert Evaluation.read(tmp_path / "again.json", per_sample=True) == found


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 5000), flipped=st.integers(0, 5000), bit=st.integers(0, 7))
def test_damaged_bytes_are_a_record_or_a_sentence(tmp_path: Path, cut: int, flipped: int, bit: int) -> None:
    path = result().write(tmp_path / "r.json")
    (arrays,) = tmp_path.glob("r.per_sample*")
    for file in (path, arrays):
        whole = file.read_bytes()
        broken = bytearray(whole)
        broken[flipped % len(broken)] ^= 1 << bit
        for content in (bytes(broken), whole[: cut % len(whole)]):
            file.write_bytes(content)
            with contextlib.suppress(GanevalError):
                assert Evaluation.read(path, per_sample=True).scores.keys()
        file.write_bytes(whole)


@pytest.mark.parametrize("place", [".", "", 3, None, "/dev/full", "/proc/none/x.json", "a\0b.json"])
def test_a_place_that_takes_no_result_is_a_sentence(place: Any) -> None:
    with pytest.raises(GanevalError, match=r"written|Pass a path"):
        Evaluation("r", "", sample := Passport("s", "ab", 2, 2, "pixels", "", ""), sample, {}).write(place)
