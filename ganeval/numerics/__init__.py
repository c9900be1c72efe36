"""Arrays in, arrays out: moments, roots, sweeps, intervals."""
