"""python -m reference_models NAME --dataset hoda --profile cpu --out runs/

python -m reference_models --resume runs/0007-dcgan-hoda

NAME is a system in this folder. Everything of its Config and of `Options` is a flag too: `--steps 500 --amp`.
A control of `controls` is a NAME too: it needs no training, and leaves a run like any other.
`python -m reference_models.plain_gan` is a trainer that needs nothing of this: it writes the run directory by itself.
On several processors: `torchrun --nproc-per-node=2 -m reference_models NAME ...`; `--batch` counts the images of all.
"""

from __future__ import annotations

from ganeval.cli.early import heed_ctrl_c, leave_at_ctrl_c

if __name__ == "__main__":
    leave_at_ctrl_c("reference_models")

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ganeval.cli.streams import forgiving
from ganeval.core.words import require_meant
from ganeval.errors import GanevalError, WrongInputError, sentence
from ganeval.features.ranks import current, leave
from ganeval.runs.directory import RunDirectory, command_line, open_run
from reference_models.bands.check import said_of_curves
from reference_models.controls.control import CONTROLS
from reference_models.controls.record import write_run
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, System, find_unfinished, fit, recipe_of, resume

USAGE = (
    "usage: python -m reference_models NAME [--dataset D] [--profile P] [--out DIR] [--seed S] [...]\n       python -m "
    "reference_models --resume RUN"
)

REMEDY = "Make room, or choose another --out; a run that had begun goes on with --resume RUN."


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; returns the exit code, which no output changes: 0 done, 2 wrong input or a training that failed, 130
    interrupted.
    """
    with forgiving():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        _say(
            f"{USAGE}\nNAME is one of: {', '.join(SYSTEMS.names())}; without training: "
            f"{', '.join(CONTROLS.names())}. NAME --help shows its options."
        )
        return 0 if arguments else 2
    name, flags = arguments[0], arguments[1:]
    try:
        require_meant(flags)
        if name == "--resume":
            return _resume(flags)
        return _show(name, flags) if name in CONTROLS else _run(SYSTEMS[name], flags)
    except GanevalError as error:
        _say(f"reference_models: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        _say(f"reference_models: {sentence(error)}. {REMEDY}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        _say("reference_models: interrupted; a run that had begun goes on with --resume RUN.", file=sys.stderr)
        return 130


def _run(system: System, flags: list[str]) -> int:
    asked = tyro.cli(_command(system, _profile(flags)), args=flags, prog=f"reference_models {system.name}")
    if asked.where.resume:
        path = find_unfinished(asked.where.out, system.name, asked.where.dataset, asked.where.seed)
        run = resume(path, config=asked.config, options=asked.options)
    else:
        run = fit(
            system.name,
            asked.config,
            dataset=asked.where.dataset,
            out=asked.where.out,
            seed=asked.where.seed,
            options=asked.options,
            resize=asked.where.resize,
            run_name=asked.where.name,
            command=command_line("reference_models"),
        )
    return _ended(run)


def _resume(flags: list[str]) -> int:
    """Go on with one run: its run.json has the recipe, so that nothing of it is typed again."""
    if not flags or flags[0].startswith("-"):
        raise WrongInputError("--resume needs the folder of the run to go on with, for example --resume runs/0007-x.")
    run = open_run(flags[0])
    _, config = recipe_of(run)
    if run.info["status"] == "done":
        raise WrongInputError(f"{run.path} is done: nothing is left to train. Start a new run.")
    parts = {"config": config, "options": Options(**run.info["options"])}
    asked = tyro.cli(_flags(parts), args=flags[1:], prog=f"reference_models --resume {flags[0]}")
    return _ended(resume(run.path, config=asked.config, options=asked.options))


def _ended(run: RunDirectory) -> int:
    """Say how a training ended and what to type next."""
    status = run.info["status"]
    if current().rank == 0:
        said = said_of_curves(run) if status == "done" else ""
        _say("\n".join(filter(None, (f"{status}: {run.path}", said, _next(run.path, status)))))
    return 0 if status == "done" else 130


def _next(run: Path, status: str) -> str:
    if status == "done":
        return f"look at it: ganeval report {shlex.quote(str(run.parent))}"
    return f"go on with: python -m reference_models --resume {shlex.quote(str(run))}"


def _show(name: str, flags: list[str]) -> int:
    asked = tyro.cli(Show, args=flags, prog=f"reference_models {name}")
    run = write_run(
        name,
        dataset=asked.dataset,
        out=asked.out,
        seed=asked.seed,
        sample_per_class=asked.sample_per_class,
        run_name=asked.name,
        command=command_line("reference_models"),
    )
    _say(f"done: {run.path}")
    return 0


def _profile(flags: list[str]) -> str:
    """The profile must be known before the other flags: it gives them their defaults."""
    for position, flag in enumerate(flags):
        if flag == "--profile" and position + 1 < len(flags):
            return flags[position + 1]
        if flag.startswith("--profile="):
            return flag.partition("=")[2]
    return "cpu"


@dataclass(frozen=True)
class Where:
    """What to train on, and where to."""

    dataset: str = "hoda"  # hoda, mnist, digits, ...; or images of yours: a folder, a zip, an npz, hf://...
    resize: int = 0  # pixels a side to which images of yours are resized; 0 leaves them
    profile: str = "cpu"  # smoke, demo, cpu or full: the defaults of all flags of the recipe
    out: Path = Path("runs")  # the run becomes a numbered folder in it
    seed: int = 0
    name: str = ""  # of the run's folder, after its number; by default system and data set
    resume: bool = False  # go on with the newest unfinished run of this system, data set and seed


@dataclass(frozen=True)
class Show:
    """A control: what it is made of, and where to."""

    dataset: str = "hoda"  # hoda, mnist, digits, ...; synthetic and synthetic3 are made on the spot
    out: Path = Path("runs")  # the run becomes a numbered folder in it
    seed: int = 0
    name: str = ""  # of the run's folder, after its number; by default control and data set
    sample_per_class: int = 100  # images of each class written for evaluation


DATASETS = {"smoke": "synthetic", "demo": "digits"}  # of profiles that are made for one


def _command(system: System, profile: str) -> type[Any]:
    """The command line of one system: where, its recipe, and how to run it, all flags on one level."""
    where = Where(dataset=DATASETS.get(profile, "hoda"), profile=profile)
    parts = {"where": where, "config": system.profile(profile), "options": Options()}
    return _flags(parts)


def _flags(parts: Mapping[str, Any]) -> type[Any]:
    return make_dataclass("Command", [(name, _flat(type(part)), field(default=part)) for name, part in parts.items()])


def _flat(kind: type) -> Any:
    return Annotated[kind, tyro.conf.arg(name="")]


def _say(text: str, file: Any = None) -> None:
    print(text, file=file or sys.stdout)


if __name__ == "__main__":
    heed_ctrl_c()
    leave(main())
