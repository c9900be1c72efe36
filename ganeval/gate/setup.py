"""The first rules of a project: a commented `ganeval.toml` for what was measured, or will be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ganeval.errors import WrongInputError
from ganeval.gate.presets import NEED_A_CLASSIFIER, NEED_TRAINING_IMAGES, PRESETS
from ganeval.gate.ranges import range_of
from ganeval.records.headline import headline
from ganeval.records.scores import Evaluation

Line = Mapping[str, Any]  # one rule, as it stands in the file
HEAD = """\
# What this generator has promised, and what loss is tolerated. Written by `ganeval init`; yours from now on.
# A build fails only on a difference that is larger than the noise: docs/gate.md says how.

[gate]
"""
KEYS = {
    "name": "what this gate is called in comments and histories",
    "baseline": "the numbers to keep; replaced with: ganeval gate ... --update-baseline --reason '...'",
    "generator": "called as function(n, labels, torch.Generator) -> uint8 images",
    "real": "real images to compare with",
    "train": "what the generator was trained on: where copies are looked for",
    "classifier": "the network that says what an image shows",
    "extractor": "the network whose rows distances are measured in",
    "n": "images at the first look; four times as many at the next, while a rule is undecided",
    "looks": "at most so many looks",
}
WHY = {
    "margin_rel": "tolerated loss, as a share of the baseline",
    "margin_abs": "tolerated loss",
    "max": "absolute limit",
    "hard": "a count: no statistics",
}
MARGIN = {"margin_rel": 0.10}  # for a metric that no preset has a margin for


def rules_for(evaluation: Evaluation) -> list[Line]:
    """Rules about what an evaluation holds: those of the default preset, else a margin for each headline number.

    A limit that the first result breaks already is left out: a gate that begins red teaches people to ignore it.
    """
    measured = {name: record.value for name, record in evaluation.scores.items() if record.value is not None}
    known = [line for line in PRESETS["default"] if line["metric"] in measured]
    kept = [line for line in known if "max" not in line or measured[line["metric"]] <= line["max"]]
    found = kept or [_margin(r.name) for _, group in headline(evaluation.scores) for r in group]
    if not found:
        raise WrongInputError(f"{evaluation.name} holds no number that could be promised. Evaluate it first.")
    return found


def rules_before(*, classified: bool, trained: bool) -> list[Line]:
    """Rules for a generator that was not measured yet."""
    without = {*(() if classified else NEED_A_CLASSIFIER), *(() if trained else NEED_TRAINING_IMAGES)}
    return [line for line in PRESETS["default"] if line["metric"] not in without]


def _margin(metric: str) -> Line:
    share = range_of(metric)
    return {"metric": metric, **({"margin_abs": 0.05} if (share.low, share.high) == (0, 1) else MARGIN)}


def render_rules(keys: Mapping[str, Any], rules: Sequence[Line]) -> str:
    """The file's text: each key with what it means.

    >>> print(render_rules({"name": "a"}, [{"metric": "kid", "margin_rel": 0.1}]).split("[gate]")[1])
    <BLANKLINE>
    name = "a"  # what this gate is called in comments and histories
    <BLANKLINE>
    [[gate.rule]]
    metric = "kid"
    margin_rel = 0.1  # tolerated loss, as a share of the baseline
    <BLANKLINE>
    """
    lines = [f"{key} = {_toml(value)}  # {KEYS[key]}\n" for key, value in keys.items() if value is not None]
    for rule in rules:
        lines.append("\n[[gate.rule]]\n")
        lines += [f"{key} = {_toml(value)}{f'  # {WHY[key]}' if key in WHY else ''}\n" for key, value in rule.items()]
    return HEAD + "".join(lines)


def _toml(value: Any) -> str:
    """Texts, numbers and truth values are written alike in JSON and in TOML, but for the sign 7F."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
