"""The run directory, written and read: the only contract between a trainer and the library. No torch."""
