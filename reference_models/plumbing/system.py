"""From a name and a recipe to a run: start, resume, reopen. Systems are found by walking the folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from ganeval.classifiers import CLASSIFIERS
from ganeval.core.machine import processor
from ganeval.core.registry import Registry, unknown_name
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import BrokenRunError, GanevalError, IncomparableError, UnknownNameError, WrongInputError
from ganeval.features.extraction import choose_device
from ganeval.features.ranks import current
from ganeval.runs.directory import RunDirectory, create_run, open_run, runs_in
from ganeval.runs.lock import sole_writer
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.coding import Codec
from reference_models.plumbing.data import Data
from reference_models.plumbing.heard import require_heard, require_units
from reference_models.plumbing.loading import SYNTHETIC, blank_data, is_own, load_data
from reference_models.plumbing.options import Options
from reference_models.plumbing.own import judge_of, keep_missing, keep_with
from reference_models.plumbing.points import Points
from reference_models.plumbing.ranges import first_line, require_device, require_ranges
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.seeds import derive
from reference_models.plumbing.selection import require_judge
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.checkpoints import load_parts
from reference_models.plumbing.session.diary import TrainingDivergedError
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.session.team import Bystander, Team
from reference_models.plumbing.stacked import Stacked

Build = Callable[[Any, Place], Model]
Train = Callable[[Any, Model, Session], None]


@dataclass(frozen=True, eq=False)
class System:
    """One reference model: `build(config, place)`, `train(config, model, session)`, and the recipes it ships with.

    `profiles` maps smoke, demo, cpu and full to a Config (a frozen dataclass with at least `steps`), or to a function
    of the data set's name that returns one. `variants` are further recipes by name, such as a study's own network.
    """

    name: str
    profiles: Mapping[str, Any]
    build: Build
    train: Train
    variants: Mapping[str, Any] = field(default_factory=dict)
    points: bool = False  # whether it also learns points in the plane
    sampling: tuple[str, ...] = ()  # fields of its Config that concern sampling alone

    def profile(self, name: str) -> Any:
        known = {**self.profiles, **self.variants}
        if name not in known:
            raise UnknownNameError(unknown_name(f"profile of {self.name}", name, known))
        return known[name]


# What torch says of layers that do not fit, or of too little memory.
UNFIT = (RuntimeError, ValueError, IndexError, ZeroDivisionError, MemoryError)
ARITHMETIC = ("amp", "channels_last", "compile")  # options that change numbers
SYSTEMS = Registry(System, "reference_models", "reference model")


def fit(
    name: str,
    config: Any,
    *,
    dataset: str,
    out: str | Path = "runs",
    seed: int = 0,
    options: Options | None = None,
    run_name: str = "",
    command: Sequence[str] = (),
    resize: int = 0,
) -> RunDirectory:
    """Train a system from the start and return its run directory, `out/<counter>-<name>-<dataset>`.

    Under `torchrun` all processes train together (see `parallel`); one writes the run, every one returns it.
    """
    options, team = options or Options(), Team(current())
    _require_sound(config, options)
    require_heard(config, [*SYSTEMS[name].profiles.values(), *SYSTEMS[name].variants.values()])
    data = load_data(dataset, seed, resize)
    _require_teachable(SYSTEMS[name], config, data, options)
    require_judge(data, options.judge)
    if isinstance(data, Points) and not SYSTEMS[name].points:
        able = ", ".join(system.name for system in SYSTEMS if system.points)
        raise WrongInputError(f"{name} learns images; {dataset} is a set of points in the plane. Take {able}.")
    with _lead(
        team,
        lambda: create_run(
            out,
            run_name or f"{name}-{Path(dataset).stem if is_own(dataset) else dataset}",
            config=asdict(config),
            seeds={"seed": seed},
            command=command,
            class_names=data.class_names,
            protocol=protocol_of(data),
            environment={**_environment(options), "processes": team.ranks.size},
            system=name,
            dataset=dataset,
            recipe=recipe_hash(name, config, dataset, seed),
            options=asdict(options),
            shape=list(data.native),
            trained_on=data.used,
            data_sha256=data.fingerprint,
            resize=resize,
        ),
    ) as run:
        if team.leads:
            keep_with(run, data, options.judge)
        _train(SYSTEMS[name], config, Place(data, options, team), seed, run)
    return run


def resume(path: str | Path, *, config: Any = None, options: Options | None = None) -> RunDirectory:
    """Go on with a run from its last checkpoint; bit for bit what an uninterrupted run would have done on a CPU.

    A `config` that differs from the run's is refused, naming the fields: every one of them, also the number of steps,
    which the learning rate depends on. So are `options` that change the arithmetic.
    """
    team = Team(current())
    with _lead(team, lambda: open_run(path)) as run:
        system, own = recipe_of(run)
        info, state = run.info, _state(run)
        if config is not None:
            _require_same(asdict(own), asdict(config), run.path.name)
        if options is not None:
            before, now = info["options"], asdict(options)
            _require_same({k: before[k] for k in ARITHMETIC}, {k: now[k] for k in ARITHMETIC}, run.path.name)
        options = options or Options(**info["options"])
        _require_sound(own, options)
        seed = info["seeds"]["seed"]
        data = load_data(info["dataset"], seed, info.get("resize", 0))
        _require_same_data(data, info.get("data_sha256"), run.path.name)
        require_judge(data, options.judge)
        if team.leads:
            keep_missing(run, data, options.judge)
        reached = state or {"step": 0, "best": {}}
        run.resume(
            reached["step"], best=reached["best"].get("step"), keep_last=options.keep_last, options=asdict(options)
        )
        _train(system, own, Place(data, options, team), seed, run, state)
    return run


def open_sampler(path: str | Path, device: str = "auto", which: str = "last", **sampling: Any) -> Sampler:
    """The generator of a run at its last (or "best") checkpoint: images for (labels, seed). Needs no data set.

    `sampling` replaces fields of the run's config that concern sampling alone, as the system names them.
    """
    return _restored(path, device, which, sampling)[0].sampler


def open_codec(path: str | Path, device: str = "auto", which: str = "last") -> Codec:
    """The encoder and decoder of a run, like `open_sampler`: latents of any images of its shape."""
    model, name = _restored(path, device, which, {})
    if model.codec is None:
        raise WrongInputError(f"Latents need a system with an encoder; {name} has none. Take autoencoder or vae.")
    return model.codec


def _restored(path: str | Path, device: str, which: str, sampling: Mapping[str, Any]) -> tuple[Model, str]:
    """The networks of a run at a checkpoint, ready to draw from, and the name of the system."""
    run = open_run(path)
    system, config = recipe_of(run)
    for key in sampling:
        if key not in system.sampling:
            raise UnknownNameError(unknown_name(f"sampling option of {system.name}", key, system.sampling))
    info, state = run.info, _state(run, which)
    if state is None:
        raise BrokenRunError(f"{run.path} must hold a checkpoint named {which!r}; it has none. Let it train longer.")
    data = blank_data(info["dataset"], tuple(info["class_names"]), tuple(info["shape"]))
    with torch.random.fork_rng([]):
        model = system.build(
            replace(config, **sampling), Place(data, replace(Options(**info["options"]), device=device))
        )
    load_parts(model.networks, state)
    for net in model.networks.values():
        net.eval()
    return model, system.name


def find_unfinished(root: str | Path, name: str, dataset: str, seed: int) -> Path:
    """The newest run below `root` of this system, data set and seed that is not done."""
    for run in runs_in(root, system=name, dataset=dataset, seeds={"seed": seed}):
        if run.info.get("status") != "done":
            return run.path
    raise BrokenRunError(
        f"There is no unfinished run of {name} on {dataset} with seed {seed} in {root}. Start one without --resume."
    )


def recipe_hash(name: str, config: Any, dataset: str, seed: int) -> str:
    """SHA-256 of everything that decides the numbers of a training, besides versions and hardware."""
    text = json.dumps([name, asdict(config), dataset, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _require_teachable(system: System, config: Any, data: Data, options: Options) -> None:
    """Before a run begins: a judge that can be trained is trained,
    and what has no labels gets no conditional system.
    """
    if options.judge == "auto":
        judge_of(data)
    if data.labelled:
        return
    blank = Place(blank_data(data.name, data.class_names, data.native), replace(options, device="cpu"))
    with torch.random.fork_rng([]):
        conditional = system.build(config, blank).sampler.conditional
    if conditional:
        raise WrongInputError(
            f"{system.name} learns images by their classes; {data.name} has no labels. Put the images of each class "
            "into a folder of its own, or take a system that needs none, such as dcgan or wgan_gp."
        )


@contextmanager
def _lead(team: Team, start: Callable[[], RunDirectory]) -> Iterator[RunDirectory]:
    """The run, opened and locked by the rank that leads; the others look on."""
    if not team.leads:
        yield Bystander(Path(team.first("")))
        return
    run = start()
    with sole_writer(run.path):
        team.first(str(run.path))
        yield run


def _require_sound(config: Any, options: Options) -> None:
    require_ranges(config)
    require_ranges(options)
    require_device(options.device)
    if options.judge not in ("", "auto"):
        CLASSIFIERS[options.judge]


def _train(
    system: System,
    config: Any,
    place: Place,
    seed: int,
    run: RunDirectory,
    state: Mapping[str, Any] | None = None,
) -> None:
    devices = range(torch.cuda.device_count()) if place.device.type == "cuda" else ()
    threads, session = torch.get_num_threads(), None
    try:
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive(seed, "torch"))
            if place.options.threads:
                torch.set_num_threads(place.options.threads)
            model = _built(system, config, place)
            session = Session(model, place, seed, run, state)
            system.train(config, model, session)
    except TrainingDivergedError:
        raise
    except KeyboardInterrupt:
        run.update(status="stopped")
        raise
    except BaseException as error:
        run.update(status="failed")
        if isinstance(error, UNFIT) and not isinstance(error, GanevalError) and not (session and session.step > 1):
            raise WrongInputError(
                f"{system.name} cannot begin on {place.data.name} {place.shape} with this recipe: "
                f"{first_line(error)} Mind the sizes of images, batch, kernels and layers."
            ) from error
        raise
    finally:
        torch.set_num_threads(threads)


def _built(system: System, config: Any, place: Place) -> Model:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element")  # said in a sentence below
        model = system.build(config, place)
    require_units(model.networks, system.name)
    return model


def recipe_of(run: RunDirectory) -> tuple[System, Any]:
    """The system and the config that a run says it is of."""
    info = run.info
    try:
        system = SYSTEMS[info["system"]]
        return system, _config(type(system.profiles["smoke"]), info["config"])
    except (KeyError, TypeError) as error:
        raise BrokenRunError(
            f"{run.path} must be a run of a reference model; {error!r} in its run.json. Start a new run."
        ) from error


def _config(kind: type, stored: Mapping[str, Any]) -> Any:
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(stored) - known)
    if unknown:
        raise BrokenRunError(f"{kind.__module__} has no option {', '.join(unknown)}; the run is of another version.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()})


def _state(run: RunDirectory, which: str = "last") -> dict[str, Any] | None:
    path = run.checkpoint(which)
    return None if path is None else decode_state(path.read_bytes(), str(path))


def _require_same(own: Mapping[str, Any], asked: Mapping[str, Any], run: str) -> None:
    changed = [
        f"{key} {own.get(key)!r} -> {asked.get(key)!r}" for key in {**own, **asked} if own.get(key) != asked.get(key)
    ]
    if changed:
        raise IncomparableError(
            f"A run is resumed with its own recipe; {run} would change: {', '.join(changed)}. "
            "Take these back, or start a new run."
        )


def _require_same_data(data: Data, began_with: str | None, run: str) -> None:
    if began_with and data.fingerprint != began_with:
        raise IncomparableError(
            f"A run is resumed on the images that it began with; those of {data.name} have changed since {run} was "
            f"started (SHA-256 {began_with[:8]} then, {data.fingerprint[:8]} now). Put them back, or start a new run."
        )


def protocol_of(data: Data) -> dict[str, str]:
    """How such a run wants to be judged: on the splits there are,
    by the shipped classifier of that name if there is one.

    Nothing for synthetic data; points and stacks bring their protocol along.
    """
    if data.name in SYNTHETIC or data.test is not None or isinstance(data, (Points, Stacked)):
        return {}
    splits = DATASETS[data.name].splits
    said = {key: f"{data.name}:{split}" for key, split in (("real", "test"), ("train", "train")) if split in splits}
    return {**said, "classifier": data.name} if data.name in CLASSIFIERS.names() else said


def _environment(options: Options) -> dict[str, Any]:
    return {
        "torch": torch.__version__,
        "threads": options.threads or torch.get_num_threads(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "device": str(choose_device(options.device)),
    }
