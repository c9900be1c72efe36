"""Critics, class heads and lost modes."""
