"""What errors and intervals of metrics promise."""
