"""Writers of verdicts, one format per file; found by the registry in `ganeval.gate.writer`."""
