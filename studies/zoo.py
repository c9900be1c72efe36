"""The classifiers of the zoo, measured: docs/results/zoo.md from the cards that lie beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganeval.classifiers.card import Card
from ganeval.classifiers.catalog import CLASSIFIERS
from ganeval.classifiers.member import WEIGHTS, Member
from ganeval.core.files import write_atomic
from studies.page import RESULTS, markdown_table, percent, render_document


def render_results(cards: Sequence[Card]) -> str:
    """All cards as one Markdown page."""
    said = (
        "All numbers are from the cards that lie beside the weights. Accuracies are on the official test split, after "
        "every choice had been made on other images; brackets are 95 % Wilson intervals."
    )
    parts = [
        markdown_table(
            (
                "classifier",
                "test accuracy",
                "worst class",
                "parameters",
                "embedding",
                "condition",
                "temperature",
                "calibration error",
                "trained on",
                "test images also in train",
            ),
            [_row(card) for card in cards],
        ),
        *(_section(card) for card in cards),
    ]
    return render_document("The zoo, measured", "zoo", parts, said=said)


def main(*, out: Path = RESULTS) -> Path:
    """Write `out/zoo.md`."""
    names = [spec.name for spec in CLASSIFIERS if isinstance(spec, Member)]
    return write_atomic(out / "zoo.md", render_results([Card.read(WEIGHTS / f"{name}.json") for name in names]))


def _row(card: Card) -> tuple[str, ...]:
    worst = min(range(len(card.recall)), key=card.recall.__getitem__)
    test, train = card.data["test"], card.data["train"]
    return (
        card.name,
        f"{percent(card.accuracy)} {_range(card.accuracy_interval)} of {test['images']:,}",
        f"{card.class_names[worst]}: {percent(card.recall[worst])} {_range(card.recall_intervals[worst])}",
        f"{card.parameters:,}",
        f"{card.embedding_dim}-d, rank {card.embedding_rank}",
        f"{card.embedding_condition:,.0f}",
        f"{card.temperature:.2f}",
        f"{card.ece_before:.4f} -> {card.ece_after:.4f}",
        f"{train['images']:,} of {train['split']}",
        str(test["in_train"]),
    )


def _section(card: Card) -> str:
    recall = markdown_table(
        ("class", "recall", "95 % interval", *(f"as {name}" for name in card.class_names)),
        [
            (name, percent(r), _range(i), *map(str, counts))
            for name, r, i, counts in zip(
                card.class_names, card.recall, card.recall_intervals, card.confusion, strict=True
            )
        ],
    )
    lines = [
        f"- {key}: {_cell(value)}" for key, value in (card.extra or {}).items() if isinstance(value, int | float | str)
    ]
    seeds = (card.extra or {}).get("seeds", ())
    return "\n\n".join(
        [
            f"## {card.name}",
            (
                f"{card.architecture}. Input: {card.preprocessing}. Licence of the data: {card.licence}. "
                f"SHA-256 of the weights: `{card.weights_sha256}`. Made by `{card.command}`."
            ),
            *card.notes,
            recall,
            *(["\n".join(lines)] if lines else []),
            *([markdown_table(tuple(seeds[0]), [tuple(map(_cell, seed.values())) for seed in seeds])] if seeds else []),
        ]
    )


def _range(interval: Sequence[float]) -> str:
    return f"[{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
