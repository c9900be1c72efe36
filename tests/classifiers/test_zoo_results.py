"""The page about the zoo follows from the cards and from nothing else."""

from __future__ import annotations

from pathlib import Path

from ganeval.classifiers.catalog import CLASSIFIERS
from ganeval.classifiers.member import Member
from ganeval.classifiers.results import write_results
from ganeval.classifiers.zoo import card_of

COMMITTED = Path(__file__).parents[2] / "docs/results/zoo.md"


def test_the_committed_page_is_what_the_cards_say(tmp_path: Path) -> None:
    assert write_results(tmp_path / "zoo.md").read_text() == COMMITTED.read_text()


def test_the_page_shows_every_member_with_every_class(tmp_path: Path) -> None:
    page = write_results(tmp_path / "zoo.md").read_text()
    for name in (spec.name for spec in CLASSIFIERS if isinstance(spec, Member)):
        card = card_of(name)
        assert f"## {card.name}\n" in page
        assert all(
            f"| {title} | {100 * r:.2f} % |" in page for title, r in zip(card.class_names, card.recall, strict=True)
        )
