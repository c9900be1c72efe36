"""The site finds its pages, its tutorials and the documented names by their place."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import ganeval

DOCS = Path(__file__).parents[2] / "docs"


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / "_extensions" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLACES, PLAIN, LLMS, RUNS = (extension(name) for name in ("pages_by_place", "plain_docstrings", "llms", "tutorials"))


def inserted(page: str, text: str, found: set[str]) -> str:
    env = SimpleNamespace(found_docs=found, doc2path=lambda name: f"{name}.rst" if name == "times" else f"{name}.md")
    source = [text]
    PLACES.insert(SimpleNamespace(env=env), page, source)
    return source[0]


def test_a_new_page_of_the_top_folder_is_listed_without_a_line_of_its_own() -> None:
    text = inserted(
        "index", "start\n\n{pages-by-place}\n\nwords", {"index", "start", "words", "new", "results/a", "times"}
    )
    assert text == "start\n\nnew\n\nwords"


def test_a_new_page_of_a_folder_is_listed() -> None:
    assert (
        inserted("index", "{pages-under} tutorials", {"index", "tutorials/b", "tutorials/a"})
        == "tutorials/a\ntutorials/b"
    )


def test_links_to_the_files_above_go_to_the_pages_that_hold_them() -> None:
    assert inserted("a", "[c](../CONTRIBUTING.md#tests) [r](../README.md)", {"a"}) == (
        "[c](/contributing.md#tests) [r](../README.md)"
    )


def test_every_page_of_the_top_folder_is_in_the_list_or_found_by_its_place() -> None:
    pages = {path.stem for path in DOCS.glob("*.md")}
    text = inserted("index", (DOCS / "index.md").read_text(encoding="utf-8"), pages)
    assert pages - set(text.splitlines()) == {"index"}


def test_every_public_name_that_is_no_metric_and_no_registry_is_documented() -> None:
    text = PLACES.documented("ganeval")
    registries = {"CLASSIFIERS", "DATASETS", "EXTRACTORS", "METRICS"}
    metrics = set(ganeval.METRICS.names())  # pyright: ignore[reportAttributeAccessIssue]
    wanted = set(ganeval.__all__) - metrics - registries
    assert set(re.findall(r"^## `(\w+)`$", text, re.MULTILINE)) == wanted
    assert "measure.measure.measure" in text
    assert "- `seed`: Seed of everything random." in text


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("|a|^2 of `x_`", r"\|a\|^2 of ``x_``"),
        ("Returns: [0, inf) *really*", r"**Returns**: [0, inf) \*really\*"),
        ("as it Returns: nothing", "as it Returns: nothing"),
        ("already ``x``", "already ``x``"),
    ],
)
def test_signs_of_a_docstring_stay_what_they_are(line: str, safe: str) -> None:
    assert PLAIN.convert([line]) == [safe]


def test_an_example_stays_as_it_is() -> None:
    example = [">>> a * `b`", "1 * 2", ">>> c_", "3"]
    assert PLAIN.convert(["Text.", *example]) == ["Text.", "", *example]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# A\n\n**One** [two](b.md) sentence. Another.\n", "One two sentence."),
        ("# A\n\n```{image} a.png\n:alt: no\n```\n\nIs it\ngood? Yes.\n", "Is it good?"),
        ("# A\n\n| a |\n|---|\n", ""),
    ],
)
def test_a_page_is_summed_up_by_its_first_sentence(text: str, said: str) -> None:
    assert LLMS.first_sentence(text) == said


def test_a_tutorial_is_run_only_where_its_data_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts, data = tmp_path / "scripts", tmp_path / "data"
    scripts.mkdir()
    (data / "hoda").mkdir(parents=True)
    for name, text in {
        "a": 'fid("hoda:test")',
        "b": 'fid("mnist:test", "hoda:test")',
        "c": 'fid("digits:test")',
    }.items():
        (scripts / f"{name}.py").write_text(text, encoding="utf-8")
    assert RUNS.lacking_data(scripts, str(data)) == ["b.py"]
    assert RUNS.lacking_data(scripts, None) == ["a.py", "b.py"]
    monkeypatch.setenv("GANEVAL_DATA", str(data))
    run = [name for name in "abc" if re.search(RUNS.run_pattern(scripts), f"{scripts}/{name}.py")]
    assert run == ["a", "c"]


def test_a_tutorial_is_run_only_where_its_libraries_are(tmp_path: Path) -> None:
    for name, text in {
        "a": "import os\nfrom torch import nn\n",
        "b": "import torch\nfrom no_such_library.part import x\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    assert RUNS.lacking_library(tmp_path) == ["b.py"]
    assert [name for name in "ab" if re.search(RUNS.run_pattern(tmp_path), f"{tmp_path}/{name}.py")] == ["a"]


def test_tutorials_are_read_in_their_order_and_new_ones_come_last() -> None:
    names = ["aaa.py", "own_judge.py", "zzz.py", "own_folder.py"]
    assert sorted(names, key=RUNS.Reading("")) == ["own_folder.py", "own_judge.py", "aaa.py", "zzz.py"]


@pytest.mark.parametrize("script", sorted((DOCS / "tutorials").glob("*.py")), ids=lambda path: path.stem)
def test_a_tutorial_begins_with_a_title_and_is_plain_python(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    compile(text, script.name, "exec")
    lines = text.splitlines()
    assert lines[0] == '"""'
    assert set(lines[2]) == {"="}
    assert len(lines[2]) >= len(lines[1])
