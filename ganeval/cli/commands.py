"""The verbs of the command line as typed functions; tyro makes the flags. Only these print, and return exit codes."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from ganeval.cli.gate_commands import GATE_COMMANDS
from ganeval.cli.tables import aligned
from ganeval.core.files import require_writable, write_json, writing
from ganeval.errors import printable, sentence
from ganeval.runs.discovery import Found
from ganeval.runs.series import Pictures

Command = Callable[..., int]


def run(command: Command | Mapping[str, Command], arguments: list[str], program: str) -> int:
    """Call a verb with its flags; a verb with verbs of its own (`zoo`) is a mapping."""
    if callable(command):
        return tyro.cli(command, args=arguments, prog=program)
    if not arguments or arguments[0] not in command:
        print(f"usage: {program} {' | '.join(command)}; {program} VERB --help shows its options")
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    return run(command[arguments[0]], arguments[1:], f"{program} {arguments[0]}")


def demo(out: Path = Path("runs"), report: Path = Path("report.html"), seed: int = 0) -> int:
    """Train a healthy and a collapsed generator on scikit-learn's digits, evaluate both, write one page.

    Args:
        out: The folder that the runs are added to.
        report: The page.
        seed: Of everything random.
    """
    from ganeval.cli.demo import demo as run_demo

    _require_places(out / "a run", report)
    started = time.monotonic()
    print(run_demo(out, report, seed=seed, say=_note))
    _note(f"done in {time.monotonic() - started:.0f} s")
    return 0


def evaluate(
    real: str,
    fake: str,
    classifier: str | None = None,
    extractor: str | None = None,
    train: str | None = None,
    heldout: str | None = None,
    metrics: tuple[str, ...] = (),
    n: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Literal["fp32", "bf16"] = "fp32",
    floor: bool = True,
    cache: bool = True,
    json: Path | None = None,
) -> int:
    """All metrics of one set of images against another, each with its error.

    Args:
        real: hoda:test, a folder, a zip, an npz: anything that holds images.
        fake: The same for the generated ones.
        classifier: The judge, for example hoda or mnist, or module:object; also the eye unless an extractor is named.
        extractor: The eye, for example inception, or module:object.
        train: What the generator was trained on, for the questions about copying.
        heldout: Real images that the generator was not trained on, where train is not known.
        metrics: Only these, by name.
        n: Only so many fakes, drawn with the seed.
        seed: Of everything random.
        device: auto, cpu, cuda, mps.
        precision: Of the network.
        floor: Also measure real against real.
        cache: Keep features on disk, addressed by content.
        json: Write the evaluation here.
    """
    from ganeval.cli.tables import render_evaluation
    from ganeval.features.ranks import current
    from ganeval.measure.evaluation import evaluate as run

    _require_places(json)
    ranks = current()
    evaluation = run(
        real, fake, classifier=classifier, extractor=extractor, train=train, heldout=heldout,
        metrics=metrics or None, n=n, seed=seed, device=device, precision=precision, floor=floor, cache=cache,
        ranks=ranks,
    )  # fmt: skip
    if ranks.rank == 0:
        if json is not None:
            with writing(json):
                evaluation.write(json)
        print(render_evaluation(evaluation))
    return 0 if any(record.ok for record in evaluation.scores.values()) else 3


def list_registered(kind: Positional[Literal["metrics", "datasets", "classifiers", "extractors"]] = "metrics") -> int:
    """What is registered under a name, and what it is for.

    Args:
        kind: metrics, datasets, classifiers or extractors.
    """
    print("\n".join(aligned(_registered(kind))))
    return 0


def _registered(kind: str) -> list[tuple[str, ...]]:
    if kind == "metrics":
        from ganeval.metrics import METRICS

        head = ("metric", "better", "question", "paper", "what it says")
        return [head, *((m.name, m.better, m.question, m.paper, m.card.split("\n")[0]) for m in METRICS)]
    if kind == "datasets":
        from ganeval.datasets.dataset import DATASETS

        head = ("data set", "splits", "shape", "classes", "licence")
        rows = [
            (d.name, " ".join(d.splits), "x".join(map(str, d.shape)), str(len(d.classes)), d.licence) for d in DATASETS
        ]
        return [head, *rows]
    from ganeval.classifiers import CLASSIFIERS
    from ganeval.extractors import EXTRACTORS

    registry = CLASSIFIERS if kind == "classifiers" else EXTRACTORS
    return [("name", "what it is"), *((spec.name, spec.summary) for spec in registry)]


def zoo_list() -> int:
    """The shipped and plugged-in classifiers with their accuracy."""
    from ganeval.classifiers.zoo import render_list

    print(render_list())
    return 0


def zoo_show(name: Positional[str]) -> int:
    """The card of one classifier: data, recipe, accuracy with interval, confusion, calibration.

    Args:
        name: For example hoda.
    """
    from ganeval.classifiers.zoo import render_card

    print(render_card(name))
    return 0


def zoo_train(name: Positional[str], out: Path) -> int:
    """Train a shipped classifier again; on the same machine the weights repeat bit for bit.

    Args:
        name: For example digits.
        out: The folder for weights and card.
    """
    from ganeval.classifiers.zoo import train

    _require_places(out / "weights")
    for path in train(name, out):
        print(path)
    return 0


def doctor(
    real: str,
    classifier: str | None = None,
    extractor: str | None = None,
    n: int = 2000,
    seed: int = 0,
    resolve: float = 0.05,
    device: str = "auto",
    json: Path | None = None,
) -> int:
    """Which metrics see which fault, on your data and extractor.

    Args:
        real: hoda:train, a folder, a zip: anything that holds real images.
        classifier: The judge behind the metrics, by name or module:object.
        extractor: Another network instead, likewise.
        n: Images in every set.
        seed: Of the faults and the draws.
        resolve: The relative difference for which the needed number of images is printed.
        device: auto, cpu, cuda, mps.
        json: Write the diagnosis here.
    """
    from ganeval.measure.doctor import doctor as examine

    _require_places(json)
    diagnosis = examine(
        real, classifier=classifier, extractor=extractor, n=n, seed=seed, resolve=resolve, device=device
    )  # fmt: skip
    if json is not None:
        with writing(json):
            write_json(json, diagnosis.to_json())
    print(diagnosis)
    return 0


def report(
    runs: Positional[Path],
    out: Path = Path("report.html"),
    title: str = "Image generators",
    evaluate: bool = True,
    compare: tuple[str, ...] = (),
    json: Path | None = None,
    explain: bool = False,
    open: bool = False,  # noqa: A002 - the flag is --open
    watch: float = 0.0,
    tb: bool = False,
    device: str = "auto",
    real: str | None = None,
    train: str | None = None,
    classifier: str | None = None,
    extractor: str | None = None,
    generator: str | None = None,
    pictures: Annotated[Pictures, tyro.conf.arg(name="as")] = "auto",
) -> int:
    """Find runs, evaluate what is not yet evaluated, write one page that opens from disk.

    Args:
        runs: The folder that a trainer, ours or another, writes to.
        out: The page.
        title: Its heading.
        evaluate: Evaluate samples that have no evaluation yet; --no-evaluate only reads.
        compare: One or two runs that the page opens with.
        json: Also write the numbers here.
        explain: Say what was found, what was ignored, and why.
        open: Show the page in a browser.
        watch: Look again every so many seconds, until Ctrl-C.
        tb: Also read TensorBoard event files over 200 MiB.
        device: For evaluating.
        real: Real images for the runs that do not say it themselves: mnist:test, a folder, an npz.
        train: What those runs were trained on.
        classifier: Their judge, for example mnist, or module:object; also the eye unless an extractor is named.
        extractor: Their eye, for example inception, or module:object.
        generator: module:function from a run's folder to its generator, for walks between latents.
        pictures: What numbered pictures are: generated samples, one picture a step of the training, or contact sheets, one a
            step, whose tiles are the samples.
    """
    _require_places(out, json)
    told = {"real": real, "train": train, "classifier": classifier, "extractor": extractor}
    evaluating = Evaluating(device, {key: text for key, text in told.items() if text}, generator) if evaluate else None
    find = partial(_find, runs, large_events=tb, pictures=pictures, real=real)
    code = _report_once(find, out, title, evaluating, compare, json, explain)
    if open and code == 0:
        webbrowser.open(out.resolve().as_uri())
    while watch > 0:
        time.sleep(watch)
        code = _report_once(find, out, title, evaluating, compare, json, False)
    return code


def _find(runs: Path, *, real: str | None, **options: Any) -> Found:
    """The runs; numbered pictures of the size of the real images that were named are samples."""
    from ganeval.images import image_set
    from ganeval.runs.discovery import find_runs

    size = image_set(real).shape[1:] if real else None
    return find_runs(runs, size=size, **options)


def _report_once(
    find: Callable[..., Found], out: Path, title: str, evaluating: Evaluating | None, compare: tuple[str, ...],
    json: Path | None, explain: bool,
) -> int:  # fmt: skip
    from ganeval.report import build_report

    found = find(explain=explain)
    print(found.explanation if explain else found.summary)
    if not found.runs:
        print("ganeval: nothing to report; --explain says what was looked at", file=sys.stderr)
        return 6
    if evaluating and evaluating.run(found.runs):
        found = find()
    with writing(out):
        result = build_report(found, out=out, title=title, compare=compare or None, json_out=json)
    for warning in result.warnings:
        _note(warning)
    print(printable(result.path, 4096))
    if evaluating and "real" in evaluating.told and not any(run.evaluations for run in found.runs):
        _note("--real was given, and not one run was evaluated: --explain says why, and what to type.")
        return 6
    return 0


@dataclass(frozen=True)
class Evaluating:
    """How `report` evaluates what waits: what it was told of runs that do not say how, and what opens generators."""

    device: str
    told: Mapping[str, str]
    generator: str | None = None

    def run(self, runs: tuple) -> int:
        """How many were evaluated; one that cannot be is a line on stderr, the page is written all the same."""
        from ganeval.measure.run_samples import survey

        found = survey(runs, self.told)
        for reason in dict.fromkeys(reason for _, reason in found.refused):
            names = [run.id for run, why in found.refused if why == reason]
            _note(f"not evaluated: {_few(names)}: {reason}; --no-evaluate only reads.")
        for because in dict.fromkeys(p.because for p in found.waiting if p.because):
            named = [p for p in found.waiting if p.because == because]
            ids, how = list(dict.fromkeys(p.run.id for p in named)), named[0].protocol
            eye = how.get("extractor") or how.get("classifier")
            _note(f"{_few(ids)}: compared with {how['real']} by {eye}, because {because}; --real names another.")
        return self._evaluate(found.waiting) if found.waiting else 0

    def _evaluate(self, waiting: tuple) -> int:
        from tqdm import tqdm

        from ganeval.measure.generators import load_generator
        from ganeval.measure.run_samples import evaluate_pending

        opening = load_generator(self.generator) if self.generator else None
        quiet = not sys.stderr.isatty() or bool(os.environ.get("CI"))
        done = 0
        with tqdm(total=sum(p.images for p in waiting), desc="evaluating", unit=" images", disable=quiet) as bar:
            for pending in waiting:
                try:
                    evaluate_pending(pending, device=self.device, generator=opening)
                    done += 1
                except Exception as error:  # noqa: BLE001 - one run's damaged samples must not cost the page of all
                    _note(sentence(error))
                bar.update(pending.images)
        return done


def _require_places(*paths: Path | None) -> None:
    """Before an hour of work: everything that it will be written to can be written."""
    for path in paths:
        if path is not None:
            require_writable(path)


def _few(names: list[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _note(text: str) -> None:
    print(f"ganeval: {printable(text, 4096)}", file=sys.stderr)


COMMANDS: Mapping[str, Command | Mapping[str, Command]] = {
    "demo": demo,
    "evaluate": evaluate,
    "zoo": {"list": zoo_list, "show": zoo_show, "train": zoo_train},
    "ls": list_registered,
    "doctor": doctor,
    "report": report,
    **GATE_COMMANDS,
}
