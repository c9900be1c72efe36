"""Ray: the parts of a large set embedded by a pool of workers, on one machine or a cluster; extra `ray`.

Each worker opens the images itself, from a shared folder or an address, and embeds one part at a time with
`ganeval.measure.embedding.embed`; Ray Data hands the parts out and hands a part out again when its worker has died.
What comes back are file names: no pixel and no row passes through Ray's store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganeval import errors
from ganeval.core.compute import HERE, Compute
from ganeval.core.machine import quiet
from ganeval.errors import GanevalError, WrongInputError, guarded, sentence
from ganeval.features.parts import checked_part
from ganeval.integrations.needed import needed
from ganeval.measure.embedding import embed
from ganeval.measure.generators import load_generator
from ganeval.records.protocol import Protocol


class _Worker:
    """One process of the pool: embeds the parts that it is given."""

    def __init__(self, source: str | None, generator: str | None, protocol: dict[str, Any], out: str, **compute: Any):
        self._source, self._out = source, out
        self._generator = None if generator is None else load_generator(generator)
        self._protocol = Protocol.parse(protocol)
        self._compute = Compute(progress=False, **compute)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        rows = [self._made(str(part)) for part in batch["part"]]
        return {"file": [file for file, _, _ in rows], "kind": [k for _, k, _ in rows], "said": [s for *_, s in rows]}

    def _made(self, part: str) -> tuple[str, str, str]:
        """The file; or the kind and the text of the error: Ray would wrap an exception and try again."""
        try:
            path = embed(
                self._source, self._protocol, self._compute, part=part, out=self._out, generator=self._generator
            )
        except GanevalError as error:
            return "", type(error).__name__, str(error)
        return str(path), "", ""


@guarded
def embed_parts(
    source: str | None,
    protocol: Protocol,
    out: str | Path,
    *,
    parts: int,
    workers: int = 2,
    cpus: float = 1.0,
    gpus: float = 0.0,
    generator: str | None = None,
    compute: Compute = HERE,
) -> list[Path]:
    """Embed all parts of a set into the folder `out`, which `measure` then takes in place of the images.

    source: a path or an address that every worker can open; or generator: package.module:function. out: a folder that
    all workers share. parts: in how many the set is divided; more parts than workers cost little and lose less when
    one dies. workers: processes, each with `cpus` and `gpus` of Ray's. Parts that are there are not made again. Ray is
    started on this machine where it does not run and RAY_ADDRESS names no cluster.

    Returns: the files, in the order of the parts. Raises: what `embed` raises, in any worker.
    """
    ray = needed("ray", "ray")
    data = needed("ray.data", "ray")
    checked_part(f"1/{parts}")
    if not isinstance(workers, int) or workers < 1:
        raise WrongInputError(f"workers must be a whole number from 1; got {workers!r}. Start with 2.")
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    data.DataContext.get_current().enable_progress_bars = not quiet()
    numbers = data.from_items(
        [{"part": f"{number}/{parts}"} for number in range(1, parts + 1)], override_num_blocks=parts
    )
    made = numbers.map_batches(
        _Worker,
        batch_size=1,
        concurrency=min(workers, parts),
        num_cpus=cpus,
        num_gpus=gpus,
        fn_constructor_kwargs={
            "source": source,
            "generator": generator,
            "protocol": protocol.to_json(),
            "out": str(Path(out).absolute()),
            "device": compute.device,
            "batch_size": compute.batch_size,
        },
    )
    try:
        return sorted(_file(row) for row in made.iter_rows())
    except ray.exceptions.RayError as error:
        raise GanevalError(f"A worker of Ray failed: {sentence(error)}. Look at the logs of Ray.") from error


def _file(row: dict[str, str]) -> Path:
    """The file of a part, or the error that its worker met."""
    if row["kind"]:
        raise getattr(errors, row["kind"], GanevalError)(row["said"])
    return Path(row["file"])
