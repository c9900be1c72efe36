"""What a network sees of images: rows, their cache, their pairs, their ranks."""
