"""What a card says at first glance: how the training ended, what a metric cannot be, what a bound is;
and whole pictures.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganeval.records.scores import Evaluation, Passport, ScoreRecord
from ganeval.report import build_report
from ganeval.report.changes import difference
from ganeval.report.course import bad_end
from ganeval.report.hints import hints_of, plausible
from ganeval.runs.directory import create_run
from ganeval.runs.discovery import find_runs
from ganeval.runs.record import Curve, RunRecord

PASSPORT = Passport("a", "ab" * 32, 100, 4, "digits", "cd" * 32, "none")
MakeRun = Callable[..., Any]
NAN, INF = math.nan, math.inf


def _page(root: Path, **options: Any) -> str:
    return build_report(find_runs(root), out=root.parent / "r.html", **options).path.read_text()


def _card(page: str, index: int = 0) -> str:
    card = page[page.index(f'id="run-{index}"') - 60 :]
    return card[: card.index("</article>")]


def _text(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup)))


def test_a_training_that_diverged_is_a_red_card_that_says_when_and_why(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", "gan", config={}, seeds={}, protocol={})
    for step in range(21):
        run.log(step, {"loss/g": NAN if step == 20 else 1.0})
    run.event(10, "alarm", text="the gradient rises")
    run.event(20, "nan", text="loss/g is not finite")
    run.update(status="failed")
    card = _card(_page(tmp_path / "runs"))
    assert "story-bad" in card
    assert "✘ diverged at step 20" in _text(card)
    assert "not evaluated" not in card
    assert "<details" not in card
    assert [_text(item).strip() for item in re.findall(r"<li>(.*?)</li>", card)[-2:]] == [
        "alarm at step 10: the gradient rises",
        "nan at step 20: loss/g is not finite",
    ]
    assert "loss/g is NaN or infinite at step 20" in _text(card)


@pytest.mark.parametrize(
    ("values", "status", "word"),
    [
        ((1.0, 1.0, NAN, NAN, NAN), "unknown", "diverged at epoch 2"),
        ((1.0, 1.0, INF, INF, NAN), "done", "diverged at epoch 2"),
        ((1.0, 1.0, 1.0, 1.0, NAN), "failed", "diverged at epoch 4"),
        ((1.0, 1.0, 1.0, 1.0, 1.0), "failed", "failed"),
        ((1.0, NAN, NAN, NAN, 1.0), "done", None),
        ((NAN, NAN, NAN, NAN, NAN), "done", None),
        ((1.0, 1.0, 1.0, NAN, NAN), "running", None),
    ],
)
def test_losses_that_stay_no_numbers_are_a_divergence_of_any_trainer(
    values: tuple[float, ...], status: str, word: str | None
) -> None:
    curve = Curve(tuple(map(float, range(5))), values)
    end = bad_end(RunRecord("a", Path("a"), "any", curves={"G_loss": curve}, status=status, step_unit="epoch"))
    assert (end.word if end else None) == word


def test_a_run_that_went_on_after_nan_did_not_diverge() -> None:
    notes = ("nan at step 20: loss is not finite", "resume at step 10")
    assert bad_end(RunRecord("a", Path("a"), "ganeval", notes=notes, status="done")) is None


@pytest.mark.parametrize("tag", ["metric/fid50k_full", "FID", "val_fid", "frechet_inception_distance"])
def test_a_negative_fid_is_a_failed_measurement(tag: str) -> None:
    curve = Curve((0.0, 200.0, 400.0), (300.0, -3.1e68, 20.0))
    hints = hints_of(RunRecord("a", Path("a"), "stylegan", curves={tag: curve}, step_unit="kimg"))
    assert [hint.text for hint in hints if hint.level == "bad"] == [
        f"{tag} is −3.1e68 at kimg 200: FID cannot be negative: the measurement failed"
    ]
    assert np.isnan(plausible(tag, curve).values).tolist() == [False, True, False]


@pytest.mark.parametrize("tag", ["kid50k_full", "loss/g", "fidelity_loss", "score"])
def test_what_may_be_negative_stays(tag: str) -> None:
    curve = Curve((0.0, 1.0), (-5.0, 1.0))
    assert plausible(tag, curve) is curve
    assert hints_of(RunRecord("a", Path("a"), "x", curves={tag: curve})) == []


def test_an_impossible_value_does_not_set_the_scale_of_the_chart(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", "gan", config={}, seeds={}, protocol={})
    for step, value in enumerate((30.0, -3.1e68, 20.0)):
        run.log(step, {"fid50k_full": value})
    page = _page(tmp_path / "runs")
    chart = page[page.index('aria-labelledby="curve-fid50k_full-step-t') :].split("</svg>")[0]
    low, high = (float(end) for end in re.findall(r'data-y="([^"]*)"', chart)[0].split()[2:4])
    assert 0 < low < high < 100
    assert "FID cannot be negative" in _text(_card(page))


def test_a_lower_bound_is_written_as_one(new_run: MakeRun, tmp_path: Path) -> None:
    bound = ScoreRecord("birthday", "ok", 166_700.0, better="higher", n=1000, details={"bounded_below": True})
    found = replace(bound, details={"bounded_below": False})
    assert str(bound) == ">= 1.667e+05 (no repeat found)"
    assert str(found) == "1.667e+05"
    assert difference(bound, found) is None
    new_run(tmp_path / "runs", "one", names=("a", "b"), steps=(), evaluated=(300,))
    path = tmp_path / "runs" / "0001-one" / "eval" / "step-000300" / "result.json"
    evaluation = Evaluation.read(path)
    replace(evaluation, scores={**evaluation.scores, "birthday": bound}).write(path)
    page = _page(tmp_path / "runs")
    row = page[page.index('id="m-0-birthday"') :].split("</tr>")[0]
    assert "≥ 1.667×10⁵ (no repeat found)" in _text(row).replace("≥  ", "≥ ").replace("  ", " ")


def test_a_long_sentence_of_a_card_is_whole(tmp_path: Path, new_run: Callable[..., Any]) -> None:
    new_run(tmp_path / "runs", "a", steps=(100,), evaluated=(100,))
    page = _page(tmp_path / "runs")
    assert "no fault found at n = 1 000" in _text(page).replace("\u202f", " ")
    assert "1,000 images cannot rule out (95 %): " in _text(page)
    assert "too faint to change how real they look." in _text(page)


def _ramp(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for step in (100, 900):
        Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (128, 1))).save(folder / f"{step}.png")
    return folder.parent


def _levels(page: str) -> int:
    import base64
    import io

    source = re.search(r'id="samples-0" src="data:image/webp;base64,([^"]*)"', page)
    assert source
    return len(np.unique(np.asarray(Image.open(io.BytesIO(base64.b64decode(source[1]))).convert("L"))))


def test_grey_pictures_keep_their_depth_until_the_page_is_large(tmp_path: Path) -> None:
    root = _ramp(tmp_path / "runs" / "mri")
    whole = _page(root)
    assert _levels(whole) == 256
    assert "16 levels" not in whole
    small = _page(root, full_depth_limit=1000)
    assert _levels(small) == 16
    assert "16 levels" in small


@pytest.mark.parametrize(
    ("n", "extractor", "count"),
    [(1000, "digits", 1), (50_000, "digits", 0), (1000, "pixels", 0)],
    ids=["measured alike", "another n", "another network"],
)
def test_a_passed_best_is_told_only_of_evaluations_that_were_measured_alike(n: int, extractor: str, count: int) -> None:
    """FID is biased in n: 3.0 of 50,000 images and 5.0 of 1,000 do not say that the training passed its best."""

    def evaluated(step: int, value: float, n: int, extractor: str) -> Evaluation:
        record = ScoreRecord(
            "fid", "ok", value, se=0.1, n=n, biased_in_n=True, signature=f"fid|v:1|x:{extractor}|n:{n}"
        )
        return Evaluation("a", "", PASSPORT, replace(PASSPORT, n=n), {"fid": record}, step=step)

    both = (evaluated(100, 3.0, n, extractor), evaluated(200, 5.0, 1000, "digits"))
    hints = [hint.text for hint in hints_of(RunRecord("a", Path("a"), "ganeval", evaluations=both))]
    assert len([text for text in hints if "fid was best at step 100" in text]) == len(hints) == count
