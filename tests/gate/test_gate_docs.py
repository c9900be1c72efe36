"""What the documentation shows is what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from ganeval.gate.rules import GateConfig, parse_config
from ganeval.gate.verdict import SYMBOL, Exit
from ganeval.gate.writer import WRITERS

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)


def test_the_configuration_in_the_documentation_is_valid():
    (text,) = blocks("gate.md", "toml")
    config = parse_config(tomllib.loads(text)["gate"])
    assert [rule.metric for rule in config.rules] == ["fid", "classifier_score", "missing_classes"]


def test_every_exit_code_and_verdict_is_documented():
    text = (DOCS / "gate.md").read_text()
    codes = re.search(r"## Exit codes\n(.*?)\n## ", text, flags=re.DOTALL).group(1)
    assert re.findall(r"^\| (\d) \|", codes, flags=re.MULTILINE) == [str(int(code)) for code in Exit]
    assert all(f"| `{word}` |" in text and f"| {symbol} |" in text for word, symbol in SYMBOL.items())


@pytest.mark.parametrize(
    ("key", "default"),
    [("alpha", "0.01"), ("on_inconclusive", '`"warn"`'), ("on_unused", '`"warn"`'), ("scope", '`"checkpoint"`')],
)
def test_the_documented_defaults_are_the_defaults(key: str, default: str):
    assert str(getattr(GateConfig(rules=()), key)) == default.strip('`"')
    assert f"| `{key}` | {default} |" in (DOCS / "gate.md").read_text()


def test_the_workflows_use_options_that_exist():
    commands = re.findall(r"ganeval gate (.*)", "\n".join(blocks("ci.md", "yaml")))
    used = set(re.findall(r"--([a-z-]+)", " ".join(commands)))
    from ganeval.cli.flags import Drawing
    from ganeval.gate.commands import GateOptions

    fields = (*GateOptions.__dataclass_fields__, *Drawing.__dataclass_fields__)
    known = {name.replace("_", "-") for name in fields}
    assert used
    assert used <= known


def test_every_output_is_documented():
    text = (DOCS / "ci.md").read_text()
    names = {writer.name for writer in WRITERS} - {"summary"}  # the summary belongs to --github
    assert all(f"| `--{name}` |" in text for name in names)
