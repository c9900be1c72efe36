"""What every room stands on: registries, whole files, options, the user's folders. No torch."""
