"""Whatever a recipe says is heard: a field changes the training, or is refused in a sentence before it begins."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch

from ganeval.errors import WrongInputError
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.heard import SWITCHES, require_heard
from reference_models.plumbing.options import Options
from reference_models.plumbing.ranges import require_ranges
from reference_models.plumbing.system import SYSTEMS, fit

QUICK = Options(device="cpu", sample_per_class=0, grids=0, checkpoints=1)
EVERYDAY = ("gan_mlp",)  # the others every week
OWN = {int: 5, float: 0.123, bool: True}  # of no recipe
OTHERS = {"size": 32, "width": 24, "d_kernel": 3, "g_last": 3, "classes": (1, 2), "g_widths": (8,), "d_widths": (8, 8)}


def shipped(name: str) -> list[Any]:
    return [*SYSTEMS[name].profiles.values(), *SYSTEMS[name].variants.values()]


@pytest.mark.parametrize("name", SYSTEMS.names())
def test_every_recipe_that_is_shipped_is_heard(name: str) -> None:
    for recipe in shipped(name):
        require_heard(recipe, shipped(name))


SWITCHED = [
    (system.name, switch, off, field)
    for system in SYSTEMS
    for switch, off, idle in SWITCHES
    for field in idle
    if {switch, field} <= {f.name for f in fields(system.profile("smoke"))}
]


@pytest.mark.parametrize(("name", "switch", "off", "field"), SWITCHED)
def test_a_field_that_another_switches_off_is_refused(name: str, switch: str, off: Any, field: str) -> None:
    config = replace(SYSTEMS[name].profile("smoke"), **{switch: off})
    require_heard(config, shipped(name))  # its own recipe's value was not asked for
    with pytest.raises(WrongInputError, match=f"^{field} changes nothing while {switch} is"):
        fit(name, replace(config, **{field: OWN[get_type_hints(type(config))[field]]}), dataset="synthetic")


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("autoencoder", {"units": 1}, "encoder has none"),  # it trained an empty network
        ("vae", {"units": 1}, "encoder has none"),
        ("sngan", {"g_width": 1}, "generator has none"),
        ("dcgan", {"d_norm": True}, "images of 8 pixels have but one"),
        ("dcgan", {"growth": 3}, "images of 8 pixels have but one"),
        ("cdcgan", {"size": 0, "d_width": 3}, "must be even; got 4 and 3"),
        ("cgan_dense", {"g_widths": ()}, "g_widths must be at least one number"),
        ("projection_cgan", {"r1_every": 50}, "In 4 steps nothing happens every 50"),
        ("dcgan", {"noise": 0.1, "noise_until": 0.0}, "noise_until must be a finite number above 0 and at most 1"),
        ("dcgan", {"flips": 0.5}, "flips must be a finite number from 0 to below 0.5"),  # the targets say nothing
        ("dcgan", {"smoothing": 1.0}, "smoothing must be"),  # as those of generated images
        ("wgan_clip", {"clip": 1e-300}, "clip must be a finite number above 0 in float32"),
        ("vae", {"lr": 1e300}, "lr must be a finite number above 0 in float32"),
    ],
)
def test_a_recipe_that_teaches_nothing_is_refused(name: str, changes: dict[str, Any], said: str, tmp_path) -> None:
    with pytest.raises(WrongInputError, match=said):
        fit(name, replace(SYSTEMS[name].profile("smoke"), **changes), dataset="synthetic", out=tmp_path, options=QUICK)


def other(field: str, hint: Any, value: Any) -> Any:
    """Another value that may be meant."""
    if field in OTHERS:
        return OTHERS[field]
    if hint is bool:
        return not value
    if get_origin(hint) is Literal:
        return next(word for word in get_args(hint) if word != value)
    if hint is int:
        return 2 * value
    return {"halflife": 1.0}.get(field, value / 2 or 0.25)


def numbers(state: Any, path: str = "") -> dict[str, Any]:
    """All numbers of a checkpoint but the time that it took."""
    if isinstance(state, dict):
        return {k: v for key, part in state.items() for k, v in numbers(part, f"{path}.{key}").items()}
    return {} if "cpu_seconds" in path else {path: state}


def often(config: Any) -> Any:
    """The same with its penalty in every step."""
    return replace(config, **{name: 1 for name in ("r1_every", "every") if hasattr(config, name)})


@pytest.mark.parametrize(
    "name", [name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.study) for name in SYSTEMS.names()]
)
def test_every_field_changes_the_training_or_is_refused(name: str, tmp_path) -> None:
    def trained(config: Any) -> dict[str, Any]:
        run = fit(name, config, dataset="synthetic", out=tmp_path, options=QUICK)
        checkpoint = run.checkpoint()
        assert checkpoint is not None
        return numbers(decode_state(checkpoint.read_bytes(), "here"))

    def alike(one: dict[str, Any], two: dict[str, Any]) -> bool:
        return one.keys() == two.keys() and all(
            torch.equal(v, two[k]) if isinstance(v, torch.Tensor) else v == two[k] for k, v in one.items()
        )

    plain = often(SYSTEMS[name].profile("smoke"))
    before, hints, silent = trained(plain), get_type_hints(type(plain)), []
    assert alike(before, trained(plain))
    for field in {field.name for field in fields(plain)} - set(SYSTEMS[name].sampling):
        config = replace(plain, **{field: other(field, hints[field], getattr(plain, field))})
        require_ranges(config)
        try:
            if alike(before, trained(config)):
                silent.append(field)
        except WrongInputError:
            continue
    assert silent == []
