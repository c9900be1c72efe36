"""torch-fidelity's cached features: a mapping from the name of a layer to rows, stored by torch.save.

Of Inception the rows are "2048" and the logits "logits_unbiased" or "logits"; of another network its one layer. Its
cached statistics are `mu, sigma`, which `pytorch_fid.py` reads.
"""

from __future__ import annotations

from ganeval.features.published import Format, rows_in
from ganeval.features.rows import Features
from ganeval.features.stored import Stored

LAYERS = ("2048", "768", "192", "64")  # the deepest that is there is what FID uses
LOGITS = ("logits_unbiased", "logits")


def _layer(stored: Stored) -> str:
    return next((name for name in LAYERS if name in stored.shapes and len(stored.shapes[name].shape) == 2), "")


def _knows(stored: Stored) -> bool:
    return bool(_layer(stored))


def _read(stored: Stored) -> Features:
    logits = next((name for name in LOGITS if name in stored.shapes), "")
    return rows_in(stored, _layer(stored), logits=logits)


TORCH_FIDELITY = Format("torch-fidelity", "rows by the name of their layer, such as 2048", _knows, _read)
