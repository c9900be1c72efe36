"""Questions to the generator itself, by every way in: function, evaluate, measure, a training loop, the command line,
the sampler of the gate and of pytest. One number each, whether it draws the images or stands beside them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganeval import Protocol, evaluate, image_set, measure
from ganeval.cli.main import main
from ganeval.errors import UndefinedError
from ganeval.integrations.watch import Watch
from ganeval.measure.functions import function_of
from ganeval.measure.generators import sampler
from ganeval.metrics import METRICS
from ganeval.records.protocol import Labels
from ganeval.records.scores import Evaluation

N = 60
ASKED = tuple(m.name for m in METRICS if not m.slow and "generator" in m.needs)
HOW: dict[str, Any] = {"real": "digits:test", "classifier": "digits", "n": N, "metrics": ASKED, "floor": False}
Found = dict[str, tuple[float | None, str]]  # the number and its signature, by metric

MODULE = """
import torch
from ganeval import image_set

REAL = image_set("digits:train")
PIXELS, LABELS = torch.as_tensor(REAL.array()), torch.as_tensor(REAL.labels)


class Digits:
    latent_dim = 4

    def __init__(self):
        self.given, self.counts = [], []

    def __call__(self, n, labels, rng):
        return self.decode(torch.randn(n, self.latent_dim, generator=rng), labels)

    def decode(self, z, labels):
        self.given.append(labels)
        self.counts.append(len(z))
        classes = torch.arange(len(z)) % 10 if labels is None else torch.as_tensor(labels)
        rows = torch.stack([torch.nonzero(LABELS == c)[0, 0] for c in classes])
        return (PIXELS[rows] + 40 * z.tanh().mean(dim=1)[:, None, None, None]).clamp(0, 255).to(torch.uint8)


digits = Digits()
"""


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A generator with latents that obeys its labels and notes them; the command line knows it as `drawn:digits`."""
    (tmp_path / "drawn.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "drawn", raising=False)
    return importlib.import_module("drawn").digits


def found_in(evaluation: Evaluation) -> Found:
    return {name: (evaluation[name].value, evaluation[name].signature) for name in ASKED}


def by_functions(generator: Any, labels: Labels, *, images: Any = None) -> Found:
    """Each metric by its function, as `label_swap(generator=..., classifier=...)`."""
    found: Found = {}
    for name in ASKED:
        try:
            score = function_of(name)(images, generator=generator, classifier="digits", labels=labels)
        except UndefinedError as error:
            found[name] = None, str(error)
        else:
            found[name] = float(score), score.signature
    return found


def by_the_command_line(generator: Any, labels: Labels) -> Found:
    words = [
        "evaluate",
        "--real",
        "digits:test",
        "--generator",
        "drawn:digits",
        "--n",
        str(N),
        "--classifier",
        "digits",
    ]
    more = ["--labels", labels, "--metrics", *ASKED, "--no-floor", "--device", "cpu", "--json", "result.json"]
    assert main([*words, *more]) == 0
    return found_in(Evaluation.read(Path("result.json")))


Door = Callable[[Any, Labels], Found]
DOORS: dict[str, Door] = {
    "measure": lambda g, labels: found_in(measure(g, Protocol(labels=labels, **HOW))),
    "measure, generator=": lambda g, labels: found_in(measure(None, Protocol(labels=labels, **HOW), generator=g)),
    "evaluate": lambda g, labels: found_in(evaluate(fake=g, labels=labels, **HOW)),
    "evaluate, beside images": lambda g, labels: found_in(
        evaluate(fake=image_set("digits:train", n=N), generator=g, labels=labels, exhibits=True, **HOW)
    ),
    "functions": by_functions,
    "functions, beside images": lambda g, labels: by_functions(g, labels, images=image_set("digits:train", n=N)),
    "a training loop": lambda g, labels: found_in(
        Watch(Protocol(labels=labels, **{**HOW, "metrics": ("fid", *ASKED)}))(1, g)
    ),
    "the sampler of the gate": lambda g, labels: found_in(sampler(g, Protocol(labels=labels, **HOW))(N)),
    "the command line": by_the_command_line,
}


@pytest.mark.parametrize("door", DOORS)
def test_every_way_in_gives_one_number(door: str, digits: Any) -> None:
    expected = DOORS["measure"](digits, "balanced")
    assert all(value is not None for value, _ in expected.values())
    assert expected["label_swap"][0] == 1
    assert DOORS[door](digits, "balanced") == expected


@pytest.mark.parametrize("door", DOORS)
def test_a_generator_that_is_asked_without_labels_is_never_given_one(door: str, digits: Any) -> None:
    found = DOORS[door](digits, "none")
    assert digits.given
    assert all(labels is None for labels in digits.given)
    assert found["path_length"][0] is not None
    assert found["label_swap"][0] is None


def test_the_reason_says_what_to_pass(digits: Any) -> None:
    found = evaluate(fake=digits, labels="none", **HOW)["label_swap"]
    assert found.status.endswith('Pass labels="balanced" (--labels balanced) if it takes labels.')


@pytest.mark.parametrize("name", ASKED)
def test_n_of_a_function_is_how_many_are_drawn_for_it(name: str, digits: Any) -> None:
    score = function_of(name)(digits, n=N, classifier="digits")
    assert score.n == N
    assert max(digits.counts) == N
