"""
A diffusers pipeline of your own
================================

Hugging Face ``diffusers`` has networks, schedulers and pipelines, and no opinion on how good their images are. This
page trains a small network of theirs on digits of 8 x 8 pixels, writes the run directory with `ganeval.runs` alone, and
measures it like any other run. The fields are explained on the page "The run directory, field by field".
"""

# %%
# The pipeline
# ------------
#
# An ordinary `UNet2DModel`, which gets the digit as a class label.

import tempfile
from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DModel

import ganeval
from ganeval.cli.main import main
from ganeval.runs.directory import create_run

torch.manual_seed(0)
unet = UNet2DModel(
    sample_size=8,
    in_channels=1,
    out_channels=1,
    block_out_channels=(16, 32),
    down_block_types=("DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D"),
    layers_per_block=1,
    norm_num_groups=8,
    num_class_embeds=10,
    add_attention=False,
)
scheduler = DDIMScheduler(num_train_timesteps=200, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")

# %%
# The folder
# ----------
#
# `protocol` says how the run wants to be judged, `class_names` what its labels mean.

runs = Path(tempfile.mkdtemp()) / "runs"
config = {"steps": 300, "batch": 64, "lr": 6e-3, "inference_steps": 10}
run = create_run(
    runs,
    "my pipeline",
    config=config,
    seeds={"seed": 0},
    protocol={"real": "digits:test", "train": "digits:train", "classifier": "digits"},
    class_names=[str(digit) for digit in range(10)],
)

# %%
# Training and sampling
# ---------------------
#
# The loop of diffusers' own tutorial, for a network that predicts the velocity. Images go from the scheduler's [-1, 1]
# to uint8 in [0, 255], channels first: what is written here is what is measured, so there is no second rounding.

train = ganeval.image_set("digits:train")
real, digits = torch.tensor(train.array()).float() / 127.5 - 1, torch.tensor(train.labels)
rng = torch.Generator().manual_seed(0)
adam = torch.optim.Adam(unet.parameters(), config["lr"])
decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, config["steps"])


@torch.no_grad()
def images(labels, seed):
    x = torch.randn(len(labels), 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    scheduler.set_timesteps(config["inference_steps"])
    for t in scheduler.timesteps:
        x = scheduler.step(unet(x, t, class_labels=labels).sample, t, x).prev_sample
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()


for step in range(1, config["steps"] + 1):
    rows = torch.randint(len(real), (config["batch"],), generator=rng)
    noise = torch.randn(real[rows].shape, generator=rng)
    t = torch.randint(200, (len(rows),), generator=rng)
    predicted = unet(scheduler.add_noise(real[rows], noise, t), t, class_labels=digits[rows]).sample
    loss = torch.nn.functional.mse_loss(predicted, scheduler.get_velocity(real[rows], noise, t))
    adam.zero_grad()
    loss.backward()
    adam.step()
    decay.step()
    run.log(step, {"loss": loss.item()})
    if step % 150 == 0:
        run.write_grid(step, images(torch.arange(40) // 4, seed=1), rows=10, labels=(torch.arange(40) // 4).tolist())

labels = torch.arange(300) % 10
run.write_samples(config["steps"], images(labels, seed=2), labels.numpy())
unet.save_pretrained(run.path / "unet")
scheduler.save_pretrained(run.path / "scheduler")
run.update(status="done")

# %%
# What it gets for it
# -------------------
#
# GAN-test asks whether the classifier recognises the requested digit, recall how much of the real variety is there,
# `copies` whether the training images have come back.

main(["evaluate", "--fake", str(run.path), "--metrics", "classifier_score", "precision", "recall", "copies"])

# %%
# The report has the curve, the pictures and the numbers, beside those of any other trainer's runs in the same folder.

main(["report", str(runs), "--out", str(runs / "report.html")])
