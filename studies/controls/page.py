"""The page of the controls: every metric on every control, and in words who sees a fault and who is blind to it."""

from __future__ import annotations

from collections.abc import Mapping

from ganeval.metrics import Metric
from ganeval.records.scores import Evaluation, ScoreRecord, render_value
from reference_models.bands.equal_n import K
from reference_models.controls.control import CONTROLS
from studies.controls.calibration import HEALTHY, Sizes, asked, verdicts
from studies.page import machine, markdown_table, render_document

PANEL = {
    "classifier_score": "GAN-test",
    "gan_train": "CAS",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "authenticity": "authenticity",
    "copies": "copies",
    "nn_ratio": "nn_ratio",
}
MARKS = {"seen": " **+**", "fooled": " **!**", "blind": "", "none": ""}


def render_page(dataset: str, found: Mapping[str, Evaluation], sizes: Sizes, seed: int) -> str:
    one = found[HEALTHY]
    how = (
        f"Each control draws {one.fake.n:,} images ({sizes.per_class} of each class) out of {sizes.known:,} images of "
        f"`{dataset}` that are not in the test split; `{HEALTHY}` shows {sizes.held:,} others of them. They are "
        f"compared with {one.real.n:,} images of `{dataset}:test`, and, where a metric asks for copies, with the "
        f"{sizes.known:,}. Judge and features: `{one.classifier}`; neighbours k = {K}; seed {seed}; {machine()}."
    )
    legend = (
        "After +- stands one standard error. **+**: worse than on real images by more than three standard errors of "
        "the difference: the metric sees the fault. **!**: better by as much: the metric is fooled. No mark: blind. "
        f"The column `{HEALTHY}` is what a perfect generator would get. Real images of two splits: "
        "where they differ, an exact test (`missing_modes`, `worst_packet`) says so of it, too."
    )
    parts = [
        "## The controls",
        _panel(found),
        _controls(found),
        "## Every metric on every control",
        legend,
        _table(found),
        "## Metric by metric",
        _sentences(found),
        "## How it was made",
        how,
    ]
    said = "No control has learnt anything; the fault of each is known."
    return render_document("Controls: what each metric sees", "controls", parts, said=said)


def _panel(found: Mapping[str, Evaluation]) -> str:
    rows = [
        [f"`{name}`", CONTROLS[name].fault, *(_cell(evaluation[key]) for key in PANEL)]
        for name, evaluation in _ordered(found)
    ]
    return markdown_table(("control", "fault", *PANEL.values()), rows)


def _controls(found: Mapping[str, Evaluation]) -> str:
    """For each control who sees it, who is fooled by it, and how many are blind."""
    said, lines = verdicts(found), []
    for name, _ in _ordered(found):
        if name == HEALTHY:
            continue
        groups = {
            key: [f"`{m.name}`" for m in asked() if said[m.name, name] == key] for key in ("seen", "fooled", "blind")
        }
        lines.append(
            f"- `{name}`, {CONTROLS[name].fault}: seen by {_listed(groups['seen'])}; fooled: "
            f"{_listed(groups['fooled'])}; {len(groups['blind'])} are blind."
        )
    return "\n".join(lines)


def _table(found: Mapping[str, Evaluation]) -> str:
    """A line of every metric that has a value on some control."""
    said = verdicts(found)
    rows = []
    answered = [metric for metric in asked() if any(e[metric.name].value is not None for e in found.values())]
    for metric in sorted(answered, key=lambda m: (m.question, m.name)):
        cells = [
            _cell(evaluation[metric.name]) + ("" if name == HEALTHY else MARKS[said[metric.name, name]])
            for name, evaluation in _ordered(found)
        ]
        rows.append([metric.question, f"`{metric.name}`", _better(metric), *cells])
    return markdown_table(("question", "metric", "better", *(f"`{name}`" for name, _ in _ordered(found))), rows)


def _sentences(found: Mapping[str, Evaluation]) -> str:
    said, lines = verdicts(found), []
    names = [name for name, _ in _ordered(found) if name != HEALTHY]
    for metric in sorted(asked(), key=lambda m: m.name):
        groups = {key: [f"`{n}`" for n in names if said[metric.name, n] == key] for key in MARKS}
        if len(groups["none"]) == len(names):
            why = found[HEALTHY][metric.name].status.partition(". ")[0]  # what follows names places of this machine
            lines.append(f"- `{metric.name}`: no value here ({why}).")
            continue
        fooled = f"; fooled by {_listed(groups['fooled'])}" if groups["fooled"] else ""
        none = f"; no value for {_listed(groups['none'])}" if groups["none"] else ""
        lines.append(
            f"- `{metric.name}` sees {_listed(groups['seen'])}; blind to {_listed(groups['blind'])}{fooled}{none}."
        )
    return "\n".join(lines)


def _ordered(found: Mapping[str, Evaluation]) -> list[tuple[str, Evaluation]]:
    """The healthy control first."""
    return [(HEALTHY, found[HEALTHY]), *((name, e) for name, e in found.items() if name != HEALTHY)]


def _cell(record: ScoreRecord) -> str:
    return "none" if record.value is None else render_value(record.value, record.se)


def _better(metric: Metric) -> str:
    return metric.better if metric.better != "target" else f"at {metric.perfect}" if metric.perfect else "as real"


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nobody"
