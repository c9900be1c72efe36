"""Hugging Face: `.eval_results/*.yaml` of a model repository, and a table for its model card.

The Hub shows the numbers of `.eval_results/` on the model's page (https://huggingface.co/docs/hub/eval-results). Each
entry names a data set of the Hub; error, n and network stand in its notes, which is where they can stand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ganeval.core.files import open_regular, write_atomic, writing
from ganeval.errors import UndefinedError, WrongInputError, guarded
from ganeval.integrations.needed import needed
from ganeval.records.headline import by_question, headline
from ganeval.records.markdown import cell
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.records.text import visible

MARKS = ("<!-- ganeval: begin -->", "<!-- ganeval: end -->")
MOST = 10**6  # bytes of a model card
_DATASET = re.compile(r"[\w.-]+(/[\w.-]+)?")


@guarded
def write_eval_results(
    evaluation: Evaluation, repository: str | Path, *, dataset: str, full: bool = False, source_url: str | None = None
) -> Path:
    """Write `.eval_results/ganeval-DATASET.yaml` below `repository`, a local clone of the model's repository.

    dataset: the Hub's name of the real images, for example "ylecun/mnist". full: every metric that has a value; by
    default the headline. source_url: where the evaluation can be looked at.
    """
    hub, yaml = needed("huggingface_hub", "huggingface"), needed("yaml", "huggingface")
    if not isinstance(dataset, str) or not _DATASET.fullmatch(dataset):
        raise WrongInputError(
            f"dataset must be a name of the Hub, OWNER/NAME, for example 'ylecun/mnist'; got {dataset!r}. Pass that of "
            "the real images."
        )
    groups = by_question(evaluation.scores) if full else headline(evaluation.scores)
    entries = [_entry(hub, evaluation, record, dataset, source_url) for _, group in groups for record in group]
    if not entries:
        raise UndefinedError("The evaluation holds no number to publish. Its records say why: evaluation.to_frame().")
    document = yaml.safe_dump(hub.eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
    path = Path(repository) / ".eval_results" / f"ganeval-{dataset.replace('/', '-')}.yaml"
    with writing(path):
        return write_atomic(path, document)


def _entry(hub: Any, evaluation: Evaluation, record: ScoreRecord, dataset: str, source_url: str | None) -> Any:
    return hub.EvalResultEntry(
        dataset_id=dataset,
        task_id=record.name,
        value=record.value,
        date=evaluation.created[:10] or None,
        source_url=source_url,
        notes=f"{record}, n = {record.n}, {visible(evaluation.measured, 400)}",
    )


@guarded
def write_model_card(evaluation: Evaluation, card: str | Path, *, full: bool = False) -> Path:
    """Put the headline as a table into a model card, between two marks; a second call replaces the first one's table.

    card: README.md of the model's repository; one that is not there is begun.
    """
    path = Path(card)
    with writing(path):
        text = _read(path) if path.exists() else f"# {path.resolve().parent.name}\n"
        measured = cell(visible(evaluation.measured, 400))
        table = f"{MARKS[0]}\n## Evaluation\n\n{measured}.\n\n{evaluation.to_markdown(full=full)}{MARKS[1]}"
        before, begin, rest = text.partition(MARKS[0])
        _, end, after = rest.partition(MARKS[1])
        if begin and not end:
            raise WrongInputError(f"{path} has the mark {MARKS[0]} without {MARKS[1]}. Remove it, or add the other.")
        whole = f"{before}{table}{after}" if begin else f"{text.rstrip()}\n\n{table}\n"
        return write_atomic(path, whole)


def _read(card: Path) -> str:
    with open_regular(card) as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise WrongInputError(f"{card} is larger than a model card (1 MB). Name the README.md of the model.")
    return content.decode(errors="replace")
