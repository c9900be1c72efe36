"""The Slurm scripts of the pages, run with a stand-in for `sbatch` that starts the array's jobs one after the other."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from ganeval.cli.main import main

SCRIPTS = Path(__file__).parents[2] / "docs" / "slurm"
SBATCH = r"""#!/bin/bash
array=1
while [[ "$1" == --* ]]; do
  case "$1" in --array=*) range="${1#--array=}" ;; esac
  shift
done
script="$1"; shift
if [ -n "${range:-}" ]; then
  for ((task = ${range%-*}; task <= ${range#*-}; task++)); do
    SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=${range#*-} bash "$script" "$@" >&2 || exit 1
  done
else
  bash "$script" "$@" >&2 || exit 1
fi
echo 4711
"""


GANEVAL = """#!/bin/bash
printf '%s\\0' "$@" >> "$SAID"; echo >> "$SAID"
"""


def test_the_scripts_embed_an_array_and_evaluate_it(tmp_path: Path) -> None:
    """A real bash runs the scripts; what they say to `ganeval` is then done in this process, which has loaded torch."""
    (tmp_path / "bin").mkdir()
    for name, text in (("sbatch", SBATCH), ("ganeval", GANEVAL)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    parts, result, heard = tmp_path / "my parts", tmp_path / "my result.json", tmp_path / "heard"
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "SAID": str(heard)}
    submit = ["bash", str(SCRIPTS / "submit.sh"), "2", "digits:test", str(parts), str(result), "digits:train", "digits"]
    done = subprocess.run(submit, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    commands = [line.split("\0")[:-1] for line in heard.read_text().splitlines()]
    assert [words[0] for words in commands] == ["embed", "embed", "evaluate"]
    assert [main(words) for words in commands] == [0, 0, 0]
    assert sorted(path.name for path in parts.iterdir()) == ["part-1-of-2.safetensors", "part-2-of-2.safetensors"]
    assert json.loads(result.read_text())["scores"]["fid"]["status"] == "ok"
