"""What every trainer shares and no reader of a trainer needs to see: data, checkpoints, logs, seeds, sampling."""
