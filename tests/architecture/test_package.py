"""What is published: wheel and sdist are built, checked, looked into,
and used in an environment that holds nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from benchmarks.reliability.outputs import furnish

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = ("ganeval", "reference_models")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one wheel and one sdist, of a copy of the tree: building writes beside the sources."""
    folder = tmp_path_factory.mktemp("built")
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--sdist",
        "--wheel",
        "--outdir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def wheel(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def test_wheel_and_sdist_pass_twine(built: Path) -> None:
    files = [str(path) for path in built.iterdir()]
    assert sorted(Path(file).suffix for file in files) == [".gz", ".whl"]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_the_library_and_the_trainers_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(wheel(built)) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        p.relative_to(ROOT).as_posix()
        for source in SOURCES
        for p in (ROOT / source).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert inside == ours
    assert {
        "ganeval/py.typed",
        "ganeval/report/templates/page.html",
        "ganeval/classifiers/weights/digits.safetensors",
    } <= inside


def test_the_wheel_says_which_extras_there_are(built: Path) -> None:
    with zipfile.ZipFile(wheel(built)) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(archive.read(name).decode())
    assert set(said.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    core = [one for one in said.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert len(core) == len(PROJECT["dependencies"])
    assert said["Requires-Python"] == PROJECT["requires-python"]


def test_the_sdist_holds_tests_and_pages_and_no_data(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        inside = [name.partition("/")[2] for name in archive.getnames()]
    assert {"pyproject.toml", "CHANGELOG.md", "LICENSE", "tests/conftest.py", "docs/install.md", "action.yml"} <= set(
        inside
    )
    assert [name for name in inside if name.startswith((".git/", "shared/")) or name.endswith(".pyc")] == []


@pytest.mark.study
def test_an_empty_environment_with_the_core_alone_judges_and_shows(built: Path, tmp_path: Path) -> None:
    """Takes a download of seven packages."""
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "-q", wheel(built)], check=True)
    furnish(tmp_path)

    def ganeval(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([scripts / "ganeval", *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    listed = subprocess.run(
        [scripts / "python", "-m", "pip", "list"], capture_output=True, text=True, check=True
    ).stdout
    assert not {"torch", "scipy", "matplotlib"} & {line.split()[0] for line in listed.splitlines()}
    assert "evaluate" in ganeval("--help").stdout
    assert [ganeval("gate", result).returncode for result in ("ok.json", "worse.json")] == [0, 1]
    assert ganeval("report", "runs", "--out", "page.html").returncode == 0
    assert ganeval("compare", "ok.json", "worse.json").returncode == 0
    assert ganeval("ls", "metrics").returncode == 0
    generator = ("--generator", "os:getcwd", "--real", "digits:test")
    for words in (
        ("evaluate", "--real", "digits:test", "--fake", "digits:train"),
        ("embed", "digits:test", "--extractor", "pixels", "--out", "parts"),
        ("doctor", "--real", "digits:train", "--classifier", "digits"),
        ("stats", "show", "stats.npz"),
        ("gate", *generator),
        ("calibrate", *generator),
        ("zoo", "list"),
        ("demo",),
    ):
        refused = ganeval(*words)
        assert (refused.returncode, 'pip install "ganeval[torch]"' in refused.stderr) == (3, True), words
    shutil.rmtree(tmp_path / "env")
