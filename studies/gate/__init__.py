"""What the gate promises."""
