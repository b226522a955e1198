"""Asks: calls for help by people without an account."""
