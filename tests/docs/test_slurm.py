"""The Slurm scripts of the pages, run with a stand-in for `sbatch` that starts the array's jobs one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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


def test_the_scripts_embed_an_array_and_evaluate_it(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, text in (("sbatch", SBATCH), ("ganeval", f'#!/bin/bash\nexec "{sys.executable}" -m ganeval "$@"\n')):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    parts, result = tmp_path / "parts", tmp_path / "result.json"
    submit = ["bash", str(SCRIPTS / "submit.sh"), "2", "digits:test", str(parts), str(result), "digits:train", "digits"]
    done = subprocess.run(submit, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in parts.iterdir()) == ["part-1-of-2.safetensors", "part-2-of-2.safetensors"]
    assert json.loads(result.read_text())["scores"]["fid"]["status"] == "ok"
