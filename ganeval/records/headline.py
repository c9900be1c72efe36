"""The headline of an evaluation: the few numbers that are said first, by the question that each answers.

Report, command line, notebook and LaTeX tables all say these and no other list.
"""

from __future__ import annotations

from collections.abc import Mapping

from ganeval.records.score import ScoreRecord

QUESTIONS = {
    "close": "How close are the two sets?",
    "fidelity": "Do single images look real?",
    "diversity": "Is everything there?",
    "label": "Do images show the requested class?",
    "memorisation": "Was anything copied?",
    "two-sample": "Can the sets be told apart?",
    "latent": "How does the latent space behave?",
    "representation": "What does the embedding see?",
    "paired": "Is each image what it should be?",
}
HEADLINE = (  # worst_packet: what no embedding sees (docs/results/sight.md, decision 033)
    "fid",
    "kid",
    "precision",
    "recall",
    "coverage",
    "missing_classes",
    "class_balance",
    "classifier_score",
    "changed_copies",
    "worst_packet",
)
STAND_INS = {"changed_copies": "copies"}  # where there are no pixels to look at
MOST = 10  # lines that are still a headline


def by_question(records: Mapping[str, ScoreRecord]) -> list[tuple[str, list[ScoreRecord]]]:
    """Records that have a value, by name, under the question that they answer;
    questions in the order of `QUESTIONS`.
    """
    groups: dict[str, list[ScoreRecord]] = {}
    for name in sorted(records):
        if records[name].ok:
            groups.setdefault(records[name].question, []).append(records[name])
    order = [q for q in QUESTIONS if q in groups] + sorted(set(groups) - set(QUESTIONS))
    return [(QUESTIONS.get(q, q), groups[q]) for q in order]


def headline(records: Mapping[str, ScoreRecord]) -> list[tuple[str, list[ScoreRecord]]]:
    """At most ten of the records that have a value, by question: all where there are no more, else those of `HEADLINE`.

    >>> kid = ScoreRecord("kid", "ok", 0.1)
    >>> [(question, [r.name for r in group]) for question, group in headline({"kid": kid})]
    [('How close are the two sets?', ['kid'])]
    """
    valued = {name: record for name, record in records.items() if record.ok}
    if len(valued) > MOST:
        named = (name if name in valued else STAND_INS.get(name, name) for name in HEADLINE)
        chosen = [name for name in named if name in valued] or sorted(valued)[:MOST]
        valued = {name: valued[name] for name in chosen}
    return by_question(valued)
