"""Peers watch over each other's logs: what we sign of theirs, and what they sign of ours."""
