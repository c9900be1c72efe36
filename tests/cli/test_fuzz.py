"""Whatever is typed or passed ends in an answer or in a sentence; `benchmarks/fuzz.py` has the long form."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.fuzz import CODES, Named, calls, command_lines, hostile_folder, run_call, run_line
from ganeval import evaluate
from ganeval.cli.main import main
from ganeval.errors import GanevalError, guarded

MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    with hostile_folder(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@MANY
@given(words=command_lines())
def test_every_command_line_ends_with_a_code_of_the_list_and_no_traceback(words: list[str]) -> None:
    code, said = run_line(words)
    assert code in CODES
    assert "Traceback" not in said
    assert "was not expected here" not in said
    if said.startswith("ganeval: "):
        assert all(line.isprintable() for line in said.splitlines())


@MANY
@given(call=calls())
def test_every_public_function_answers_or_says_why_not(call: tuple[str, list[Named], dict[str, Named]]) -> None:
    outcome, said = run_call(*call)
    assert outcome in ("answer", "sentence", "signature"), said
    assert bool(said) == (outcome != "answer")


def test_what_nobody_expected_is_a_sentence_that_keeps_its_cause() -> None:
    def broken(n: int, labels: Any, rng: Any) -> Any:
        raise KeyError("z")

    with pytest.raises(GanevalError, match="KeyError: 'z'") as caught:
        evaluate("digits:test", generator=broken, n=10, classifier="digits", metrics=["fid"])
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_machine_without_memory_is_left_to_the_caller() -> None:
    def greedy(n: int, labels: Any, rng: Any) -> Any:
        raise MemoryError

    with pytest.raises(MemoryError):
        evaluate("digits:test", generator=greedy, n=10, classifier="digits", metrics=["fid"])


def test_the_traceback_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> int:
        raise IndexError("row 7")

    monkeypatch.setattr("ganeval.cli.main._run", fails)
    assert main(["ls"]) == 3
    assert capsys.readouterr().err.startswith("ganeval: IndexError: row 7. That was not expected here; GANEVAL_DEBUG=1")
    monkeypatch.setenv("GANEVAL_DEBUG", "1")
    assert main(["ls"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_the_traceback_of_what_a_public_function_met_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @guarded
    def fails(*_: Any) -> int:
        raise IndexError("row 7")

    monkeypatch.setattr("ganeval.cli.main._run", fails)
    monkeypatch.setenv("GANEVAL_DEBUG", "1")
    main(["ls"])
    assert "Traceback" in capsys.readouterr().err
