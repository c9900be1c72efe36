"""The model card of a run: a README.md as the Hugging Face Hub reads it, made of what the run says of itself.

The fields at its head are those of https://huggingface.co/docs/hub/model-cards. Settings that name people, machines or
folders are left out, as on the report's page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ganeval.records.markdown import cell
from ganeval.records.privacy import discreet
from ganeval.records.story import story_of
from ganeval.records.text import visible
from ganeval.runs.record import RunRecord

FRAMEWORK = "pytorch"
TASK = "unconditional-image-generation"
MOST = 60  # settings that are listed
# Licences of data as the Hub names them; others are `other` with their words as the name.
LICENCES = {"CC BY 4.0": "cc-by-4.0", "CC BY-SA 3.0": "cc-by-sa-3.0"}
NON_COMMERCIAL = "The training images are free for research and non-commercial use only, and so is this model."


def render_card(run: RunRecord, *, licence: str = "") -> str:
    """Markdown with a YAML head. licence: of the training images, in words; "" where nobody says.

    >>> from pathlib import Path
    >>> render_card(RunRecord("0001-vae", Path("runs"), "ganeval", "vae")).splitlines()[6]
    '# vae'
    """
    parts = [_head(run, licence), f"# {cell(visible(run.name or run.id, 80))}", _what(run, licence), _training(run)]
    return "\n\n".join([*parts, _numbers(run), _limits(run)]).rstrip() + "\n"


def _head(run: RunRecord, licence: str) -> str:
    """The fields, each value as JSON, which is YAML too."""
    scores = run.evaluations[-1].scores if run.evaluations else {}
    known = next((mark for words, mark in LICENCES.items() if licence.startswith(words)), "other" if licence else "")
    fields: dict[str, Any] = {
        "library_name": FRAMEWORK,
        "pipeline_tag": TASK,
        "tags": ["image-generation", "ganeval"],
        "license": known,
        "license_name": visible(licence, 80) if known == "other" else "",
        "metrics": [name for name in ("fid", "kid", "precision", "recall") if name in scores and scores[name].ok],
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items() if value]
    return "\n".join(["---", *lines, "---"])


def _what(run: RunRecord, licence: str) -> str:
    data = run.protocol.get("train") or run.protocol.get("real")
    said = [f"A generator of images, trained on {cell(visible(str(data), 80))}." if data else "A generator of images."]
    if run.class_names:
        said.append(f"It is asked by class: {cell(', '.join(visible(name, 40) for name in run.class_names[:40]))}.")
    said.append(f"Licence of the training images: {cell(visible(licence, 120))}." if licence else "")
    said.append(NON_COMMERCIAL if "non-commercial" in licence else "")
    return " ".join(filter(None, said))


def _training(run: RunRecord) -> str:
    rows = [("status", run.status), ("begun", run.created), *_settings(run.config)]
    lines = [
        f"| {cell(visible(name, 60))} | {cell(visible(str(value), 120))} |"
        for name, value in rows[:MOST]
        if value != ""
    ]
    return "\n".join(["## Training", "", "| setting | value |", "|---|---|", *lines])


def _settings(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key in sorted(config, key=str):
        value = config[key]
        found += _settings(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", value)]
    return found


def _numbers(run: RunRecord) -> str:
    if not run.evaluations:
        return "## Evaluation\n\nNot evaluated yet: `ganeval report RUNS` measures what a run has drawn."
    last = run.evaluations[-1]
    at = "" if last.step is None else f" at {run.step_unit} {last.step}"
    return f"## Evaluation\n\n{cell(discreet(last.measured))}{at}.\n\n{last.to_markdown()}"


def _limits(run: RunRecord) -> str:
    """What the last evaluation found to be wrong, and what it cannot say."""
    story = story_of(run.evaluations[-1].scores if run.evaluations else None)
    found = [f"- {cell(discreet(sentence))}" for sentence in (*story.sentences, story.limits) if sentence]
    asked = "The numbers hold for images like those that they were measured on, and for this checkpoint alone."
    return "\n".join(["## Limits", "", *found, *([""] if found else []), asked])
