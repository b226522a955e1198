"""The public surface: how this instance is followed from the fediverse."""
