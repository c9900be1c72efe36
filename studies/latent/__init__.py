"""What latent spaces keep of a class."""
