"""docs/choose.md: which metric for which question, what each sees and is blind to, its n, its cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.metrics import METRICS, Metric
from studies.costs import read_costs
from studies.metrics import QUESTIONS, asking
from studies.page import DOCS, RESULTS, markdown_table, render_document

FAULTS = {  # column heads of the controls
    "class_mean": "blur",
    "k_per_class": "few",
    "one_per_class": "collapse",
    "memoriser": "copies",
    "pca_gaussian": "crude",
    "kde": "wrong",
    "train_plus_noise": "noise",
}
SIGNS = {"sees": "●", "fooled by": "✗", "blind to": "·", "no value for": ""}
FIRST = """## Three numbers to begin with

No single number answers every question, so ask one of each kind:

- *Is it close?* [`kid`](metrics.md#kid), which may be compared at any n. [`fid`](metrics.md#fid) if others ask for it.
- *Is everything there?* [`recall`](metrics.md#recall) or [`coverage`](metrics.md#coverage); with classes also
  [`missing_classes`](metrics.md#missing_classes).
- *Did it copy?* [`changed_copies`](metrics.md#changed_copies), which sees copies that were moved, turned, mirrored or
  recoloured, too ([measured](results/changed_copies.md)). Nearly every other number is at its best for a generator that
  copies its training images.

With labels add [`classifier_score`](metrics.md#classifier_score) and, if the images are to train something,
[`gan_train`](metrics.md#gan_train). To decide between two versions use [the gate](gate.md), not a single number.

## How to read the tables

Seven generators with a known fault were measured by every metric ([all numbers](results/controls.md)). ● sees the
fault. · is blind to it. ✗ is fooled: the faulty images score *better* than real ones. No sign: not measured.

| fault | what the faulty generator shows |
| --- | --- |
| blur | the mean image of each class |
| few | ten training images of each class, again and again |
| collapse | one training image of each class |
| copies | training images |
| crude | a Gaussian of each class in pixel space |
| wrong | a kernel density of each class in pixel space |
| noise | training images under noise |

*n*: "any" may be compared at different numbers of images, "equal" only at equal ones. *s*: [CPU seconds for 2,000
images](results/costs.md). Each name leads to its card, which says what the number means and where it fails."""
LAST = "How often each fault is seen depends on the images: `ganeval doctor` plants faults on yours."


def render_page(controls: str, costs: str) -> str:
    """The page, from the cards and the text of two measured pages."""
    seen, spent = read_controls(controls), read_costs(costs)
    parts = [FIRST]
    for question, title in QUESTIONS.items():
        rows = [row(metric, seen.get(metric.name, {}), spent.get(metric.name)) for metric in asking(question)]
        if rows:
            parts += [f"## {title}", table(("metric", *FAULTS.values(), "n", "s"), rows)]
    parts.append(LAST)
    return render_document("Choose your metric", "choose", parts)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The columns of `rows` that are not empty.

    >>> print(table(("a", "b", "c"), [("1", "", "2")]))
    | a | c |
    | --- | --- |
    | 1 | 2 |
    """
    full = [column for column in range(len(heads)) if any(row[column] for row in rows)]
    return markdown_table([heads[c] for c in full], [[row[c] for c in full] for row in rows])


def row(metric: Metric, seen: dict[str, str], cost: float | None) -> list[str]:
    signs = [SIGNS.get(seen.get(control, ""), "") for control in FAULTS]
    name = f"[`{metric.name}`](metrics.md#{metric.name})"
    return [name, *signs, "equal" if metric.biased_in_n else "any", "" if cost is None else f"{cost:.1f}"]


def read_controls(page: str) -> dict[str, dict[str, str]]:
    """What each metric says of each control, from the sentences of docs/results/controls.md.

    >>> read_controls("- `fid` sees `kde`; blind to `memoriser`; fooled by `k_per_class`.")
    {'fid': {'kde': 'sees', 'memoriser': 'blind to', 'k_per_class': 'fooled by'}}
    """
    found: dict[str, dict[str, str]] = {}
    for name, said in re.findall(r"^- `(\w+)` (sees .+)\.$", page, re.MULTILINE):
        for part in said.split("; "):
            verdict = next(word for word in SIGNS if part.startswith(word))
            found.setdefault(name, {}).update(dict.fromkeys(re.findall(r"`(\w+)`", part), verdict))
    return {name: said for name, said in found.items() if name in METRICS}


def measured() -> str:
    """The page as the measured pages of the tree make it."""
    return render_page(*((RESULTS / name).read_text(encoding="utf-8") for name in ("controls.md", "costs.md")))


def main(*, out: Path = DOCS) -> Path:
    """Write `out/choose.md`."""
    return write_atomic(out / "choose.md", measured())
