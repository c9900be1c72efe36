"""What is written down: how it was measured, and what came out. No torch."""
