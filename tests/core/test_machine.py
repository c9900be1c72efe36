"""What the machine says of itself, and when a bar of progress keeps quiet."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from ganeval.core.machine import in_ci, processor, quiet, versions

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stderr", "ci", "expected"),
    [
        (Terminal(), "", False),
        (Terminal(), "false", False),
        (Terminal(), "true", True),
        (Terminal(), "1", True),
        (io.StringIO(), "", True),
        (None, "", True),
    ],
)
def test_a_bar_is_shown_on_a_terminal_outside_of_ci_alone(monkeypatch, stderr, ci, expected) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("CI", ci)
    assert quiet() is expected
    assert in_ci() is (ci in ("true", "1"))


def test_nobody_else_asks_for_a_terminal_ci_or_the_processor() -> None:
    asked = ("isatty", 'environ.get("CI")', "/proc/cpuinfo", "PackageNotFoundError")
    here = ROOT / "ganeval" / "core" / "machine.py"
    files = [
        path
        for package in ("ganeval", "reference_models", "studies", "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if path != here
    ]
    assert [path.name for path in files if any(word in path.read_text(encoding="utf-8") for word in asked)] == []


def test_the_processor_has_a_name_and_only_installed_packages_have_versions() -> None:
    assert processor()
    assert versions(["numpy", "no-such-package"]).startswith("numpy ")
    assert "no-such-package" not in versions(["numpy", "no-such-package"])
