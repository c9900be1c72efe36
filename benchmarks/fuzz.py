"""Hostile command lines and calls: each must end in an answer or in a sentence, never in a traceback.

    python -m benchmarks.fuzz --examples 20000 --seed 1

prints how often what came out, and each kind of error that only the last guard caught. `tests/cli/test_fuzz.py` runs
the same with 1,000 command lines and 1,000 calls.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import ganeval
from benchmarks.hostile import FIRST, FUNCTIONS, KEYWORDS, OPTIONS, REQUIRED, VALUES, WORDS, Named
from ganeval.cli.main import main as command_line
from ganeval.errors import GanevalError, UnexpectedError

CODES = {0, 1, 2, 3, 4, 5, 6, 130}


@contextlib.contextmanager
def hostile_folder() -> Iterator[Path]:
    """The working folder of all examples: files of every broken kind."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="ganeval-fuzz-") as name:
        folder = Path(name) / "deep" / "below"  # so that ../.. is no folder of somebody else's, to be searched for runs
        folder.mkdir(parents=True)
        _fill(folder)
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def _fill(folder: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), dtype=np.uint8)
    np.savez(folder / "tiny.npz", images, np.arange(24) % 10)
    for name in ("tiny", "empty", "torn.png.d"):
        (folder / name).mkdir()
    (folder / "torn.png.d" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (folder / "torn.json").write_text('{"schema": "ganeval.evaluation/1", ')
    (folder / "list.json").write_text("[1, 2]")
    (folder / "nan.json").write_text('{"schema": "ganeval.evaluation/1", "name": NaN, "scores": 3}')
    (folder / "history.jsonl").write_text(
        '{"metrics": {"kid": {"value": 1}}}\n{"metrics": 3}\n[]\n' + "9" * 5000 + "\n"
    )
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    with zipfile.ZipFile(folder / "torn.zip", "w") as archive:
        archive.writestr("0.png", b"no picture")
    passport = {
        "source": "x",
        "fingerprint": "",
        "n": 9,
        "dim": 2,
        "extractor": "given",
        "weights_sha256": "",
        "preprocessing": "",
    }
    (folder / "ok.json").write_text(
        json.dumps(
            {
                "schema": "ganeval.evaluation/1",
                "name": "x",
                "created": "",
                "real": passport,
                "fake": passport,
                "scores": {"kid": {"name": "kid", "status": "ok", "value": 1.0, "se": 0.1, "n": 9}},
            }
        )
    )
    (folder / "ganeval.toml").write_text(
        '[gate]\nbaseline = "ok.json"\n[[gate.rule]]\nmetric = "kid"\nmargin_abs = 1.0\n'
    )


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A verb with options of its own, and values that no verb wants."""
    verb = draw(st.sampled_from([*OPTIONS, "gaet", "--version"]))
    words = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_characters="\0"), max_size=6))
    line = [verb]
    for name, first in zip(REQUIRED.get(verb, ()), FIRST.get(verb, ()), strict=False):
        line += [name, draw(st.one_of(st.just(first), words))]
    for _ in range(draw(st.integers(0, 3))):
        line += draw(st.one_of(st.tuples(st.sampled_from(OPTIONS.get(verb, ("--help",))), words), st.tuples(words)))
    if verb == "evaluate" and "--metrics" not in line:
        line += ["--metrics", "fid", "--no-floor"]
    if verb == "report":
        line += [draw(words), "--no-evaluate", "--no-open"]
    return line


def run_line(words: list[str]) -> tuple[int, str]:
    """Exit code and what stderr got of one command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = command_line(words)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
    return code, err.getvalue()


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Named], dict[str, Named]]:
    """A public function with values that it does not want."""
    name = draw(st.sampled_from(FUNCTIONS))
    values = st.sampled_from(VALUES)
    positional = draw(st.lists(values, min_size=1, max_size=1 if "." in name or name.startswith("load") else 2))
    return name, positional, draw(st.dictionaries(st.sampled_from(KEYWORDS), values, max_size=2))


def run_call(name: str, positional: list[Named], keywords: dict[str, Named]) -> tuple[str, str]:
    """ "answer", "sentence" or "signature", and the words; anything else is raised."""
    function: Any = ganeval
    for part in name.split("."):
        function = getattr(function, part)
    given_ = [value.make() for value in positional], {key: value.make() for key, value in keywords.items()}
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        try:
            function(*given_[0], **given_[1])
        except UnexpectedError as error:
            return "last guard", str(error)
        except GanevalError as error:
            return "sentence", str(error)
        except TypeError as error:  # the guard lets pass what does not fit the signature, and no other
            return "signature", str(error)
    return "answer", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    counts, caught = tally(given_.examples, given_.seed)
    for text, count in [*sorted(counts.items()), *caught.most_common(60)]:
        print(f"{count:7d}  {text}")


def tally(examples: int, first: int) -> tuple[Counter[str], Counter[str]]:
    """How often what came out of so many hostile lines and calls, half of each, and what only the last guard caught."""
    counts: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    half = settings(
        max_examples=examples // 2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )

    @half
    @seed(first)
    @given(command_lines())
    def lines(words: list[str]) -> None:
        code, said = run_line(words)
        counts[f"command line: exit code {code}"] += 1
        if "was not expected here" in said:
            counts["command line: last guard"] += 1
            caught[f"{words[0]}: {_kind(said)}"] += 1
        if code not in CODES or "Traceback" in said:
            counts["command line: TRACEBACK"] += 1
            print(words, said)

    @half
    @seed(first)
    @given(calls())
    def functions(call: tuple[str, list[Named], dict[str, Named]]) -> None:
        try:
            outcome, said = run_call(*call)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            outcome, said = "TRACEBACK", f"{type(error).__name__}: {error}"
            print(call, said)
        counts[f"function: {outcome}"] += 1
        if outcome == "last guard":
            caught[f"{call[0]}: {_kind(said)}"] += 1

    with hostile_folder():
        lines()
        functions()
    return counts, caught


def _kind(said: str) -> str:
    return re.sub(r"\d+", "N", said.strip().splitlines()[-1])[:160]


if __name__ == "__main__":
    main()
