"""Documents as they travel: frozen, checked by shape and limits, knowing no database."""
