"""Folders as other people's trainers leave them, and what the report makes of each."""
