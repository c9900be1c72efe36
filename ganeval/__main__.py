"""`python -m ganeval`, and under torchrun the same in many processes, which must not wait for one that has failed."""

from __future__ import annotations

import os
import sys

from ganeval.cli.main import main

if __name__ == "__main__":
    code = main()
    if os.environ.get("WORLD_SIZE", "1") != "1":
        from ganeval.features.ranks import leave

        leave(code)
    sys.exit(code)
