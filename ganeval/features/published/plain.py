"""Rows of features (n, d) as one floating-point array: .npy, .npz, .safetensors or .pt,
with labels and logits if they are there.
"""

from __future__ import annotations

from ganeval.features.published import Format, images_in, is_rows, named_moments, rows_in
from ganeval.features.rows import Features
from ganeval.features.stored import ONLY, Stored
from ganeval.runs.layout import LABEL_KEYS

KEYS = ("embeddings", "features", "activations", "rows", "arr_0", ONLY)


def _key(stored: Stored) -> str | None:
    """The array that holds the rows: one of `KEYS`, else the only floating-point matrix that is
    neither of the others.
    """
    if (
        images_in(stored)
        or {"mu", "sigma", "feats", "2048"} & set(stored.shapes)
        or named_moments(stored) is not None
        or stored.metadata.get("schema", "").startswith("ganeval.")
    ):
        return None
    named = [key for key in KEYS if key in stored.shapes and is_rows(stored, key)]
    lone = [key for key in stored.shapes if is_rows(stored, key) and key not in ("logits", *LABEL_KEYS)]
    return named[0] if named else lone[0] if len(lone) == 1 else None


def _read(stored: Stored) -> Features:
    key = _key(stored)
    assert key is not None
    labels = next((name for name in LABEL_KEYS if name in stored.shapes), "")
    return rows_in(stored, key, logits="logits" if "logits" in stored.shapes else "", labels=labels)


PLAIN = Format("plain", "rows (n, d): .npy, .npz, .safetensors, .pt", lambda stored: _key(stored) is not None, _read)
