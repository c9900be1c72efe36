"""Which metric sees which fault: `python -m studies sight`."""
