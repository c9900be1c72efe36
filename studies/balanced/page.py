"""docs/results/balanced.md: the table, what it says, and the founding study read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studies.balanced import study
from studies.balanced.arms import ARMS
from studies.balanced.statistics import FIGURES, Comparison, Figure, Outcome, compare, figures, shifted
from studies.page import markdown_table, render_document

MOVED = "moved threshold"
ADDS = {**{arm.name: arm.added for arm in ARMS}, MOVED: "nothing, nor trained again: malignant from 27 % on, not 50 %"}
IMAGES = ("oversampling", "augmentation", "generated", "label-shuffled", "np.resize", "noise")  # arms that add images
AGREED = 0.9


def outcomes(scores: Mapping[str, NDArray[np.float64]], labels: NDArray[np.int64], prior: float) -> dict[str, Outcome]:
    """The arms in order, and after the first the same networks with another threshold."""
    found = {name: Outcome(values, labels) for name, values in scores.items()}
    return {"none": found["none"], MOVED: shifted(found["none"], prior), **found}


def render(found: Mapping[str, Outcome], setup: Mapping[str, Any], command: str) -> str:
    means, against = {name: figures(outcome) for name, outcome in found.items()}, compare(found)
    parts = [
        "## The study, read with the labels the right way round",
        _study(),
        "## The experiment",
        _setting(found, setup),
        _table(means),
        "## Against no balancing, pair by pair",
        _pairs(against),
        "## What it says",
        _reading(means, against),
        "## What 156 images can show",
        _power(found["none"]),
        "## How it was made",
        _making(setup),
    ]
    said = (
        "Class 0 is malignant; recall is the share of malignant images that are found, specificity the share of the "
        "others that are cleared. Brackets are 95 % intervals."
    )
    return render_document("Balanced training on BreastMNIST", command, parts, said=said)


def _study() -> str:
    before, after = study.Reading(study.BEFORE), study.Reading(study.AFTER)
    rows = [
        [
            ("confusion (rows true, columns called: malignant, other)"),
            str([*map(list, study.BEFORE)]),
            str([*map(list, study.AFTER)]),
        ],
        ["**malignant recall**", *(f"**{study.rate_text(r.malignant)}**" for r in (before, after))],
        ["specificity", *(study.rate_text(r.healthy) for r in (before, after))],
        ["accuracy", *(study.rate_text(r.right) for r in (before, after))],
        ["balanced accuracy", *(f"{100 * r.balanced_accuracy:.1f} %" for r in (before, after))],
        ["malignant precision, F1", *(f"{r.precision:.3f}, {r.f1:.3f}" for r in (before, after))],
        ["Matthews' correlation", *(f"{r.mcc:.3f}" for r in (before, after))],
    ]
    missed, of = study.BEFORE[0][1], sum(study.BEFORE[0])
    tests = "; ".join(
        f"{name} {_span(study.change(one, two), points=True)}, McNemar p between {_p(low)} and {_p(high)}"
        for name, one, two in (
            ("recall", before.malignant, after.malignant),
            ("specificity", before.healthy, after.healthy),
            ("accuracy", before.right, after.right),
        )
        for low, high in [study.mcnemar_bounds(one, two)]
    )
    return "\n\n".join(
        [
            (
                "The founding study read label 0 as healthy. In MedMNIST label 0 is malignant: its first network "
                f"**missed {missed} of {of} cancers**, and the one trained on balanced data, which it called no "
                f"better, found {study.AFTER[0][0]} of {of}. Accuracy fell, because 114 of 156 test images are not "
                f"malignant; always saying so gives {100 * 114 / 156:.1f} %."
            ),
            markdown_table(("", "before (50 epochs, real images)", "after (252 images added)"), rows),
            (
                f"Change, as if the two test sets were independent: {tests}. Both networks saw the same 156 images but "
                "the study gives no pairs, so the p-values are the least and the greatest that its tables allow."
            ),
            (
                "It does not follow that the generator helped. Four things changed at once: 252 images were added, the "
                "classes became balanced, the augmentation was dropped, and so was the normalisation. And the added "
                "images were garbled: `np.resize` from 64x64 to 28x28 does not scale, it wraps the first 784 pixels "
                "into 28 rows. The generator was not conditional either, so its images had no class. The arms below "
                "change one thing at a time."
            ),
        ]
    )


def _setting(found: Mapping[str, Outcome], setup: Mapping[str, Any]) -> str:
    seeds, malignant, others = found["none"].sizes
    return (
        f"One small network ({setup['steps']} batches of {setup['recipe']['batch']}, no augmentation of its own) for "
        f"each arm and each of {seeds} seeds; equal seeds begin with equal weights. Arms that add images add 252, call "
        "all of them malignant, and so bring the classes to 399 and 399; nothing else changes, the number of batches "
        f"included. The test split ({malignant} malignant, {others} others) was opened "
        f"{_opened(setup.get('opened', [seeds]))}"
    )


def _opened(times: Sequence[int]) -> str:
    """When the test split was seen, by the number of seeds that were trained by then."""
    first, *later = times
    again = "".join(f", and again when there were {n}: the same arms, and nothing chosen in between" for n in later)
    return (
        f"{'first ' if later else 'once, '}when all {first * len(ARMS)} networks of {first} seeds were trained{again}."
    )


def _table(means: Mapping[str, Mapping[str, Figure]]) -> str:
    rows = [[name, ADDS[name], *(_figure(row[key]) for key in FIGURES)] for name, row in means.items()]
    note = (
        "Means over seeds; intervals over seeds and images together; in round brackets the standard deviation over "
        "seeds. AUC does not depend on a threshold, the others do."
    )
    return markdown_table(("arm", "added", *FIGURES), rows) + "\n\n" + note


def _pairs(against: Mapping[str, Comparison]) -> str:
    rows = [
        [
            name,
            *(
                _difference(c.differences[key])
                for key in ("recall", "specificity", "AUC", "balanced accuracy", "accuracy")
            ),
            *(f"+{c.gained[key]} -{c.lost[key]}, p = {_p(c.p[key])}" for key in ("recall", "specificity")),
        ]
        for name, c in against.items()
    ]
    note = (
        "Differences to `none` in points (AUC: hundredths), paired by seed and image. The last columns: malignant and "
        "other images that the vote of all seeds gets right only with the arm (+) or only without it (-), with "
        f"McNemar's exact p-value after Holm's correction over the {len(against)} arms."
    )
    heads = ("arm", *FIGURES, "malignant images", "other images")
    return markdown_table(heads, rows) + "\n\n" + note


def _reading(means: Mapping[str, Mapping[str, Figure]], against: Mapping[str, Comparison]) -> str:
    """Sentences that follow from the numbers, whatever these are."""
    generated, rivals = against["generated"], ("oversampling", "augmentation", "label-shuffled", "np.resize")
    change, garbled = generated.differences, against["np.resize"].differences
    controls = ", ".join(f"{name} {_figure(means[name]['recall'])}" for name in (*rivals, "noise"))
    lines = [
        (
            f"Generated images change recall by {_difference(change['recall'])} points and AUC by "
            f"{_difference(change['AUC'])} hundredths: {_verdict(change['AUC'], 'AUC')}."
        ),
        (
            "For nothing: moving the threshold of the untouched networks gives recall "
            f"{_figure(means[MOVED]['recall'])} and specificity {_figure(means[MOVED]['specificity'])}; class weights "
            f"give {_figure(means['class weights']['recall'])} and {_figure(means['class weights']['specificity'])}."
        ),
        f"Controls that add as many images: recall {controls}.",
        (
            f"The study's garbled images alone: recall {_difference(garbled['recall'])} points, specificity "
            f"{_difference(garbled['specificity'])}.{_origin(garbled['recall'])}"
        ),
        (
            f"The best arm by AUC is {_best(means, 'AUC')}, by balanced accuracy {_best(means, 'balanced accuracy')}. "
            f"{_clear(against)}"
        ),
        _significant(against),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _origin(garbled: Figure) -> str:
    """What follows for the study from the arm that adds its garbled images and changes nothing else."""
    if garbled.interval[0] > 0:
        return ""
    return (
        " So, for a network like this one, they and the balance they bring do not explain that the study's second "
        "network found more; what else it changed, or chance, must."
    )


def _significant(against: Mapping[str, Comparison]) -> str:
    """Which votes differ after the correction; the intervals above are for one arm each and not corrected."""
    clear = [f"{name} ({key})" for name, c in against.items() for key, p in c.p.items() if p < study.ALPHA]
    found = _and(clear) if clear else "no arm"
    return (
        f"After Holm's correction the votes of {found} differ from those of `none`. The intervals of differences stand "
        "for one arm each: they hold the seeds, are not corrected, and so are the more optimistic of the two."
    )


def _clear(against: Mapping[str, Comparison]) -> str:
    better = [name for name, c in against.items() if c.differences["AUC"].interval[0] > 0]
    worse = [name for name, c in against.items() if c.differences["AUC"].interval[1] < 0]
    parts = [
        f"Beyond the error of AUC the images are ranked better than by `none` by {_and(better) if better else 'no arm'}"
    ]
    if worse:
        parts.append(f"worse by {_and(worse)}")
    return "; ".join(parts) + "."


def _verdict(figure: Figure, what: str) -> str:
    low, high = figure.interval
    if low > 0:
        return f"{what} rises beyond its error"
    return f"{what} falls beyond its error" if high < 0 else f"no change of {what} can be told from none"


def _power(base: Outcome) -> str:
    _, malignant, others = base.sizes
    means = figures(base)
    rows = []
    for key, n in (("accuracy", malignant + others), ("recall", malignant), ("specificity", others)):
        rate = min(max(means[key].value, 1 / n), 1 - 1 / n)
        found = study.smallest_differences(n, rate, (AGREED,))
        rows.append([key, str(n), f"{100 * rate:.0f} %", *(f"{100 * value:.1f}" for value in found.values())])
    heads = ("rate", "images", "near", "independent, points", f"same images, {AGREED:.0%} agreed, points")
    return (
        markdown_table(heads, rows)
        + "\n\n"
        + (
            "The smallest true difference that would be found in four of five test sets, two-sided at 5 %. An "
            "improvement of two points of accuracy cannot be claimed from this test set, whoever trained the networks."
        )
    )


def _making(setup: Mapping[str, Any]) -> str:
    choice = ", ".join(f"{row['steps']} batches: {row['val_auc']:.4f}" for row in setup["choice"])
    spent = sum(setup["cpu_seconds"].values())
    lines = [
        (
            f"length of training chosen by mean AUC on `val` over three other seeds ({choice}); nothing was chosen on "
            "`test`"
        ),
        (
            f"generator: run `{setup['generator']}`, trained on `train` alone; the same one for all seeds, so the "
            "intervals do not hold the error of training another"
        ),
        f"{spent:.0f} CPU-seconds for the networks of {len(ARMS)} arms, {spent / len(ARMS):.0f} an arm",
        "one test image is, pixel for pixel, also in the training split; the splits are not known to be patient-wise",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _figure(figure: Figure) -> str:
    low, high = figure.interval
    return f"{100 * figure.value:.1f} [{100 * low:.1f}, {100 * high:.1f}] ({100 * figure.over_seeds:.1f})"


def _difference(figure: Figure) -> str:
    return f"{100 * figure.value:+.1f} {_span(figure.interval, points=False)}"


def _span(interval: Sequence[float], *, points: bool) -> str:
    unit = " points" if points else ""
    return f"[{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]{unit}"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _best(means: Mapping[str, Mapping[str, Figure]], key: str) -> str:
    name = max(means, key=lambda name: means[name][key].value)
    return f"{name} ({_figure(means[name][key])})"


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
