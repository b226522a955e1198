"""Receipts at the edge: signing ours, reading those of others, and whose they are."""
