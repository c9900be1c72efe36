"""One layout of other trainers' folders a file."""
