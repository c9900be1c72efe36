"""May these two be compared? Everything that changes the meaning of a number, and nothing else.

Seeds and latents are no part of it: other latents are another sample of the same thing (only pairing is lost). Metric
versions, options and the number of images are judged metric by metric, for an unbiased metric survives another n.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ganeval.records.scores import Evaluation

_WORDS = {
    "reference": "the reference images",
    "extractor": "the extractor",
    "preprocessing": "the preprocessing",
    "precision": "the precision",
    "classifier": "the classifier",
    "labels": "whether images were asked for by label",
    "heldout": "the held-out images",
}
SETS = ("reference", "heldout")  # of images, known by their content


def gate_protocol(evaluation: Evaluation) -> dict[str, Any]:
    """The part of an evaluation's protocol that two comparable evaluations share, key by key."""
    whole = evaluation.identity
    sets = {role: {key: found[key] for key in ("source", "sha256")} for role, found in evaluation.sets.items()}
    return {
        **{key: whole[key] for key in ("reference", "extractor", "preprocessing", "precision", "classifier")},
        "labels": evaluation.labelled,
        "heldout": sets.get("heldout"),
        **({"train": sets["train"]} if "train" in sets else {}),
    }


def protocol_hash(protocol: Mapping[str, Any]) -> str:
    """Equal hashes mean comparable; what a reference is called does not count where its content is known."""
    meaning = {key: _anonymous(value) for key, value in protocol.items()}
    text = json.dumps(meaning, sort_keys=True, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def protocol_differences(base: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One phrase for each difference that forbids a comparison, as a person would say it.

    The training images touch only what is asked about copies; metric by metric they are part of its options.
    """
    keys = sorted({*base, *now} - {"train"})
    return [
        f"{_WORDS.get(key, key)} ({_brief(base.get(key))} then, {_brief(now.get(key))} now)"
        for key in keys
        if _anonymous(base.get(key)) != _anonymous(now.get(key))
    ]


def other_fingerprints(base: Mapping[str, Any], now: Mapping[str, Any], kinds: tuple[Any, Any]) -> str:
    """Why the content of two sets cannot be told apart, where `kinds` of fingerprints differ and nothing else does.

    kinds: versions of how images are fingerprinted, then and now; 1 where nobody said.
    """
    then, today = kinds
    if then == today or protocol_differences(_uncertain(base), _uncertain(now)):
        return ""
    return (
        f"holds fingerprints of images of version {then}, and now they have version {today}, so whether the images are "
        "the same cannot be told"
    )


def _uncertain(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The same protocol without the content of its sets; their sizes, where they are known, stay."""
    return {key: _uncounted(value) if key in SETS else value for key, value in protocol.items()}


def _uncounted(value: Any) -> Any:
    return {"n": value.get("n")} if isinstance(value, Mapping) else value


def _anonymous(value: Any) -> Any:
    if isinstance(value, Mapping) and value.get("sha256"):
        return {key: part for key, part in value.items() if key not in ("source", "id")}
    return value


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        name = value.get("source") or value.get("id") or "unnamed"
        return ", ".join([str(name), *(f"{k} {str(value[k])[:12]}" for k in ("sha256", "n", "dim") if value.get(k))])
    return repr(value)
