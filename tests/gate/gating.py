"""What the tests of verdicts share: a gate over records in memory, and records changed in one place."""

from __future__ import annotations

from dataclasses import replace

from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import parse_config

FID = {"metric": "fid", "margin_rel": 0.05}


def gate(now, base=None, rules=(FID,), missing="", **config):
    against = Against(base and Baseline.of([base], name="b"), missing=missing)
    candidates = now if isinstance(now, list) or callable(now) else [now]
    return judge(candidates, parse_config({"rule": list(rules), **config}), against).verdict


def changed(evaluation, name, **fields):
    scores = {**evaluation.scores, name: replace(evaluation.scores[name], **fields)}
    return replace(evaluation, scores=scores)


def with_images(evaluation, fingerprint):
    return replace(evaluation, fake=replace(evaluation.fake, fingerprint=fingerprint))
