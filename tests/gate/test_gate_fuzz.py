"""Whatever stands in a baseline, a configuration or a history: a verdict or one sentence, never a traceback."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from ganeval.core.files import render_json
from ganeval.errors import GanevalError
from ganeval.gate.baseline import Baseline, read_baseline, vector_files, write_baseline
from ganeval.gate.candidate import read_candidate
from ganeval.gate.commands import run_gate
from ganeval.gate.rules import load_config, parse_config
from ganeval.gate.trend import read_history, render_otava, render_trend, trends
from ganeval.gate.verdict import Exit
from ganeval.gate.writer import WRITERS
from ganeval.records.scores import Evaluation

often = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
RULES = [
    {"metric": "fid", "margin_rel": 0.05, "max": 9.0},
    {"metric": "classifier_score", "margin_abs": 0.02, "per_class_margin_abs": 0.04, "per_class_min": 0.5},
    {"metric": "missing_classes", "max": 0, "hard": True},
]
ODD = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    10**30,
    10**400,
    -(10**400),
    0.5,
    -0.0,
    1e-320,
    1e150,
    -1e300,
    1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "a",
    "\ud800",
    "\x00",
    "\x1b[31m",
    "1.0",
    "../../x",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
    {"sha256": 3},
    "x" * 5000,
]
odd = st.sampled_from(ODD)


def paths(document: Any, at: tuple = ()) -> list[tuple]:
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [at, *(path for key, value in inside for path in paths(value, (*at, key)))]


def mutated(document: Any, draw) -> Any:
    """The document with one to three of its values replaced, removed, renamed or put in twice."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(paths(document)[1:] or [("schema",)]))
        place = document
        for key in parents:
            place = place[key]
        kind = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename"]))
        if kind == "remove":
            del place[last]
        elif kind == "rename" and isinstance(place, dict):
            place[draw(st.sampled_from(["", "a", "\ud800", "x" * 300]))] = place.pop(last)
        else:
            place[last] = copy.deepcopy(draw(odd))
    return document


@pytest.fixture
def now(make_evaluation) -> Evaluation:
    return make_evaluation(n=200, seed=1)


@pytest.fixture
def stored(tmp_path: Path, make_evaluation) -> Path:
    sizes = [make_evaluation(n=n) for n in (200, 50)]
    found = Baseline.of(sizes, name="b", reason="r", seeds=[make_evaluation(n=200, seed=3)])
    return write_baseline(found, tmp_path / "b.json")


def judged(path: Path, now: Evaluation, **options) -> None:
    """The whole way of a verdict, with every writer; only what the gate promises may come out of it."""
    config = parse_config({"rule": RULES, "baseline": str(path), "name": "b", **options})
    try:
        outcome = run_gate([now], config, write=lambda *_: None)
    except GanevalError:
        return
    assert outcome.exit_code in set(Exit)
    for writer in WRITERS:
        writer.render(outcome.verdict).encode()


@often
@given(data=st.data())
def test_no_baseline_is_a_traceback(stored: Path, now: Evaluation, data):
    document = mutated(json.loads(stored.read_text()), data.draw)
    path = stored.with_name("mutant.json")
    if isinstance(document, dict):
        body = {key: value for key, value in document.items() if key != "sha256"}
        document["sha256"] = _digest(body)
    path.write_text(json.dumps(document), encoding="utf-8", errors="surrogatepass")
    judged(path, now, scope=data.draw(st.sampled_from(["checkpoint", "recipe"])))


def _digest(body: dict[str, Any]) -> str:
    try:
        return hashlib.sha256(render_json(body).encode()).hexdigest()
    except ValueError:
        return "0" * 64


@often
@given(data=st.data())
def test_no_damaged_bytes_are_a_traceback(stored: Path, now: Evaluation, data):
    content = bytearray(stored.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = stored.with_name("mutant.json")
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    judged(path, now)


@often
@given(data=st.data())
def test_no_vectors_are_a_traceback(stored: Path, now: Evaluation, data):
    """Vectors that belong to their document and are of another shape, type or content."""
    document = json.loads(stored.read_text())
    n = data.draw(st.sampled_from([200, 200, 50, 7]))
    keys = document["per_sample"]["keys"]
    shapes = st.sampled_from([(n,), (n,), (n, 1), (0,), (), (1, n), (n + 1,), (n, 2, 2)])
    kinds = st.sampled_from([np.float32, np.float64, np.float16, np.int64, np.bool_, np.uint8])
    vectors = {}
    for key in [
        *data.draw(st.lists(st.sampled_from(keys), max_size=4)),
        *data.draw(st.lists(st.sampled_from(["", "/", "200/x"]))),
    ]:
        fill = data.draw(st.sampled_from([0.0, 1.0, np.nan, np.inf, 1e30]))
        with np.errstate(all="ignore"):
            vectors[key] = np.full(data.draw(shapes), fill).astype(data.draw(kinds))
    content = save(vectors)
    path = stored.with_name("mutant.json")
    beside = stored.with_name("mutant.samples-0123456789abcdef.safetensors")
    beside.write_bytes(content)
    document["per_sample"] = {
        "file": beside.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "keys": sorted(vectors),
    }
    document["sha256"] = _digest({key: value for key, value in document.items() if key != "sha256"})
    path.write_text(json.dumps(document))
    judged(path, now)


def test_a_mutant_that_changes_nothing_compares(stored: Path):
    assert read_baseline(stored).last.n == 200
    assert vector_files(stored)


CONFIG = {
    "name": "a",
    "baseline": "b.json",
    "alpha": 0.01,
    "n": 500,
    "looks": 2,
    "max_n": 4000,
    "seed": 0,
    "scope": "checkpoint",
    "labels": "none",
    "on_unused": "fail",
    "rule": RULES,
}


@often
@given(data=st.data())
@example(data=None)
def test_no_configuration_is_a_traceback(tmp_path: Path, data):
    document = CONFIG if data is None else mutated(CONFIG, data.draw)
    path = tmp_path / "ganeval.toml"
    path.write_bytes(_toml({"gate": document}).encode("utf-8", "surrogatepass"))
    try:
        config = load_config(path)
    except GanevalError:
        return
    assert all(rule.margin(10.0) < 1e13 for rule in config.rules)
    config.sizes(1000)


def _toml(value: Any) -> str:
    """Good enough TOML of odd values: inline, so that any value can stand anywhere."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)} = {_toml(v)}" for key, v in value.items())
        return inside if list(value) == ["gate"] else f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return "''" if value is None else json.dumps(value, ensure_ascii=False)


LINE = {
    "time": "2026",
    "name": "b",
    "commit": "abc",
    "branch": "",
    "step": None,
    "protocol_hash": "sha256:1",
    "verdict": "ok",
    "exit_code": 0,
    "metrics": {
        "fid": {"value": 5.0, "se": 0.2, "n": 200, "better": "lower"},
        "recall": {"value": 0.5, "se": 0.01, "n": 200, "better": "higher"},
    },
}


@often
@given(data=st.data())
def test_no_history_is_a_traceback(tmp_path: Path, data):
    lines = [LINE] * 11 + [mutated(LINE, data.draw) for _ in range(data.draw(st.integers(1, 3)))]
    order = data.draw(st.permutations(range(len(lines))))
    path = tmp_path / "history.jsonl"
    text = "\n".join(json.dumps(lines[i]) for i in order)
    cut = data.draw(st.sampled_from([0, 0, 5]))
    path.write_text(text[: len(text) - cut], encoding="utf-8", errors="surrogatepass")
    read = read_history(path)
    found = trends(read)
    render_trend(found, read.skipped).encode()
    render_otava(found).encode()
    assert all(np.isfinite(one.sums).all() for one in found)


@often
@given(data=st.data())
def test_no_stored_evaluation_is_a_traceback(stored: Path, now: Evaluation, data):
    document = json.loads(json.dumps(now.to_json()))
    path = stored.with_name("result.json")
    path.write_text(json.dumps(mutated(document, data.draw)), encoding="utf-8", errors="surrogatepass")
    judged(path, now)
    config = parse_config({"rule": RULES, "baseline": str(stored), "name": "b"})
    try:
        outcome = run_gate([read_candidate(path, config)], config, write=lambda *_: None)
    except GanevalError:
        return
    for writer in WRITERS:
        writer.render(outcome.verdict).encode()
