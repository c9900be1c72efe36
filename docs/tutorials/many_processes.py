"""
Many GPUs and clusters
======================

One process takes too long, or the images are too many for one machine. There are two ways to share the work, and this
page runs both, on two processes of a CPU: processes that start together and talk to each other (``torchrun``, one
process for each GPU), and jobs that know nothing of one another (a cluster with a queue). Both give the numbers of one
process; this page compares them.
"""

# %%
# A generator that every process can load
# ---------------------------------------
#
# It lies in a file: the digits of scikit-learn with noise on them. It draws only from the random generator that it is
# handed, so the images of one block of 500 are the same, whichever process draws it. Yours would load its weights in
# the same place.

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ganeval import Protocol, measure

project = Path(tempfile.mkdtemp())
(project / "noisy.py").write_text("""
import torch
import ganeval

TRAIN = torch.from_numpy(ganeval.image_set("digits:train").array()).float()


def sample(n, labels, rng):
    chosen = TRAIN[torch.randint(len(TRAIN), (n,), generator=rng)]
    return (chosen + 40 * torch.randn(chosen.shape, generator=rng)).clamp(0, 255).round().to(torch.uint8)
""")

# %%
# One process
# -----------

sys.path.insert(0, str(project))
how = Protocol(real="digits:test", classifier="digits", labels="none", n=2000, metrics=("fid", "recall"), floor=False)
noisy = importlib.import_module("noisy")
alone = measure(noisy.sample, how)
print({name: str(score) for name, score in alone.scores.items()})

# %%
# Processes that start together
# -----------------------------
#
# Every process runs the same script. ``current()`` says which of them it is and how many there are; ``measure`` then
# gives each its own blocks of images, and every process gets the same result. Only one of them should print.

(project / "together.py").write_text("""
from ganeval import Compute, Protocol, measure
from ganeval.distributed import current, leave
from noisy import sample

ranks = current()
how = Protocol(real="digits:test", classifier="digits", labels="none", n=2000, metrics=("fid", "recall"), floor=False)
found = measure(sample, how, Compute(cache=False, progress=False, ranks=ranks))
if ranks.rank == 0:
    print(ranks.size, "processes:", {name: str(score) for name, score in found.scores.items()})
    found.write("together.json")
leave(0)
""")
environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), *sys.path]), "OMP_NUM_THREADS": "1"}
torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
done = subprocess.run(
    [*torchrun, "together.py"], cwd=project, env=environment, capture_output=True, text=True, check=True
)
print(done.stdout)

# %%
# In a shell that is ``torchrun --standalone --nproc-per-node 2 together.py``, and without a script of your own::
#
#     torchrun --standalone --nproc-per-node 8 -m ganeval evaluate \
#       --generator noisy:sample --real digits:test --classifier digits
#
# Jobs that know nothing of one another
# -------------------------------------
#
# Each job sends one part of the images through the network and leaves one file. A part that is there is not made again,
# so after a crash all jobs are simply submitted once more. Two jobs, at the same time:

jobs = []
for part in ("1/2", "2/2"):
    command = (
        f"ganeval embed --generator noisy:sample --labels none --n 2000 --classifier digits --part {part} --out parts"
    )
    print(f"$ {command}")
    jobs.append(subprocess.Popen([sys.executable, "-m", *command.split()], cwd=project, env=environment))
print("exit codes", [job.wait() for job in jobs])
print(sorted(path.name for path in (project / "parts").iterdir()))

# %%
# The folder of parts stands wherever images may stand. Nothing is drawn or sent through a network again.

joined = measure(project / "parts", how.with_(n=None))
print({name: str(score) for name, score in joined.scores.items()})
for name, score in alone.scores.items():
    print(f"{name:7} alone {score.value:.10f}, joined {joined[name].value:.10f}")

# %%
# On a real cluster
# -----------------
#
# - Slurm: two job scripts and the line that submits both, Ray: one function, are on the page :doc:`/clusters`.
# - What each process holds in memory, and what is shared: :doc:`/scale`.
# - Parts hold what the network made of the images, and no pixels: metrics of pixels (``ms_ssim``) have no value there.
