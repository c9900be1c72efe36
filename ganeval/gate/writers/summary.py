"""The job summary of GitHub Actions: the Markdown of the pull request, appended to `$GITHUB_STEP_SUMMARY`.

An upload above 1 MiB is dropped as a whole, and every step of a job shares it; the text is at most 64 KB.
"""

from __future__ import annotations

from ganeval.gate.verdict import Verdict
from ganeval.gate.writer import Writer
from ganeval.gate.writers import markdown

LIMIT = 2**20


def render(verdict: Verdict) -> str:
    return "\n" + markdown.render(verdict)


WRITER = Writer("summary", render, kind="append")
