"""The way in: every number of the command line, the functions, the gate and the report is measured here."""
