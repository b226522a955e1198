"""Periods of a book: closed together, looked at by all, signed by two, locked."""
