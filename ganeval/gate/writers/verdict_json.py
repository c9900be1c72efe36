"""`verdict.json`, schema `ganeval.verdict/1`: everything, for machines."""

from __future__ import annotations

from ganeval.core.files import render_json, strict
from ganeval.gate.verdict import Verdict
from ganeval.gate.writer import Writer


def render(verdict: Verdict) -> str:
    return render_json(strict(verdict.to_json()))


WRITER = Writer("json", render)
