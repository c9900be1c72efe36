"""What becomes of a process that is killed, a file that is damaged, an input that is wrong, an output that is closed.

    python -m benchmarks.reliability [--full] [--write]

Each file here answers one of these questions with a table; `--write` makes docs/reliability.md of them. The tests use
the same helpers with fewer examples.
"""
