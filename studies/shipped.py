"""The shipped generators: weights of a finished projection cGAN in half precision, and a card of what they score.

python -m studies shipped hoda --run runs/0007-projection_cgan-hoda
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import safetensors.torch
from torch.nn import ConvTranspose2d
from tyro.conf import Positional

from ganeval.core.files import write_atomic, write_json
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import WrongInputError
from ganeval.generators.shipped import READER, SCHEMA, WEIGHTS, GeneratorSpec
from ganeval.measure.measure import measure
from ganeval.records.protocol import Protocol
from ganeval.runs.directory import open_run
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.system import recipe_of
from reference_models.projection_cgan import Config, Generator
from studies.page import machine

METRICS = ("classifier_score", "gan_train", "precision", "recall", "density", "coverage", "fid", "copies")
N, SEED = 2000, 1
NOTES = {"hoda": "Hoda is free for research and non-commercial use; so are these weights, which were learnt from it."}


def main(dataset: Positional[str], *, run: Path, out: Path = WEIGHTS) -> Path:
    """Write `out`/DATASET-cgan.safetensors and .json, and return the card.

    Args:
        dataset: hoda or mnist.
        run: a finished run of projection_cgan on it.
        out: the folder of weights.
    """
    opened, name = open_run(run), f"{dataset}-cgan"
    system, config = recipe_of(opened)
    path = opened.checkpoint()
    if (system.name, opened.info["dataset"], opened.info["status"]) != (
        "projection_cgan",
        dataset,
        "done",
    ) or path is None:
        raise WrongInputError(f"{run} must be a finished run of projection_cgan on {dataset}; it is another.")
    held = decode_state(path.read_bytes())["held"]
    state = {**summed(held["average"]), **{f"{READER}{key}": value for key, value in held.get("reader", {}).items()}}
    for key in ("styles.centres", "styles.style_of"):
        state.pop(key, None)  # of images; drawing needs the shares alone
    half = {key: value.half().contiguous() if value.is_floating_point() else value for key, value in state.items()}
    weights = write_atomic(out / f"{name}.safetensors", safetensors.torch.save(half))
    card = _card(name, dataset, config, opened.info, hashlib.sha256(weights.read_bytes()).hexdigest())
    write_json(out / f"{name}.json", card)
    return write_json(out / f"{name}.json", {**card, "measured": _measured(name, dataset, out)})


def summed(state: dict[str, Any]) -> dict[str, Any]:
    """Weights in which the row of a style holds that of its class as well: what is asked for is one table again."""
    whole = {key: value for key, value in state.items() if key.endswith(".whole")}
    rows = {key: value for key, value in state.items() if key not in whole}
    for key, value in whole.items():
        styles = f"{key.removesuffix('whole')}weight"
        rows[styles] = rows[styles] + value.repeat_interleave(len(rows[styles]) // len(value), dim=0)
    return rows


def _card(name: str, dataset: str, config: Config, info: dict[str, Any], digest: str) -> dict[str, Any]:
    channels = info["shape"][0]
    built = Generator(config, tuple(info["shape"]), len(info["class_names"]))
    widths = [up.in_channels for up in built.up if isinstance(up, ConvTranspose2d)] + [built.conv_out.in_channels]
    return {
        "schema": SCHEMA,
        "name": name,
        "class_names": info["class_names"],
        "shape": info["shape"],
        "weights_sha256": digest,
        "network": {
            "latent": config.latent,
            "start": built.start,
            "widths": widths,
            "channels": channels,
            "classes": len(info["class_names"]),
            "styles": config.styles,
        },
        "data": info["trained_on"],
        "data_sha256": info.get("data_sha256", ""),
        "licence": DATASETS[dataset].licence,
        "notes": [NOTES[dataset]] if dataset in NOTES else [],
        "recipe": info["config"],
        "seeds": info["seeds"],
        "images_seen": info["images"],
        "cpu_seconds": info["cpu_seconds"],
        "trained_with": info["environment"]["torch"],
        "command": f"python -m studies shipped {dataset} --run RUN",
    }


def _measured(name: str, dataset: str, folder: Path) -> dict[str, Any]:
    protocol = Protocol(
        real=f"{dataset}:test",
        train=f"{dataset}:train",
        classifier=dataset,
        n=N,
        seed=SEED,
        metrics=METRICS,
        floor=False,
    )
    found = measure(GeneratorSpec(name, "").load(folder), protocol, name=name)
    scores = {
        key: {"value": one.value, "se": one.se, "interval": one.interval} for key, one in found.scores.items() if one.ok
    }
    return {"protocol": protocol.to_json(), "machine": machine(), "real": found.real.n, "scores": scores}
