"""docs/install.md: what each extra costs on the disk, and how soon a command answers,
in environments made empty for it.

    python -m benchmarks.install --write

Makes a wheel, then for each extra a new virtual environment with nothing else in it. Seconds of installing depend on
the network and on pip's cache; bytes and CPU seconds do not.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.outputs import furnish
from ganeval.core.files import write_atomic
from ganeval.core.machine import processor

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "install.md"
EXTRAS = {
    "": "judge and show what was measured elsewhere: `gate`, `report`, `compare`, `ls`, `power`, `trend`, reading "
    "records",
    "plot": "the same, and the charts of the report",
    "torch": "measure images: `evaluate`, `doctor`, `calibrate`, every metric, every classifier of the zoo",
    "all": "everything, with images at addresses, data frames, and the peers torchvision and torch-fidelity",
}
STARTS = {
    "`import ganeval`": ["-c", "import ganeval"],
    "`ganeval --help`": ["-m", "ganeval", "--help"],
    "`ganeval ls metrics`": ["-m", "ganeval", "ls", "metrics"],
    "`ganeval gate ok.json`": ["-m", "ganeval", "gate", "ok.json"],
    "`from ganeval import fid`": ["-c", "from ganeval import fid"],
}
REPEATS = 7
MARK = "<!-- measured -->"


@dataclass(frozen=True)
class Installed:
    extra: str
    packages: int
    megabytes: float
    seconds: float
    starts: dict[str, tuple[float, float]]  # wall and CPU seconds, medians
    torch: str


def wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    return next(folder.glob("*.whl"))


def installed(extra: str, package: Path, folder: Path, place: Path) -> Installed:
    """A new environment with the package and one extra; `place` holds records for the gate."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    before = megabytes(folder)
    started = time.monotonic()
    wanted = f"{package}[{extra}]" if extra else str(package)
    subprocess.run([python, "-m", "pip", "install", "-q", wanted], check=True)  # noqa: S603 - our own command
    seconds = time.monotonic() - started
    listed = said(python, "-m", "pip", "list", "--format", "freeze").splitlines()
    has_torch = any(line.startswith("torch==") for line in listed)
    starts = {
        name: cold(python, words, place) for name, words in STARTS.items() if has_torch or not name.startswith("`from")
    }
    build = said(python, "-c", "import torch; print(torch.__version__)").strip() if has_torch else ""
    return Installed(extra, len(listed) - 2, megabytes(folder) - before, seconds, starts, build)  # less pip, setuptools


def said(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own command


def megabytes(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def cold(python: Path, words: list[str], place: Path) -> tuple[float, float]:
    """Median wall and CPU seconds of new processes; the first, which reads from the disk, does not count."""
    environment = {**os.environ, "PYTHONPATH": "", "CI": ""}
    rounds = []
    for _ in range(REPEATS + 1):
        used, started = cpu(), time.monotonic()
        subprocess.run(  # noqa: S603 - ours
            [python, *words], check=True, capture_output=True, cwd=place, env=environment
        )
        rounds.append((time.monotonic() - started, cpu() - used))
    walls, cpus = zip(*rounds[1:], strict=True)
    return statistics.median(walls), statistics.median(cpus)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def render(rows: list[Installed]) -> str:
    build = next((row.torch for row in rows if row.torch), "")
    kind = "with CUDA" if "+cu" in build else "the CPU build" if "+cpu" in build else "its default build"
    head = (
        f"{processor()}, {os.cpu_count()} CPUs, Python {sys.version.split()[0]}, torch {build} (what the package index "
        f"gives on Linux: {kind}). Load of the machine while measuring: {os.getloadavg()[1]:.0f}."
    )
    lines = [
        head,
        "",
        "| install | packages | MB on disk | seconds to install | what it is for |",
        "|---|--:|--:|--:|---|",
        *(
            f"| `{command(row.extra)}` | {row.packages} | {row.megabytes:,.0f} | {row.seconds:.0f} | "
            f"{EXTRAS[row.extra]} |"
            for row in rows
        ),
        "",
        f"How soon a new process answers: CPU seconds (seconds on the clock), median of {REPEATS}.",
        "",
        f"| | {' | '.join(f'`[{row.extra}]`' if row.extra else 'core' for row in rows)} |",
        f"|---{'|--:' * len(rows)}|",
        *(f"| {name} | {' | '.join(_cell(row.starts.get(name)) for row in rows)} |" for name in STARTS),
    ]
    return "\n".join(lines) + "\n"


def _cell(times: tuple[float, float] | None) -> str:
    return "names the extra" if times is None else f"{times[1]:.2f} ({times[0]:.2f})"


def command(extra: str) -> str:
    return f'pip install "ganeval[{extra}]"' if extra else "pip install ganeval"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/install.md")
    parser.add_argument("--extras", nargs="*", default=list(EXTRAS), choices=list(EXTRAS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, "place")
        place.mkdir()
        furnish(place)
        package = wheel(Path(scratch))
        rows = [installed(extra, package, Path(scratch, f"env-{extra}"), place) for extra in asked.extras]
    text = render(rows)
    print(text)
    if asked.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
        write_atomic(PAGE, f"{head}{MARK}\n\n{text}\n{MARK}{rest.partition(MARK)[2]}".encode())


if __name__ == "__main__":
    main()
