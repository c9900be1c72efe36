"""Copies that were changed: who still sees them, and who sees them where there are none.

Training images, held-out images and all others are disjoint random parts of a data set. A set of fakes is drawn from
the others, and a share of it replaced by training images that were moved by 1 to 3 pixels, turned by 5 degrees,
mirrored, blurred, of another contrast or under noise. An image is *called* a copy by `changed_copies` below its
limit, by `copies` likewise, by `authenticity` where it is not authentic. A set is *seen* by `changed_copies` where
its exact p is 1 % or less; by the others, which state no p, where their value is further towards copying than all but
1 % of sets without a copy give (mean, spread and Student's t over healthy sets of the same images).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, rotate
from scipy.stats import t as student

from ganeval.core.files import write_atomic
from ganeval.features.extraction import extract
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics import METRICS
from ganeval.metrics.changed import NEAR, called, p_value
from ganeval.numerics.alignment import Gallery
from ganeval.numerics.intervals import wilson
from studies.page import RESULTS, machine, markdown_table, render_document
from studies.sight.measured import JUDGES, SPLITS, load_pool

Images = NDArray[np.uint8]
Rows = NDArray[np.int64]
Change = Callable[[Images, np.random.Generator], Images]
SHARES = (0.01, 0.05, 0.2)
LEVEL, PLANTED, AT_MOST = 0.01, 0.2, 10_000
TOWARDS = {"copies": 1.0, "nn_ratio": -1.0, "authenticity": -1.0, "ct": -1.0, "mifid": 1.0}  # copying
CALLS = {"changed_copies": "copy", "copies": "copy", "authenticity": "authentic"}


def moved(pixels: int) -> Change:
    def change(images: Images, rng: np.random.Generator) -> Images:
        """By so many pixels down or up, and to the left or the right as well in half of all sets."""
        down, right = (
            rng.choice([-pixels, pixels], size=2) * ([1, 1], [1, 0], [0, 1])[rng.choice(3, p=(0.5, 0.25, 0.25))]
        )
        rows, columns = (
            np.clip(np.arange(n) - by, 0, n - 1) for n, by in zip(images.shape[2:], (down, right), strict=True)
        )
        return images[:, :, rows][:, :, :, columns]

    return change


def _whole(values: NDArray[Any]) -> Images:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def turned(images: Images, rng: np.random.Generator) -> Images:
    degrees = 5 * rng.choice([-1, 1])
    return _whole(rotate(images.astype(np.float32), degrees, axes=(2, 3), reshape=False, order=1, mode="nearest"))


def blurred(images: Images, rng: np.random.Generator) -> Images:  # noqa: ARG001
    sigma = max(images.shape[3] / 28, 0.7)
    return _whole(gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma)))


CHANGES: dict[str, Change] = {
    "none": lambda images, _: images,
    **{f"moved by {s}": moved(s) for s in (1, 2, 3)},
    "turned by 5 degrees": turned,
    "mirrored": lambda images, _: images[..., ::-1].copy(),
    "blurred": blurred,
    "contrast x 0.7": lambda images, _: _whole(0.7 * images + 38),
    "noise of 16": lambda images, rng: _whole(images + rng.normal(0, 16, images.shape)),
}


@dataclass(frozen=True)
class Dealt:
    """One deal of a pool: rows of the training images, the held-out and all others, and what an eye makes of them
    all.
    """

    seen: Features
    images: Images
    train: Rows
    held: Rows
    others: Rows

    @property
    def n(self) -> int:
        return len(self.train)

    def rows(self, rows: Rows) -> Features:
        return replace(self.seen.take(rows), images=None)


def main(
    *,
    out: Path = RESULTS,
    log: Path | None = None,
    n: int = 2000,
    repeats: int = 2,
    healthy: int = 12,
    splits: int = 100,
    data: tuple[str, ...] = tuple(SPLITS),
) -> Path:
    """Write `out/changed_copies.md`.

    Args:
        out: folder of the page.
        log: finished measurements, one a line; what is in it is not measured again.
        n: training, held-out and generated images, or a quarter of what there is of each.
        repeats: deals of each data set.
        healthy: sets without copies, of each deal, from which the limits of metrics without a test come.
        splits: of a deal, on which false alarms of `changed_copies` are counted.
        data: the data sets.
    """
    known = {(line["data"], line["repeat"]): line for line in _stored(log)}
    for repeat in range(repeats):
        for name in data:
            if (name, repeat) not in known:
                known[name, repeat] = measured(name, n, repeat, healthy, splits)
                if log is not None:
                    with log.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(known[name, repeat]) + "\n")
    command = f"changed_copies --n {n} --repeats {repeats} --healthy {healthy} --splits {splits}"
    return write_atomic(out / "changed_copies.md", page_of([known[key] for key in sorted(known)], command))


def _stored(log: Path | None) -> list[dict[str, Any]]:
    return [] if log is None or not log.is_file() else [json.loads(line) for line in log.read_text().splitlines()]


def measured(name: str, n: int, repeat: int, healthy: int, splits: int) -> dict[str, Any]:
    """All that one deal says, as JSON."""
    rng = np.random.default_rng([repeat, n])
    dealt = _deal(name, n, rng)
    gallery = Gallery([dealt.images[dealt.train]])
    usual = gallery.nearest([dealt.images[np.concatenate([dealt.held, dealt.others])]]).ratio
    held, others = usual[: dealt.n], usual[dealt.n :]
    base = [_values(dealt, dealt.rows(_some(dealt.others, dealt.n, rng)))[0] for _ in range(healthy)]
    planted, seen = [], []
    for title, change in CHANGES.items():
        chosen = rng.choice(dealt.n, round(PLANTED * dealt.n), replace=False)
        copies = change(dealt.images[dealt.train[chosen]], rng)
        found, embedded = gallery.nearest([copies]), _embedded(name, copies)
        sets = [_set(dealt, found.ratio, embedded, share, (held, others), rng) for share in SHARES]
        seen += [
            {"change": title, "share": share, "seen": {"changed_copies": p <= LEVEL, **_beyond(values, base)}}
            for share, (p, values, _) in zip(SHARES, sets, strict=True)
        ]
        k, calls = round(PLANTED * dealt.n), sets[-1][2]
        recalled = {metric: float(hit[:k].mean()) for metric, hit in calls.items()}
        wrongly = {metric: float(hit[k:].mean()) for metric, hit in calls.items()}
        right = float((found.index == chosen).mean())
        planted.append({"change": title, "recall": recalled, "wrongly": wrongly, "right": right})
    alarms = sum(_alarm(usual, dealt.n, rng) for _ in range(splits))
    return {
        "data": name,
        "n": dealt.n,
        "repeat": repeat,
        "planted": planted,
        "sets": seen,
        "alarms": alarms,
        "splits": splits,
    }


def _set(
    dealt: Dealt,
    copied: NDArray[np.float64],
    embedded: Features,
    share: float,
    ratios: tuple[NDArray[np.float64], NDArray[np.float64]],
    rng: np.random.Generator,
) -> tuple[float, dict[str, float], dict[str, NDArray[np.bool_]]]:
    """One set of fakes with a share of copies: p of the new metric, values of the others, calls of single images."""
    held, others = ratios
    k = max(1, round(share * dealt.n))
    fresh = rng.choice(len(others), dealt.n - k, replace=False)
    ratio = np.concatenate([copied[:k], others[fresh]])
    values, calls = _values(dealt, _joined(embedded.take(np.arange(k)), dealt.rows(dealt.others[fresh])))
    calls["changed_copies"] = called(ratio, held, NEAR)[0]
    return p_value(ratio, held, NEAR), values, calls


def _deal(name: str, n: int, rng: np.random.Generator) -> Dealt:
    pool = load_pool(name)
    pool = pool.take(np.arange(min(len(pool), AT_MOST)))
    order, n = rng.permutation(len(pool)), min(n, len(pool) // 4)
    seen = extract(pool, JUDGES.get(name, "wavelet"))
    return Dealt(seen, pool.array(), order[:n], order[n : 2 * n], order[2 * n :])


def _some(rows: Rows, n: int, rng: np.random.Generator) -> Rows:
    return rows[rng.choice(len(rows), n, replace=False)]


def _embedded(name: str, images: Images) -> Features:
    return replace(extract(ImageSet.from_array(images), JUDGES.get(name, "wavelet")), images=None)


def _joined(first: Features, second: Features) -> Features:
    rows = np.concatenate([first.embeddings.numpy(), second.embeddings.numpy()])
    return Features.given(rows)


def _values(dealt: Dealt, fake: Features) -> tuple[dict[str, float], dict[str, NDArray[np.bool_]]]:
    """The value of each metric, and which fakes those call copies that say so of single images."""
    train, held = (Features.given(dealt.rows(rows).embeddings) for rows in (dealt.train, dealt.held))
    pair = Pair(train, Features.given(fake.embeddings), heldout=held)
    scores = {metric: METRICS[metric](pair) for metric in TOWARDS}
    calls = {m: scores[m].per_sample[CALLS[m]] == (m == "copies") for m in CALLS if m in scores}
    return {metric: float(score) for metric, score in scores.items()}, calls


def _beyond(values: dict[str, float], base: Sequence[dict[str, float]]) -> dict[str, bool]:
    """Which values are further towards copying than all but 1 % of healthy ones."""
    limit, found = float(student.isf(LEVEL, len(base) - 1)) * (1 + 1 / len(base)) ** 0.5, {}
    for metric, sign in TOWARDS.items():
        healthy = np.array([one[metric] for one in base])
        found[metric] = bool(sign * (values[metric] - healthy.mean()) > limit * healthy.std(ddof=1) + 1e-9)
    return found


def _alarm(usual: NDArray[np.float64], n: int, rng: np.random.Generator) -> bool:
    """Whether a set without copies is seen: held-out and generated images drawn anew from all that are no training
    images.
    """
    order = rng.permutation(len(usual))
    return p_value(usual[order[n : 2 * n]], usual[order[:n]], NEAR) <= LEVEL


def page_of(found: Sequence[dict[str, Any]], command: str) -> str:
    parts = [
        (__doc__ or "").partition("\n\n")[2].strip(),
        "## Of how many copies each says that they are copies",
        _images_table(found),
        f"## How many sets are seen, of {len(CHANGES)} changes in every deal",
        _sets_table(found),
        "## False alarms",
        _alarms(found),
    ]
    eyes = "MNIST, Hoda and BreastMNIST by their judge, CIFAR-10 by `wavelet`"
    said = f"On {machine()}; seeds of every deal; brackets: 95 %. {eyes}."
    return render_document("Copies that were changed", command, parts, said=said)


def _images_table(found: Sequence[dict[str, Any]]) -> str:
    """Recall by change, and the share of fresh images that are called copies."""
    lines = []
    for data in dict.fromkeys(one["data"] for one in found):
        deals = [one["planted"] for one in found if one["data"] == data]
        for i, title in enumerate(CHANGES):
            cells = [np.mean([deal[i]["recall"][metric] for deal in deals]) for metric in CALLS]
            right = np.mean([deal[i]["right"] for deal in deals])
            lines.append((data, title, *(f"{cell:.1%}" for cell in cells), f"{right:.1%}"))
        wrong = [np.mean([row["wrongly"][metric] for deal in deals for row in deal]) for metric in CALLS]
        lines.append((data, "*fresh images called copies*", *(f"{cell:.2%}" for cell in wrong), ""))
    return markdown_table(("data", "change", *(f"`{m}`" for m in CALLS), "the right original is named"), lines)


def _sets_table(found: Sequence[dict[str, Any]]) -> str:
    metrics, lines = ("changed_copies", *TOWARDS), []
    for data in dict.fromkeys(one["data"] for one in found):
        sets = [row for one in found if one["data"] == data for row in one["sets"]]
        n = next(one["n"] for one in found if one["data"] == data)
        for share in SHARES:
            here = [row["seen"] for row in sets if row["share"] == share]
            lines.append(
                (data, f"{n:,}", f"{share:.0%}", *(f"{sum(r[m] for r in here)} of {len(here)}" for m in metrics))
            )
    return markdown_table(("data", "n", "copies", *(f"`{m}`" for m in metrics)), lines)


def _alarms(found: Sequence[dict[str, Any]]) -> str:
    lines = []
    for data in dict.fromkeys(one["data"] for one in found):
        alarms, of = (sum(one[key] for one in found if one["data"] == data) for key in ("alarms", "splits"))
        low, high = wilson(alarms, of)
        lines.append((data, f"{alarms} of {of} [{low:.1%}, {high:.1%}]"))
    said = (
        f"Sets without a copy of which `changed_copies` says p <= {LEVEL:.0%}: held-out and generated images were "
        "dealt anew from all that are no training images."
    )
    return said + "\n\n" + markdown_table(("data", "false alarms"), lines)
