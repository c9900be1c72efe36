"""The pages of docs/results about generators: measured here, never typed by hand."""
