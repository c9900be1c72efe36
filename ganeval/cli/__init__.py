"""The command line: one verb, one file; the only prints and exit codes."""
