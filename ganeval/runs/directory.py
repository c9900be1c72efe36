"""Writing a run directory: the only contract between a trainer and this library (see `layout` for the files)."""

from __future__ import annotations

import io
import math
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.apart import place_of
from ganeval.core.files import (
    append_jsonl,
    append_text,
    make_folder,
    read_json,
    remove_abandoned,
    render_json,
    require_regular,
    write_atomic,
    write_json,
    writing,
)
from ganeval.core.png import encode_png
from ganeval.errors import BrokenRunError, WrongInputError
from ganeval.records.scores import Evaluation
from ganeval.runs import layout
from ganeval.runs.toml import render_toml


@dataclass(frozen=True)
class RunDirectory:
    """An open run: every method writes one thing, at once and whole. Create with `create_run`, reopen with `open_run`.

    Nothing is cached, so a killed process leaves a directory that `resume` and the readers understand.
    """

    path: Path

    @property
    def info(self) -> dict[str, Any]:
        return layout.read_info(self.path)

    def update(self, **fields: Any) -> None:
        """Change fields of run.json (status, images, cpu_seconds, ...); the file is replaced, never half written."""
        write_json(self.path / layout.RUN, {**self.info, **fields})

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line per tag to events.jsonl. NaN and infinity are no JSON: they become null with a `status`."""
        now = time.time()
        self._append(layout.EVENTS, *(_event(step, now, tag, value) for tag, value in values.items()))

    def event(self, step: int, event: str, **details: Any) -> None:
        """Append something that happened ("resume", "nan", "alarm") to events.jsonl."""
        self._append(layout.EVENTS, {"step": step, "time": time.time(), "event": event, **details})

    def say(self, text: str) -> None:
        """Append a line for people to log.txt."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with writing(self.path / layout.LOG):
            append_text(self.path / layout.LOG, f"{stamp} {text}\n")

    def _append(self, name: str, *records: dict[str, Any]) -> None:
        """Append lines to a file of the run; what stands in its place or a full disk is said in a sentence."""
        with writing(self.path / name):
            append_jsonl(self.path / name, *records)

    def write_grid(
        self, step: int, images: NDArray[np.uint8], *, rows: int, labels: Sequence[int] = (), latents: str = ""
    ) -> Path:
        """Write uint8 (n, c, h, w) images of fixed latents as one PNG sprite, row by row, and what its tiles are.

        `labels` has one class per tile; `latents` is a hash of the latents, equal for all steps of one run.
        """
        sprite = tile(images, rows)
        columns, (height, width) = len(images) // rows, images.shape[2:]
        folder = self.path / layout.FIXED
        write_json(
            folder / layout.LAYOUT,
            {
                "rows": rows,
                "cols": columns,
                "tile": [int(height), int(width)],
                "labels": [int(i) for i in labels],
                "latents_sha256": latents,
            },
        )
        return write_atomic(folder / f"{layout.step_name(step)}.png", encode_png(sprite))

    def write_animation(self, milliseconds: int = 400) -> Path | None:
        """Write samples/fixed/animation.gif from the grids so far; None where there are none."""
        from PIL import Image

        grids = []
        for _, path in layout.by_step(self.path / layout.FIXED, ".png"):
            with Image.open(require_regular(path)) as picture:
                grids.append(picture.copy())
        if not grids:
            return None
        buffer = io.BytesIO()
        grids[0].save(buffer, "GIF", save_all=True, append_images=grids[1:], duration=milliseconds, loop=0)
        return write_atomic(self.path / layout.FIXED / "animation.gif", buffer.getvalue())

    def write_samples(
        self, step: int, images: NDArray[np.uint8], labels: NDArray[np.int64] | None = None, *, latents: str = ""
    ) -> Path:
        """Write uint8 (n, c, h, w) images to be evaluated, in the layout of ADM and DiT: arr_0 NHWC, arr_1 labels.

        `latents` names what the images were drawn of: equal names mean, row by row, the same latent and the same label,
        so that a gate may compare image by image. It is left out where that is not known.
        """
        _require_images(images)
        arrays: dict[str, NDArray[Any]] = {"arr_0": np.ascontiguousarray(images.transpose(0, 2, 3, 1))}
        if labels is not None:
            arrays["arr_1"] = np.asarray(labels, dtype=np.int64)
        if latents:
            arrays[layout.LATENTS] = np.array(latents[: layout.MAX_LATENTS])
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return write_atomic(self.path / layout.SAMPLES / f"{layout.step_name(step)}.npz", buffer.getvalue())

    def write_evaluation(self, evaluation: Evaluation, step: int) -> Path:
        """Write eval/step-NNNNNN/result.json and append each score to metric-NAME.jsonl."""
        path = evaluation.write(self.path / layout.EVALUATIONS / layout.step_name(step) / "result.json")
        for name, record in evaluation.scores.items():
            self._append(
                f"metric-{_slug(name)}.jsonl",
                {
                    "metric": name,
                    "results": {name: record.value, f"{name}_se": record.se},
                    "snapshot_pkl": None,
                    "step": step,
                    "timestamp": time.time(),
                },
            )
        return path

    def write_checkpoint(
        self,
        step: int,
        content: bytes,
        *,
        keep_last: int = 2,
        best: bool = False,
        info: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write checkpoints/step-NNNNNN.safetensors, the pointers last.json and best.json, run.json;
        then drop old ones.

        `info` are fields of run.json that change with the checkpoint. In this order a kill at any moment leaves
        pointers to whole files, and the files that run.json speaks of.
        """
        folder = self.path / layout.CHECKPOINTS
        path = write_atomic(folder / f"{layout.step_name(step)}.safetensors", content)
        for name in ("last", "best") if best else ("last",):
            self._point(name, step)
        self.update(**(info or {}))
        self._drop_old(max(keep_last, 1))
        return path

    def _drop_old(self, keep_last: int) -> None:
        """Remove all but the newest checkpoints and those that are pointed to."""
        keep = {pointed.name for name in ("last", "best") if (pointed := self.checkpoint(name))}
        for _, old in list(layout.by_step(self.path / layout.CHECKPOINTS, ".safetensors"))[:-keep_last]:
            if old.name not in keep:
                old.unlink()

    def checkpoint(self, which: str = "last") -> Path | None:
        """The file that last.json or best.json points to; None before the first checkpoint."""
        pointer = self.path / layout.CHECKPOINTS / f"{which}.json"
        if not pointer.exists():
            return None
        name = read_json(pointer).get("file", "")
        path = pointer.with_name(PurePath(str(name)).name)
        if path.name != name or not path.is_file():
            raise BrokenRunError(
                f"{pointer} must name a checkpoint beside it; it names {name!r}. Point it at an existing one."
            )
        return path

    def _point(self, name: str, step: int) -> None:
        file = f"{layout.step_name(step)}.safetensors"
        write_json(self.path / layout.CHECKPOINTS / f"{name}.json", {"file": file, "step": step})

    def resume(self, step: int, *, best: int | None = None, keep_last: int = 0, **fields: Any) -> None:
        """Say that training goes on from `step`; readers forget what was logged after it by the process that died.

        The process may have died on the way: `best` is the step that the resumed checkpoint calls the best, where
        best.json must point, and all but `keep_last` checkpoints are dropped (0 keeps all). `fields` of run.json
        change. What that process was in the middle of writing is removed.
        """
        for folder in (".", layout.FIXED, layout.SAMPLES, layout.CHECKPOINTS):
            if (self.path / folder).is_dir():
                remove_abandoned(self.path / folder)
        if best is not None:
            self._point("best", best)
        if keep_last:
            self._drop_old(keep_last)
        self.event(step, "resume")
        self.update(status="running", **fields)


def create_run(
    root: str | Path,
    name: str,
    *,
    config: Mapping[str, Any],
    seeds: Mapping[str, int],
    protocol: Mapping[str, str],
    class_names: Sequence[str] = (),
    command: Sequence[str] = (),
    environment: Mapping[str, Any] | None = None,
    **fields: Any,
) -> RunDirectory:
    """Make `root/<counter>-<name>` with config.toml and run.json in one step, so that a run that is seen is whole.

    `protocol` says how the run wants to be judged: {"real": "hoda:test", "train": "hoda:train", "classifier": "hoda"}.
    `command` is the argument list that was typed; absolute paths in it are cut to their last part.
    `fields` are more entries of run.json, such as what resuming needs.
    """
    said = {
        "schema": layout.SCHEMA,
        "id": "",
        "name": name,
        "created": _now(),
        "status": "running",
        "command": shlex.join(map(_portable, command)),
        "config": _plain(config),
        "seeds": dict(seeds),
        "protocol": dict(protocol),
        "class_names": list(class_names),
        "step_unit": "step",
        "git": git_state(),
        "environment": {"python": platform.python_version(), "platform": platform.platform(), **(environment or {})},
        **fields,
    }
    return RunDirectory(_new_folder(Path(root), _slug(name), render_toml(config), said))


def open_run(path: str | Path) -> RunDirectory:
    """Open an existing run directory for writing; raises `BrokenRunError` where `path` is none."""
    layout.read_info(Path(path))
    return RunDirectory(Path(path))


def runs_in(root: str | Path, **said: Any) -> Iterator[RunDirectory]:
    """The runs in a folder, newest first, whose run.json says this: `runs_in("runs", system="dcgan", status="done")`.

    What is no run, or is broken, is passed over.
    """
    for path in sorted(Path(root).glob(f"*/{layout.RUN}"), reverse=True):
        try:
            info = layout.read_info(path.parent)
        except BrokenRunError:
            continue
        if all(info.get(key) == value for key, value in said.items()):
            yield RunDirectory(path.parent)


def tile(images: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    """uint8 (n, c, h, w) -> one uint8 (rows * h, columns * w, c) picture, filled row by row.

    >>> tile(np.zeros((6, 1, 4, 5), np.uint8), rows=2).shape
    (8, 15, 1)
    """
    _require_images(images)
    n, c, h, w = images.shape
    if rows < 1 or n % rows:
        raise WrongInputError(f"{n} images do not fill {rows} rows; pass a multiple of the number of rows.")
    return images.reshape(rows, n // rows, c, h, w).transpose(0, 3, 1, 4, 2).reshape(rows * h, n // rows * w, c)


def _new_folder(root: Path, slug: str, config: str, said: Mapping[str, Any]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    while True:
        path = root / f"{1 + max(map(layout.counter, root.iterdir()), default=0):04d}-{slug}"
        try:
            make_folder(path, {layout.CONFIG: config, layout.RUN: render_json({**said, "id": path.name})})
        except FileExistsError:  # two trainers started at once: count again
            continue
        return path


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:64] or "run"


def _event(step: int, now: float, tag: str, value: float) -> dict[str, Any]:
    value = float(value)
    line = {"step": step, "time": now, "tag": tag, "value": value if math.isfinite(value) else None}
    return line if math.isfinite(value) else {**line, "status": "nan" if math.isnan(value) else "inf"}


def _require_images(images: NDArray[np.uint8]) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise WrongInputError(
            f"Images must be uint8 (n, c, h, w) with c = 1 or 3; got {images.dtype} {images.shape}. "
            "Round to [0, 255] and move the channels in front."
        )


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}


def _portable(argument: str) -> str:
    return PurePath(argument).name if PurePath(argument).is_absolute() else argument


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_state(*apart_from: Path) -> dict[str, Any] | None:
    """Commit of the working directory's checkout and whether it had changes, except in some files; None outside one."""
    program = shutil.which("git")
    if program is None:
        return None
    outputs = []
    for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no", *_all_but(apart_from)]):
        try:
            done = subprocess.run(  # noqa: S603 -- a fixed command line, nothing in it comes from outside
                [program, *arguments], capture_output=True, text=True, check=False, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode != 0:
            return None
        outputs.append(done.stdout.strip())
    return {"commit": outputs[0], "dirty": bool(outputs[1])}


def _all_but(files: Sequence[Path]) -> list[str]:
    """The arguments by which git leaves out those of `files` that lie in this checkout."""
    here = Path.cwd().resolve()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    inside = [place for path in files if (place := place_of(path)).is_relative_to(root)]
    return (
        ["--", ":/", *(f":(top,exclude,literal){path.relative_to(root).as_posix()}" for path in inside)]
        if inside
        else []
    )


def command_line(module: str) -> list[str]:
    """What a person types to start this process again: `python -m MODULE` and the present arguments."""
    return ["python", "-m", module, *sys.argv[1:]]
