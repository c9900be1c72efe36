"""Records in, a verdict out: what was promised, what is tolerated, what happened. No torch, no measuring."""
