"""A results page in Markdown, from measured numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Evaluation, ScoreRecord, render_value
from ganeval.runs.directory import encode_png, tile
from reference_models.bands.equal_n import MANIFOLD, PROTOCOL_N, K
from studies.generator.measure import Measured
from studies.page import markdown_table, percent, recipe_text, render_document, with_interval

PICTURED = 16  # generated images of each class on the page
STUDIES = {"hoda": (966, 1000, 0.90)}  # founding study: recognised, of, worst class (its own table)


def render_picture(measured: Measured) -> bytes:
    """The first generated images of each class, one row a class: not chosen."""
    rows = [np.flatnonzero(measured.labels == c)[:PICTURED] for c in np.unique(measured.labels)]
    return encode_png(tile(measured.images[np.concatenate(rows)], rows=len(rows)))


def render_page(measured: Measured, picture: str) -> str:
    info: Mapping[str, Any] = measured.info
    name = str(info["dataset"])
    parts = [
        f"![{PICTURED} generated images of each class, the first ones drawn]({picture})",
        "## What it scores",
        _headline(measured, name),
        _reading(measured.whole),
        "## Against real images",
        _scores(measured),
        "## Class by class",
        _classes(measured.whole),
        "## While it trained",
        _course(measured),
        "## How it was made",
        _making(info, measured),
    ]
    said = "Numbers in brackets are 95 % intervals, after +- stands one standard error."
    return render_document(f"{name}: projection cGAN", f"generator {name}", parts, said=said)


def _headline(measured: Measured, name: str) -> str:
    whole, equal = measured.whole, measured.equal
    test, worst = whole["classifier_score"], _worst(whole["classifier_score"])
    cas = whole["gan_train"]
    rows = [
        [
            "projection cGAN",
            _rate(test),
            _class_rate(worst),
            _rate(cas),
            with_interval(equal["recall"]),
            with_interval(equal["coverage"]),
        ]
    ]
    if "ceiling" in cas.details:
        rows.append(
            [
                f"real images, as many ({cas.details['ceiling_n']:,})",
                _judge(measured),
                "",
                f"{100 * cas.details['ceiling']:.2f} %",
                "",
                "",
            ]
        )
    if name in STUDIES:
        hits, n, low = STUDIES[name]
        rows.append(
            [
                f"founding study, its own judge, {hits}/{n}",
                f"{percent(hits / n)} {_wilson(hits, n)}",
                f"{percent(low)}",
                "not measured",
                "not measured",
                "not measured",
            ]
        )
    heads = (
        "",
        "GAN-test",
        "worst class",
        f"CAS (trained on the {len(measured.labels):,} fakes)",
        f"recall (k = {K})",
        f"coverage (k = {K})",
    )
    return markdown_table(heads, rows)


def _reading(whole: Evaluation) -> str:
    gap = ""
    cas = whole["gan_train"]
    if cas.ok and "ceiling" in cas.details:
        missing = 100 * (cas.details["ceiling"] - float(cas.value or 0))
        gap = (
            f" A classifier trained on these fakes is {missing:.1f} points worse on real images than one trained on as "
            "many real ones: GAN-test cannot see that."
        )
    return (
        "GAN-test asks whether each image shows its class, and one good image per class would pass it; CAS, recall and "
        "coverage ask for the variety. Read them as one row." + gap
    )


def _scores(measured: Measured) -> str:
    whole, equal = measured.whole, measured.equal
    rows = []
    for key, record in whole.scores.items():
        floor = (
            ""
            if record.floor is None
            else f"{render_value(record.floor.value, record.floor.se)} (n = {record.floor.n:,})"
        )
        other = with_interval(equal[key]) if key in MANIFOLD else ""
        rows.append([f"`{key}`", with_interval(record), other, floor])
    heads = (
        "metric",
        (f"{whole.fake.n:,} fakes, {whole.real.n:,} real"),
        (f"{equal.fake.n:,} fakes, {equal.real.n:,} real"),
        "real against real",
    )
    note = (
        f"Features: `{whole.fake.extractor}` ({whole.fake.dim}-d), so `fid` is a Frechet distance in that space, not "
        f"the Inception FID. `precision`, `recall`, `density`, `coverage`: k = {K}; the middle column is the protocol "
        f"of {PROTOCOL_N:,} against {PROTOCOL_N:,}. The last column is what a perfect generator would get."
    )
    return markdown_table(heads, rows) + "\n\n" + note


def _classes(whole: Evaluation) -> str:
    rows = []
    cas = whole["gan_train"].details.get("recall", {})
    for index, row in enumerate(whole["classifier_score"].details["classes"]):
        trained = cas.get(str(index))
        rows.append([row["name"], _class_rate(row, named=False), percent(row["precision"]), percent(trained)])
    return markdown_table(("class", "recognised (GAN-test)", "precision", "CAS recall on real images"), rows)


def _course(measured: Measured) -> str:
    rows = [
        [
            f"{step:,}",
            _rate(e["classifier_score"]),
            _class_rate(_worst(e["classifier_score"])),
            *(str(e[key]) for key in MANIFOLD),
        ]
        for step, e in measured.course
    ]
    heads = ("step", "GAN-test", "worst class", *(f"{key} (k = {K})" for key in MANIFOLD))
    return markdown_table(heads, rows) + f"\n\n{measured.course[0][1].fake.n:,} fakes each, the latents the same."


def _making(info: Mapping[str, Any], measured: Measured) -> str:
    made, options = info["environment"], info["options"]
    on = [key for key in ("amp", "channels_last", "compile") if options.get(key)]
    lines = [
        (
            f"- trained on `{info['trained_on']}`, {info['images']:,} images seen, {info['step']:,} steps of "
            f"{info['config']['batch']}, seed {info['seeds']['seed']}; no image of the test split was trained on"
        ),
        (
            f"- {info['cpu_seconds']:.0f} CPU-seconds ({info['cpu_seconds'] / 60:.1f} CPU-minutes) for the whole "
            f"training process, samples and checkpoints included; torch {made['torch']}, {made['threads']} thread(s), "
            f"{made.get('processor') or made['machine']}" + (f"; {', '.join(on)} on" if on else "")
        ),
        (
            f"- classifier and features: `{measured.whole.classifier}`; evaluation seed "
            f"{measured.whole.protocol.get('seed', 0)}; {measured.machine}"
        ),
        f"- recipe: {recipe_text(info['config'])}",
        f"- typed: `{info['command']}`" if info["command"] else "",
    ]
    return "\n".join(line for line in lines if line)


def _worst(record: ScoreRecord) -> Mapping[str, Any]:
    return min((row for row in record.details["classes"] if row["n"]), key=lambda row: row["recall"])


def _judge(measured: Measured) -> str:
    floor = measured.whole["classifier_score"].floor
    return "" if floor is None else percent(floor.value)


def _rate(record: ScoreRecord) -> str:
    if record.value is None or record.interval is None:
        return str(record)
    return f"**{percent(record.value)}** [{100 * record.interval[0]:.2f}, {100 * record.interval[1]:.2f}]"


def _class_rate(row: Mapping[str, Any], *, named: bool = True) -> str:
    low, high = row["recall_interval"]
    name = f"{row['name']}: " if named else ""
    return f"{name}{percent(row['recall'])} [{100 * low:.1f}, {100 * high:.1f}]"


def _wilson(hits: int, n: int) -> str:
    low, high = wilson(hits, n)
    return f"[{100 * low:.2f}, {100 * high:.2f}]"
