"""The page about the zoo follows from the cards and from nothing else."""

from __future__ import annotations

from pathlib import Path

from ganeval.classifiers.catalog import CLASSIFIERS
from ganeval.classifiers.member import Member
from ganeval.classifiers.zoo import card_of
from studies.page import RESULTS
from studies.zoo import main


def test_the_committed_page_is_what_the_cards_say(tmp_path: Path) -> None:
    assert main(out=tmp_path).read_text() == (RESULTS / "zoo.md").read_text()


def test_the_page_shows_every_member_with_every_class(tmp_path: Path) -> None:
    page = main(out=tmp_path).read_text()
    for name in (spec.name for spec in CLASSIFIERS if isinstance(spec, Member)):
        card = card_of(name)
        assert f"## {card.name}\n" in page
        assert all(
            f"| {title} | {100 * r:.2f} % |" in page for title, r in zip(card.class_names, card.recall, strict=True)
        )
