"""How a recipe is run, as against what it is: device, arithmetic, and how often the books are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How a recipe is run. The defaults change no number of a recipe on a CPU in fp32."""

    device: str = "auto"  # auto, cpu, cuda, mps
    amp: bool = False  # bfloat16 autocast where the trainer allows it; changes the numbers
    channels_last: bool = False  # memory format of the convolutions; changes the last bits
    compile: bool = False  # torch.compile of the networks; changes the last bits
    threads: int = 0  # CPU threads of torch; 0 leaves them
    log_every: int = 50  # steps
    grids: int = 10  # pictures of the fixed latents over the training
    checkpoints: int = 10  # checkpoints over the training
    keep_last: int = 2  # checkpoints kept, besides the best
    sample_per_class: int = 100  # images of each class written for evaluation at the end
    sample_times: int = 1  # how often over the training, the end included
    judge: str = ""  # zoo classifier that picks the best checkpoint by KID on held-out images; "" keeps only the last;
    # auto trains one of these images and keeps it with the run, for the report and the gate too
    gif: bool = False  # also write the fixed latents as an animation
