"""The help of every verb is written for people: what to type, and what it does."""

from __future__ import annotations

import re

import pytest

from ganeval.cli.main import VERBS, main

INSIDE = {"zoo": ("list", "show", "train"), "stats": ("make", "merge", "show", "convert")}
COMMANDS = [(verb, *more) for verb in VERBS for more in ([(one,) for one in INSIDE[verb]] if verb in INSIDE else [()])]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_nothing_of_python_and_says_what_each_option_does(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    said = capsys.readouterr().out
    assert "usage: ganeval" in said
    assert "None" not in said
    assert "(default: )" not in said
    assert "how options" not in said
    options = re.split(r"^ +(?=--\w)", said, flags=re.MULTILINE)[1:]
    mute = [
        text.split()[0] for text in options if len(re.sub(r"\(default:.*?\)", "", text, flags=re.DOTALL).split()) < 4
    ]
    assert mute == []
