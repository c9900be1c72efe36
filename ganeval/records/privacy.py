"""What a page that is mailed around does not say: who ran it, on which machine, from which folder, and where its code
lies.

Of an environment only the fields named here are shown. Settings are free: of them those are left out that name people
and secrets. In every text e-mail and network addresses are hidden, and of a path from the root its last name is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ENVIRONMENT = frozenset(
    {
        "ganeval",
        "torch",
        "torchvision",
        "numpy",
        "scipy",
        "python",
        "cuda",
        "cudnn",
        "os",
        "platform",
        "machine",
        "processor",
        "cores",
        "cpu_count",
        "threads",
        "processes",
        "device",
        "gpu",
        "gpus",
        "gpu_count",
        "precision",
        "deterministic",
        "seconds",
        "cpu_seconds",
        "seeds",
        "versions",
        "git",
        "git.commit",
        "git.dirty",
        "command",
    }
)
PERSONAL = re.compile(
    r"(^|[._-])(user|users|username|user_?name|login|e?mail|host|host_?name|entity|author|owner|team|token|password"
    r"|passwd|secret|api_?key|credentials?)($|[._-])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>,;)]+|\b[\w.-]+@[\w.-]+:[\w./~-]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE
)
_PATH = re.compile(r"(?<![\w.<&/\\])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\\"'<>,;:]+[/\\])+(?=[^\s/\\]|$)")


def discreet(text: str) -> str:
    """The text without addresses, and with the last name of each path.

    >>> discreet("train.py --data /home/ann/mnist.zip, ask ann@lab.org or https://lab.org/x")
    'train.py --data …/mnist.zip, ask (address) or (address)'
    """
    return _PATH.sub("…/", _ADDRESS.sub("(address)", text)) if "/" in text or "\\" in text or "@" in text else text


def environment_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an environment that say how a number came about."""
    kept = {key: value for key, value in environment.items() if key.lower() in ENVIRONMENT}
    git = kept.get("git")
    return kept | (
        {"git": {key: git[key] for key in ("commit", "dirty") if key in git}} if isinstance(git, dict) else {}
    )


def settings_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those whose name says that they name a person, a machine or a secret."""
    kept = {key: value for key, value in settings.items() if not PERSONAL.search(str(key))}
    return {key: settings_of(value) if isinstance(value, Mapping) else value for key, value in kept.items()}
