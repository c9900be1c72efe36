"""One data set a file: its published files -> images and labels of a split. No torch."""
