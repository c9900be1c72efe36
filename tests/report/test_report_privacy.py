"""A page is mailed around: addresses, people, machines and folders that lie in runs are not on it."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganeval.records.privacy import discreet
from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

LAYOUTS = sorted((Path(__file__).parents[1] / "runs" / "fixtures").glob("*.py"))
PLANTED = {
    "email": "ann.example@lab.example.org",
    "username": "annexample",
    "host": "gpu7.cluster.internal",
    "root": "/home/annexample/work",
    "executable": "/home/annexample/venv/bin/python",
    "program": "/home/annexample/work/train.py",
    "git": {"remote": "git@git.example.org:annexample/secret.git", "commit": "0123456789abcdef"},
    "url": "https://annexample:pass@git.example.org/secret.git",
    "entity": "annexample",
    "api_key": "annexample-key",
    "data": "/home/annexample/data/mnist.zip",
    "windows": r"C:\Users\annexample\data\mnist.zip",
    "command": "python /home/annexample/work/train.py --mail ann.example@lab.example.org",
}
TRACES = ("annexample", "ann.example", "example.org", "cluster.internal")


def _plant(folder: Path) -> None:
    """The planted fields in every JSON and YAML document that a trainer has left below `folder`."""
    for file in folder.rglob("*"):
        if file.suffix == ".yaml":
            lines = "".join(f"{key}:\n  value: {value}\n" for key, value in PLANTED.items() if isinstance(value, str))
            file.write_text(
                file.read_text()
                + lines
                + "".join(f"{k}_: {v}\n" for k, v in PLANTED.items() if isinstance(v, str) and k in ("data", "url"))
            )
        elif file.suffix == ".json" and isinstance(document := json.loads(file.read_text()), dict):
            file.write_text(
                json.dumps({**document, **{key: value for key, value in PLANTED.items() if key not in document}})
            )


def _written(root: Path, out: Path) -> str:
    build_report(find_runs(root), out=out / "r.html", json_out=out / "r.json")
    return (out / "r.html").read_text() + (out / "r.json").read_text()


@pytest.mark.parametrize("script", LAYOUTS, ids=lambda script: script.stem)
def test_no_planted_trace_of_another_trainers_run_is_on_the_page(script: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"layout_{script.stem}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "annexample" / "runs"
    root.mkdir(parents=True)
    module.write(root)
    _plant(root)
    metadata = root / "wandb" / "offline-run-20240102_030405-ab12cd34" / "files" / "wandb-metadata.json"
    if metadata.parent.is_dir():
        metadata.write_text(json.dumps({**PLANTED, "python": "3.11.7"}))
    text = _written(root, tmp_path)
    assert [trace for trace in TRACES if trace in text] == []
    assert ("3.11.7" in text) == metadata.is_file()


def test_no_planted_trace_of_our_own_run_is_on_the_page(small_run: Path, tmp_path: Path) -> None:
    root = tmp_path / "annexample" / "runs"
    shutil.copytree(small_run, root)
    run = next(root.iterdir())
    _edit(
        run / "run.json",
        lambda info: info.update(environment={**PLANTED, "torch": "2.15"}, config=PLANTED, command=PLANTED["command"]),
    )
    result = next(run.glob("eval/*/result.json"))
    _edit(result, lambda record: record.update(environment=PLANTED, protocol={"real": PLANTED["data"]}))
    _edit(result, lambda record: record["real"].update(source=PLANTED["data"]))
    (root / "broken").mkdir()
    (root / "broken" / "run.json").write_text("{")
    text = _written(root, tmp_path)
    assert [trace for trace in TRACES if trace in text] == []
    assert "mnist.zip" in text
    assert "0123456789abcdef" in text


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "text", ["loss/g", "runs/a/b", "1/2", "a @ b", "hoda:test", "0.5 / 0.7", "R1/D/loss", "</script>", "fid < 4"]
)
def test_what_is_no_address_and_no_path_from_the_root_stays(text: str) -> None:
    assert discreet(text) == text
