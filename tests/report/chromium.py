"""A browser for the tests of the page: Chromium, offline, in which an error of the page fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganeval.report import build_report
from ganeval.runs.discovery import find_runs

Opened = Callable[..., Any]


def _chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("The browser tests need Chromium; install the system's package chromium")
    pytest.skip("no Chromium is installed")


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Any]]:
    """`launch(**environment)`: Chromium, with environment variables of its own where some are given."""
    program = _chromium()
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        started = []

        def start(**environment: str) -> Any:
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            env = {**os.environ, **environment}
            started.append(playwright.chromium.launch(executable_path=program, args=arguments, env=env))
            return started[-1]

        yield start
        for chromium in started:
            chromium.close()


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Any]) -> Any:
    return launch()


@pytest.fixture(scope="session")
def report(three_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    build_report(find_runs(three_runs), out=folder / "report.html", json_out=folder / "report.json")
    return folder / "report.html"


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    """`opened(color_scheme="dark", ...)`: the page in a fresh offline context; errors and dialogs fail the test."""
    contexts, trouble = [], []

    def open_page(path: Path = report, **options: Any) -> Any:
        own = ("data:", "blob:", path.as_uri())
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: None if request.url.startswith(own) else trouble.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []
