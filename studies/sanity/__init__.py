"""Which metrics pass which sanity check."""
