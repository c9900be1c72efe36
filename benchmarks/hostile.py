"""What no command and no function wants: the words, options and values of `benchmarks.fuzz`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganeval

WORDS = (
    "",
    " ",
    "nowhere",
    "caf\udce9",
    "a\nb",
    "\x1b[31mred",
    "-5",
    "0",
    "1e400",
    "nan",
    "-inf",
    "1" * 400,
    "digits:",
    ":test",
    "digits:tset",
    "os:path",
    "no.module:x",
    "math:sqrt",
    "tiny.npz",
    "tiny",
    "pipe",
    "loop",
    "torn.json",
    "list.json",
    "nan.json",
    "empty",
    "torn.png.d",
    "torn.zip",
    "history.jsonl",
    "../..",
    "~",
    "/dev/null",
    "/proc/self/mem",
    "x" * 5000,
    "ok.json",
    "digits:test",
    "digits",
    "pixels",
    "None",
    "True",
    "[]",
    "٣",
)
OPTIONS: dict[str, tuple[str, ...]] = {
    "evaluate": (
        "--real",
        "--fake",
        "--classifier",
        "--extractor",
        "--train",
        "--heldout",
        "--n",
        "--seed",
        "--device",
        "--precision",
        "--json",
        "--metrics",
        "--no-floor",
        "--no-cache",
    ),
    "ls": ("metrics", "datasets", "--kind"),
    "zoo": ("list", "show", "digits", "trian"),
    "doctor": ("--n", "--seed", "--json", "--resolve", "--device"),
    "gate": (
        "--config",
        "--name",
        "--baseline",
        "--anchor",
        "--base-ref",
        "--scope",
        "--generator",
        "--real",
        "--n",
        "--json",
        "--junit",
        "--history",
        "--looks",
        "--seed",
        "--github",
        "--update-baseline",
        "--reason",
    ),
    "calibrate": ("--config", "--n", "--runs", "--faults", "--json"),
    "power": ("--difference", "--n", "--noise", "--p", "--agreement", "--alpha", "--tests", "--power"),
    "trend": ("--metrics", "--arl", "--otava-csv"),
    "report": ("--no-evaluate", "--out", "--title", "--json", "--explain", "--compare", "--tb", "--generator"),
}
REQUIRED = {
    "evaluate": ("--real", "--fake"),
    "doctor": ("--real",),
    "report": (),
    "calibrate": ("--real", "--generator"),
}
FIRST = {"evaluate": ("digits:test", "tiny.npz"), "doctor": ("nowhere",), "calibrate": ("nowhere", "math:sqrt")}


@dataclass(frozen=True)
class Named:
    """A value that a failing example can print."""

    label: str
    make: Callable[[], Any]

    def __repr__(self) -> str:
        return self.label


def _broken(n: int, _labels: Any, _rng: Any) -> Any:
    raise KeyError(n)


ROWS = np.random.default_rng(0).normal(size=(30, 4))
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
KNOWN = {"np": np, "torch": torch, "Path": Path, "ganeval": ganeval, "ROWS": ROWS, "PIXELS": PIXELS, "broken": _broken}
VALUES = tuple(
    Named(text, lambda text=text: eval(text, KNOWN))  # noqa: S307 - the texts are these
    for text in (
        "None",
        "True",
        "0",
        "-1",
        "3.7",
        "float('nan')",
        "10**400",
        "''",
        "'nowhere'",
        "'a\\0b'",
        "'caf\\udce9'",
        "b'x'",
        "[]",
        "{}",
        "object()",
        "lambda: 1",
        "broken",
        "print",
        "type",
        "Path('nowhere')",
        "Path()",
        "[1, 2]",
        "['a']",
        "[[1], [1, 2]]",
        "ROWS",
        "ROWS.astype(np.float32)",
        "ROWS[:1]",
        "ROWS[:0]",
        "ROWS * np.nan",
        "ROWS * 1e200",
        "ROWS.astype(object)",
        "ROWS.astype(complex)",
        "ROWS.T",
        "ROWS[:, :0]",
        "ROWS > 0",
        "PIXELS",
        "PIXELS[0]",
        "PIXELS[:0]",
        "PIXELS[:, None]",
        "PIXELS / 255",
        "PIXELS.astype(np.int64) - 500",
        "np.array('x')",
        "np.array(None)",
        "np.zeros((2, 3, 4, 5, 6))",
        "np.zeros((30, 784))",
        "torch.tensor(ROWS, requires_grad=True)",
        "torch.tensor(PIXELS)",
        "torch.zeros(3, device='meta')",
        "torch.zeros(3, 3).to_sparse()",
        "torch.zeros(30, 4, dtype=torch.bfloat16)",
        "torch.nn.Linear(2, 2)",
        "iter([])",
        "range(3)",
        "'digits:test'",
        "'pixels'",
        "'digits'",
        "np.ma.masked_array(ROWS)",
        "np.datetime64('2020')",
        "slice(3)",
        "Ellipsis",
        "NotImplemented",
        "ganeval",
        "ganeval.Score(1.0)",
    )
)
KEYWORDS = (
    "n",
    "seed",
    "device",
    "precision",
    "labels",
    "heldout",
    "extractor",
    "classifier",
    "metrics",
    "options",
    "train",
    "k",
    "q",
)
FUNCTIONS = (
    "evaluate",
    "image_set",
    "extract",
    "load_extractor",
    "fid",
    "kid",
    "precision",
    "recall",
    "classifier_score",
    "inception_score",
    "class_balance",
    "vendi",
    "Evaluation.read",
    "Features.given",
    "nn_ratio",
)
