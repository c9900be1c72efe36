"""What a network sees of images: rows, their cache, their pairs, their ranks."""

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="Seeing images with a network")
